"""``export`` and ``import``: a desk is the same on the other database, and back again."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from deskgraph.database.ticket_counts.recount import rebuild_counts
from deskgraph.transfer.exporting import export
from tests.deskgraph.conftest import Run, change, rows
from tests.deskgraph.importer.conftest import everything
from tests.deskgraph.transfer.conftest import EXPORT, Desk, add_files, fill, on
from tests.support.app_client import open_app
from tests.support.clock import NOON
from tests.support.named_rows import CONTENT
from tests.support.rows import key
from tests.support.settings import settings_for
from tests.support.stored import wrong_counts_of

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder", "undelivered")

NewDesk = Callable[[str], Desk]
Use = Callable[[Desk], None]
LISTS = ("tickets", "companies", "contacts", "ticket-comments", "ticket-attachments", "users")
PATHS = [
    *(f"/api/v1/{name}/?{more}" for name in LISTS for more in ("", "limit=3&offset=2")),
    "/api/v1/tickets/?search=Ünïcödé",
    "/api/v1/tickets/?search=日本語",
    "/api/v1/ticket-comments/?search=東京",
    "/api/v1/tickets/?status=new&ordering=due_date",
    "/api/v1/tickets/stats/",
    f"/api/v1/tickets/{key('offline')}/",
    f"/api/v1/companies/{key('hilton')}/",
]
QUERIES = (
    """{ tickets(first: 50) { totalCount nodes { ticketNumber subject status dueDate tags
    company { name } attachments { name size } comments(first: 5) { totalCount nodes { text } }
    history(first: 5) { nodes { cursor type at changes { field } } } } } }""",
    "{ companies(first: 50) { totalCount nodes { name updatedAt } } }",
    '{ search(query: "東京", first: 20) { edges { snippets { field } } } }',
)
OF_ADMINS = """{ webhooks(first: 5) { nodes { url enabled disabledReason eventTypes filter
    failingSince
    deliveries(first: 10) { nodes { state type request nextAttemptAt
    attempts { number status answer error } } } } } }"""


def moved(url: str) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of all tables; the counts of tickets as they are when all are counted."""
    on(url, rebuild_counts)
    found = everything(url)
    del found["rate_buckets"], found["data_revision"]
    found["imported_rows"] = [row for row in found["imported_rows"] if row["kind"] != "export"]
    return found


def lines_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob("*.jsonl")}


def answers(desk: Desk, cursors: list[str]) -> dict[str, Any]:
    """Ask both APIs as an Admin and as a customer; go on from cursors, or add those of here."""

    async def ask() -> dict[str, Any]:
        found: dict[str, Any] = {}
        async with open_app(settings_for(desk.url, desk.files)) as (_app, client, world):
            for who in ("carla", "admin"):
                client.headers.update(world.headers(who))
                for path in PATHS:
                    found[f"{who} {path}"] = told(await client.get(path))
                for query in QUERIES:
                    found[f"{who} {query}"] = await asked(client, query)
            found[OF_ADMINS] = await asked(client, OF_ADMINS)
            if not cursors:
                cursors.extend([await end_of(client, LIST), await end_of(client, LOG)])
            for query, cursor in zip((LIST, LOG), cursors, strict=True):
                found[query] = await asked(client, query, after=cursor)
            feed = "/api/v1/ticket-events/"
            found[feed] = told(await client.get(feed, params={"after": cursors[1]}))
        return found

    return asyncio.run(ask())


LIST = "query L($after: String) { all: tickets(first: 5, after: $after) { ...Page } } "
LIST += "fragment Page on TicketConnection { pageInfo { endCursor } nodes { ticketNumber } }"
LOG = "query L($after: String) { all: ticketEvents(first: 50, after: $after) { ...Page } } "
LOG += "fragment Page on TicketEventConnection { pageInfo { endCursor } nodes { id type at } }"


def told(response: httpx.Response) -> Any:
    return response.status_code, response.json()


async def asked(client: httpx.AsyncClient, query: str, **variables: object) -> Any:
    response = await client.post("/graphql", json={"query": query, "variables": variables})
    assert "errors" not in response.json(), response.text
    return told(response)


async def end_of(client: httpx.AsyncClient, query: str) -> str:
    _, found = await asked(client, query)
    return str(found["data"]["all"]["pageInfo"]["endCursor"])


