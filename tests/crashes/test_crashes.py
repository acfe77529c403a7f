"""What breaks while many write loses nothing that was acknowledged, and stores nothing twice.

``make crash`` runs all of it and prints a table.
"""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from deskgraph.app import utc_now
from tests.crashes import faults
from tests.crashes.faults import Fault
from tests.crashes.found import Findings, findings
from tests.crashes.load import Load
from tests.crashes.running import running
from tests.support import proofs
from tests.support.databases import migrated_cluster
from tests.support.processes.clusters import Cluster
from tests.support.small_disk import small_disk
from tests.support.world import open_world

pytestmark = pytest.mark.anyio

SERVERS, CLIENTS, WRITES = (4, 50, 20) if proofs.LONG else (2, 6, 8)
ROUNDS = 6 if proofs.LONG else 2
# Each with the databases on which it can happen; the suite runs the ones in IN_SUITE.
FAULTS: list[tuple[Fault, tuple[str, ...]]] = [
    (faults.nothing, ("sqlite", "postgres")),
    (faults.one_server_killed, ("sqlite", "postgres")),
    (faults.servers_killed, ("sqlite", "postgres")),
    (faults.database_killed, ("postgres",)),
    (faults.database_restarted, ("postgres",)),
    (faults.network_cut, ("postgres",)),
    (faults.disk_full, ("sqlite",)),
    (faults.store_away, ("sqlite", "postgres")),
    (faults.clock_set_back, ("sqlite", "postgres")),
]
IN_SUITE = {(faults.database_killed, "postgres")}
CASES = [
    pytest.param(
        *(fault, kind),
        id=f"{fault.__name__}-{kind}",
        marks=pytest.mark.proof(small=(fault, kind) in IN_SUITE),
    )
    for fault, kinds in FAULTS
    for kind in kinds
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Run a server of PostgreSQL that a test may kill."""
    with migrated_cluster() as started:
        yield started


@pytest.fixture
def place(fault: Fault, tmp_path: Path) -> Iterator[Path]:
    """Give a folder; it is a file system of its own if it is going to be full."""
    if fault is not faults.disk_full:
        yield tmp_path
        return
    with small_disk(tmp_path / "disk", "64m") as folder:
        yield folder


@pytest.fixture
def database(kind: str, place: Path, request: pytest.FixtureRequest) -> tuple[str, Cluster | None]:
    """Give the URL of a migrated database, and its server if it has one."""
    if kind == "postgres":
        cluster: Cluster = request.getfixturevalue("cluster")
        return cluster.url_of("desk"), cluster
    path = Path(request.getfixturevalue("sqlite_url").removeprefix("sqlite:///"))
    moved = place / "desk.db"
    # On another file system, perhaps.
    shutil.move(path, moved)
    return f"sqlite:///{moved}", None


@pytest.mark.parametrize(("fault", "kind"), CASES)
async def test_nothing_is_lost_or_doubled(
    fault: Fault,
    kind: str,
    place: Path,
    database: tuple[str, Cluster | None],
    rows: list[Findings],
) -> None:
    url, cluster = database
    async with open_world(url, place / "media") as world:
        await world.reset()
        world.clock.now = utc_now()
        async with running(world, place, cluster, count=SERVERS) as desk:
            load = Load(desk.base, world.headers("keith"), clients=CLIENTS, writes=WRITES)
            async with asyncio.TaskGroup() as group:
                group.create_task(load.run())
                for number in range(ROUNDS):
                    await load.until_share((number + 1) / (ROUNDS + 2))
                    await fault(desk, load)
        assert load.answers.wrong == []
        found = await findings(
            world, load.answers, fault=fault.__name__, database=kind, faults=ROUNDS
        )
    rows.append(found)
    assert found.acknowledged == CLIENTS * WRITES
    assert found.wrong == 0, found
