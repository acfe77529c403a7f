"""Many clients at once, against real server processes that share only the database."""

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from deskgraph.app import utc_now
from models import TicketEventType
from tests.support import proofs
from tests.support.processes.environment import child_environment
from tests.support.processes.launcher import program
from tests.support.rows import key
from tests.support.settings import KEY
from tests.support.world import World

pytestmark = pytest.mark.anyio

CLIENTS = 50 if proofs.LONG else 20
PROCESSES = {"postgres": 4 if proofs.LONG else 2, "sqlite": 2}
CREATE = """
mutation ($input: CreateTicketInput!) {
  createTicket(input: $input) { ticket { ticketNumber } errors { message } }
}
"""


@contextmanager
def served(url: str, media: Path, processes: int, **settings: str) -> Iterator[list[str]]:
    """Run server processes, with more settings by their short names; give their addresses."""
    environment = child_environment(
        DATABASE_URL=url,
        FILES_URL=f"file://{media}",
        SECRET_KEY=KEY,
        ENVIRONMENT="production",
        **settings,
    )
    command = ["-m", "tests.support.processes.forked_servers", str(processes)]
    with program(command, media.parent / "server.log", environment=environment) as running:
        # Their sockets take connections from then on.
        yield [f"http://127.0.0.1:{int(port)}" for port in running.line().split()]


async def create_by_graphql(client: httpx.AsyncClient, base: str) -> str:
    given = {"subject": "S", "description": "D", "companyId": str(key("hilton"))}
    body = {"query": CREATE, "variables": {"input": given}}
    response = await client.post(f"{base}/graphql", json=body)
    assert response.status_code == 200, response.text
    payload = response.json()["data"]["createTicket"]
    assert payload["errors"] == []
    return str(payload["ticket"]["ticketNumber"])


async def create_by_rest(client: httpx.AsyncClient, base: str) -> str:
    given = {"subject": "S", "description": "D", "company": str(key("hilton"))}
    response = await client.post(f"{base}/api/v1/tickets/", json=given)
    assert response.status_code == 201, response.text
    return str(response.json()["ticket_number"])


@pytest.mark.proof(small=True)
async def test_clients_of_several_processes_all_get_consecutive_numbers(
    own_world: World, backend: str, database_url: str
) -> None:
    # The processes have clocks of their own, so a token is needed that is good today.
    own_world.clock.now = utc_now()
    headers = own_world.headers("keith")
    creates = (create_by_graphql, create_by_rest)
    with served(database_url, own_world.media, PROCESSES[backend]) as bases:
        async with httpx.AsyncClient(headers=headers, timeout=60) as client:
            numbers = await asyncio.gather(
                *(creates[n % 2](client, bases[n // 2 % len(bases)]) for n in range(CLIENTS))
            )

    # A day for each side of a midnight, should it come in between.
    by_day = itertools.groupby(sorted(numbers), key=lambda number: number[:10])
    for day, same in by_day:
        found = list(same)
        assert found == [f"{day}-{n:04}" for n in range(1, len(found) + 1)]
    events = await own_world.events()
    assert {event.type for event in events} == {TicketEventType.CREATED}
    assert len({event.ticket_id for event in events}) == CLIENTS
    # The order of the events is the order of the commits, and so of the numbers.
    assert [event.ticket_number for event in events] == sorted(numbers)