def test_a_desk_is_the_same_on_the_other_database_and_back(
    run: Run, new_desk: NewDesk, use: Use
) -> None:
    first, second, third = new_desk("sqlite"), new_desk("postgres"), new_desk("sqlite")
    fill(first)
    there = moved(first.url)
    assert {name for name, found in there.items() if not found} == {"ticket_count_changes"}

    for at, (old, new) in enumerate(((first, second), (second, third), (third, None))):
        use(old)
        ended = run("export", f"export{at}")
        assert (ended.code, ended.err) == (0, ""), ended
        if new is not None:
            use(new)
            ended = run("import", f"export{at}")
            assert (ended.code, ended.err) == (0, ""), ended

    assert moved(second.url) == there
    assert moved(third.url) == there
    assert lines_of(Path("export0")) == lines_of(Path("export1")) == lines_of(Path("export2"))
    # To the last character, and the numbers of events go on after all that were given out.
    json_of = "SELECT changes FROM ticket_events ORDER BY seq"
    assert rows(third.url, json_of) == rows(first.url, json_of)
    last = "SELECT seq FROM sqlite_sequence WHERE name = 'ticket_events'"
    assert rows(third.url, last) == rows(first.url, last)
    highest = rows(first.url, "SELECT max(seq) + 1 FROM ticket_events")
    assert rows(second.url, "SELECT last_value FROM ticket_events_seq_seq") == highest
    assert wrong_counts_of(second.url) == wrong_counts_of(third.url) == []

    cursors: list[str] = []
    told = answers(first, cursors)
    of_admin = {name: status for name, (status, _) in told.items() if "carla" not in name}
    assert of_admin == dict.fromkeys(of_admin, 200)
    assert answers(second, cursors) == told
    assert answers(third, cursors) == told


def test_a_write_that_is_sent_again_after_the_move_is_not_done_twice(
    run: Run, new_desk: NewDesk, use: Use
) -> None:
    old, new = new_desk("sqlite"), new_desk("postgres")
    fill(old)

    async def send(desk: Desk) -> httpx.Response:
        async with open_app(settings_for(desk.url, desk.files)) as (_app, client, world):
            headers = {**world.headers("keith"), "Idempotency-Key": "once"}
            path = f"/api/v1/tickets/{key('offline')}/add_comment/"
            return await client.post(path, headers=headers, json={"text": "Moved"})

    first = asyncio.run(send(old))
    assert first.status_code == 201
    use(old)
    assert run("export", "export").code == 0
    use(new)
    assert run("import", "export").code == 0
    there = moved(new.url)

    again = asyncio.run(send(new))

    assert again.headers["Idempotency-Replayed"] == "true"
    assert (again.status_code, again.content) == (201, first.content)
    assert moved(new.url) == there


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_an_export_of_a_server_at_work_is_of_one_moment(new_desk: NewDesk, kind: str) -> None:
    desk = new_desk(kind)
    fill(desk)
    written: list[int] = []

    def write_at_first(_name: str, done: int, _total: int) -> None:
        if done and not written:
            # Another process would do it without our event loop.
            writer = Thread(target=write)
            writer.start()
            writer.join()
            written.append(done)

    def write() -> None:
        change(desk.url, "UPDATE users SET first_name = 'late'")
        change(desk.url, "DELETE FROM webhook_attempts")

    there = moved(desk.url)
    on(desk.url, lambda database: export(database, None, EXPORT, NOON, write_at_first))

    assert written
    assert moved(desk.url)["webhook_attempts"] == []
    assert b"late" not in lines_of(EXPORT)["users.jsonl"]
    attempts = lines_of(EXPORT)["webhook_attempts.jsonl"].count(b"\n")
    assert attempts == len(there["webhook_attempts"]) > 0


def test_files_go_with_the_rows_when_wished(run: Run, new_desk: NewDesk, use: Use) -> None:
    desk, other = new_desk("sqlite"), new_desk("postgres")
    fill(desk)
    keys = add_files(desk)
    (desk.files / keys[0]).unlink()
    (desk.files / keys[1]).write_bytes(b"short")
    use(desk)

    ended = run("export", "export", "--files")

    assert ended.code == 3
    assert f" and {len(keys) - 2} files.\n" in ended.out
    assert ended.out.splitlines()[1:] == [
        f"Files that were not found: 1 ({keys[0]}).",
        f"Files that are not what their rows say: 1 ({keys[1]}).",
    ]
    (EXPORT / "files" / keys[2]).write_bytes(CONTENT.upper())
    use(other)
    ended = run("import", "export")
    assert ended.code == 3
    assert ended.out.splitlines()[1:] == [f"Files that are not what their rows say: 1 ({keys[2]})."]
    found = [path for path in other.files.rglob("*") if path.is_file()]
    assert {str(path.relative_to(other.files)) for path in found} == {*keys[3:]}
    assert {path.read_bytes() for path in found} == {CONTENT}
    tables = ("attachments", "deleted_attachments", "import_files")
    stored = [key for table in tables for (key,) in rows(other.url, f"SELECT key FROM {table}")]
    assert sorted(map(str, stored)) == sorted(keys)


def test_an_empty_desk_is_moved_too(run: Run, new_desk: NewDesk, use: Use) -> None:
    desk, other = new_desk("postgres"), new_desk("sqlite")
    use(desk)
    assert run("export", "export").out.startswith("export has 0 rows of ")
    use(other)
    ended = run("import", "export")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("Imported 0 rows of ")
    assert ended.out.endswith("keep the file store that the old settings name.\n")
    assert run("import", "export").out == "export is imported already; nothing was changed.\n"
