"""A server that is killed at any step loses no upload that it acknowledged."""

import os
from datetime import timedelta

import httpx
import pytest

from deskgraph.app import utc_now
from deskgraph.database.ticket_counts.recount import wrong_counts
from deskgraph.storage.file_store import open_files
from deskgraph.storage.orphan_cleanup import clean_up_orphans
from tests.files.conftest import Serve
from tests.files.process import FATAL
from tests.support import proofs
from tests.support.processes.forked_servers import NONE
from tests.support.rows import key
from tests.support.world import World

pytestmark = pytest.mark.anyio

PATH = "/api/v1/ticket-attachments/"
# At each step: what is left for the sweep, and whether the fatal file is there afterwards.
UPLOADS = {
    "storing": ("unfinished", False),
    "stored": ("orphan", False),
    "committing": ("orphan", False),
    "committed": (None, True),
    "answering": (None, True),
}
DELETES = {"deleting": (None, True), "deleted": ("orphan", False), "removed": (None, False)}
IN_SUITE = ("stored", "committed", "deleted")
FATES = UPLOADS | DELETES
STEPS = tuple(FATES) if proofs.LONG else IN_SUITE


@pytest.fixture(autouse=True)
def _today(own_world: World) -> None:
    """Let tokens be good for servers, whose clocks run."""
    own_world.clock.now = utc_now()


class Client:
    """Uploads files, remembers what was acknowledged, and looks whether it is still there."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.sent = b""
        self.acknowledged: dict[str, bytes] = {}
        self.fatal: list[bytes] = []

    async def upload(self, name: str, size: int) -> str:
        self.sent = os.urandom(size)
        form = {"ticket": str(key("volume"))}
        response = await self.http.post(PATH, data=form, files={"file": (name, self.sent)})
        assert response.status_code == 201, response.text
        self.acknowledged[response.json()["id"]] = self.sent
        return str(response.json()["id"])

    async def delete(self, attachment: str) -> str:
        del self.acknowledged[attachment]
        return (await self.http.delete(f"{PATH}{attachment}/")).text

    async def check(self) -> None:
        """Look for what was acknowledged, and for the fatal files that should be there."""
        listed = (await self.http.get(f"{PATH}?limit=1000")).json()["results"]
        paths = {row["id"]: row["file"] for row in listed if row["id"] in self.acknowledged}
        for attachment, content in self.acknowledged.items():
            assert (await self.http.get(paths[attachment])).content == content
        fatal = [row["file"] for row in listed if row["name"] == FATAL]
        found = [(await self.http.get(path)).content for path in fatal]
        assert sorted(found) == sorted(self.fatal)


async def swept(own_world: World, *, days: int) -> list[str]:
    files = open_files(own_world.settings.files_url)
    before = utc_now() + timedelta(days=days)
    found = clean_up_orphans(own_world.database, files, before=before, remove=True)
    return [finding.kind async for finding in found]


@proofs.on("sqlite")
async def test_acknowledged_uploads_survive_a_kill_at_any_step(
    own_world: World, serve: Serve
) -> None:
    url, files = own_world.settings.database_url, own_world.settings.files_url
    headers = own_world.headers("keith")
    # A deleted file goes at once where nothing is kept for an undo.
    with serve(url, files, *STEPS, NONE, UNDO_HOURS="0") as served:
        async with httpx.AsyncClient(base_url=served.base, headers=headers, timeout=60) as http:
            client = Client(http)
            for step in STEPS:
                left, there = FATES[step]
                await client.upload("kept.bin", 700_000)
                if step in UPLOADS:
                    operation = client.upload(FATAL, 8_000_000 if step == "storing" else 700_000)
                else:
                    operation = client.delete(await client.upload(FATAL, 100_000))
                with pytest.raises(httpx.TransportError):
                    await operation
                if there:
                    client.fatal.append(client.sent)

                # The next server answers from here on.
                await client.check()
                assert await swept(own_world, days=-1) == []
                assert await swept(own_world, days=1) == [left] * bool(left), step
                await client.check()
            assert len(client.acknowledged) == len(STEPS)
    assert await wrong_counts(own_world.database) == []
