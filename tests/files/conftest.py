"""Real servers over real files."""

import logging
import os
import re
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import boto3  # type: ignore[import-untyped]
import pytest
from moto.server import ThreadedMotoServer

from deskgraph.app import utc_now
from tests.support.processes.environment import child_environment
from tests.support.processes.forked_servers import NONE
from tests.support.processes.launcher import program
from tests.support.settings import KEY
from tests.support.world import World, open_world

# What a server may take more for a large file than for a small one, in bytes.
GROWTH = 30 * 1024 * 1024


class Served(NamedTuple):
    """Where a server listens, and the ids of its processes as they come."""

    base: str
    ids: Iterator[int]


def high_water(process: int) -> int:
    """Return the most memory that a process has had, in bytes."""
    status = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found
    return int(found[1]) * 1024


Serve = Callable[..., AbstractContextManager[Served]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Give what runs servers, see ``tests.files.process``."""

    @contextmanager
    def served(url: str, files_url: str, *steps: str, **settings: str) -> Iterator[Served]:
        environment = child_environment(
            DATABASE_URL=url,
            FILES_URL=files_url,
            SECRET_KEY=KEY,
            ENVIRONMENT="production",
            **settings,
        )
        command = ["-m", "tests.files.process", *(steps or (NONE,))]
        with program(command, tmp_path / "server.log", environment=environment) as running:
            port = int(running.line())
            yield Served(f"http://127.0.0.1:{port}", map(int, iter(running.line, "")))

    return served


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """Run an S3 server in this process and give its address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class Bucket:
    """A bucket as its owner sees it."""

    def __init__(self, endpoint: str, name: str) -> None:
        self.name = name
        self.url = f"s3://{name}/desk?endpoint={endpoint}&region=eu-west-1&allow_http=true"
        self.client: Any = boto3.client("s3", endpoint_url=endpoint, region_name="eu-west-1")
        self.client.create_bucket(
            Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )

    def keys(self) -> list[str]:
        """Return the keys of what is stored, below the prefix of the URL."""
        listed = self.client.list_objects_v2(Bucket=self.name).get("Contents", [])
        return [each["Key"].removeprefix("desk/") for each in listed]

    def unfinished(self) -> list[str]:
        """Return the keys of uploads that were begun and neither ended nor given up."""
        listed = self.client.list_multipart_uploads(Bucket=self.name).get("Uploads", [])
        return [each["Key"] for each in listed]


@pytest.fixture
def bucket(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Give an empty bucket; the credentials are in the environment, where stores look for them."""
    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "something")
    made = Bucket(s3_server, f"bucket-{secrets.token_hex(4)}")
    yield made
    made.client.close()


@pytest.fixture
async def sqlite_world(anyio_backend: str, sqlite_url: str, tmp_path: Path) -> AsyncIterator[World]:
    """Give a desk on SQLite, whose tokens are good today."""
    async with open_world(sqlite_url, tmp_path / "media") as opened:
        await opened.reset()
        opened.clock.now = utc_now()
        yield opened
