"""A primary with a migrated database, and a replica of it."""

import asyncio
from collections.abc import Iterator

import pytest

from deskgraph.database.replicas import positions
from tests.support.databases import migrated_cluster
from tests.support.processes import clusters
from tests.support.processes.clusters import Cluster
from tests.support.processes.launcher import DEADLINE_SECONDS


@pytest.fixture(scope="session")
def primary() -> Iterator[Cluster]:
    """Run the primary of all tests, with a migrated database ``desk``."""
    with migrated_cluster() as started:
        yield started


@pytest.fixture
def own_replica(primary: Cluster) -> Iterator[Cluster]:
    """Run a replica for one test, which may do anything to it."""
    with clusters.replica(primary) as started:
        yield started


@pytest.fixture(scope="session")
def shared_replica(primary: Cluster) -> Iterator[Cluster]:
    """Run the replica of most tests."""
    with clusters.replica(primary) as started:
        yield started


@pytest.fixture
def replica(shared_replica: Cluster) -> Iterator[Cluster]:
    """Give the replica that tests may pause and kill, but not promote."""
    yield shared_replica
    if shared_replica.process is None:
        shared_replica.start()
    asyncio.run(shared_replica.resume())


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for servers as long as it takes: the machine may be busy."""
    for name in ("CATCH_UP_SECONDS", "ANSWER_SECONDS"):
        monkeypatch.setattr(positions, name, DEADLINE_SECONDS)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for a replica that is behind."""
    monkeypatch.setattr(positions, "CATCH_UP_SECONDS", 0.0)
