"""What breaks while many write loses nothing that was acknowledged, and stores nothing twice.

``make crash`` runs all of it and prints a table.
"""

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deskgraph.app import utc_now
from tests.crashes import faults
from tests.crashes.faults import Fault
from tests.crashes.found import Findings, NotTried, findings
from tests.crashes.load import Load
from tests.crashes.running import running
from tests.support import proofs
from tests.support.databases import migrated_cluster
from tests.support.processes.clusters import Cluster
from tests.support.processes.networks import lossy_network
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
    (faults.network_lost, ("postgres",)),
    (faults.disk_full, ("sqlite", "postgres")),
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


@pytest.fixture(scope="module")
def far_cluster() -> Iterator[Cluster]:
    """Run a server behind a network that can lose all that is sent."""
    with lossy_network() as network, migrated_cluster(network) as started:
        yield started


@pytest.fixture
def small_cluster() -> Iterator[Cluster]:
    """Run a server with a disk of its own."""
    with migrated_cluster(disk="256m") as started:
        yield started


@pytest.fixture
def small_place(tmp_path: Path) -> Iterator[Path]:
    """Give a folder that is a file system of its own."""
    with small_disk(tmp_path / "disk", "64m") as folder:
        yield folder


CLUSTERS: dict[Fault, str] = {
    faults.network_lost: "far_cluster",
    faults.disk_full: "small_cluster",
}


@pytest.fixture
def noted(
    fault: Fault, kind: str, request: pytest.FixtureRequest, rows: list[Findings | NotTried]
) -> Callable[[str], Any]:
    """Give what gets fixtures, and adds a line to the table where this machine has none."""

    def get(name: str) -> object:
        try:
            return request.getfixturevalue(name)
        except pytest.skip.Exception as skipped:
            rows.append(NotTried(fault.__name__, kind, str(skipped.msg)))
            raise

    return get


@pytest.fixture
def place(fault: Fault, kind: str, tmp_path: Path, noted: Callable[[str], Any]) -> Path:
    """Give a folder; it is a file system of its own if it is going to be full."""
    if (fault, kind) != (faults.disk_full, "sqlite"):
        return tmp_path
    folder: Path = noted("small_place")
    return folder


@pytest.fixture
def database(
    fault: Fault, kind: str, place: Path, noted: Callable[[str], Any]
) -> tuple[str, Cluster | None]:
    """Give the URL of a migrated database, and its server if it has one."""
    if kind == "postgres":
        cluster: Cluster = noted(CLUSTERS.get(fault, "cluster"))
        return cluster.url_of("desk"), cluster
    path = Path(noted("sqlite_url").removeprefix("sqlite:///"))
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
    rows: list[Findings | NotTried],
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
