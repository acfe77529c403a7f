"""A real server with rows in it, and Schemathesis, which calls it as an Admin."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.support.processes import launcher
from tests.support.processes.environment import child_environment
from tests.support.processes.launcher import serve
from tests.support.rows import file_key, key
from tests.support.settings import KEY
from tests.support.world import open_world

HERE = Path(__file__).parent
# Rows that are referred to, and what else has to exist to be found.
ROWS = {
    "company": [str(key("hilton"))],
    "contact": [str(key("john"))],
    "assigned_to": [str(key("keith")), str(key("admin"))],
    "user_id": [str(key("keith"))],
    "ticket": [str(key("offline")), str(key("volume")), str(key("bill"))],
    "key": [file_key("photo"), file_key("receipt")],
}


@contextmanager
def serving(url: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Serve a migrated database filled with the world of the tests; gives address and token."""
    media = folder / "media"
    token = asyncio.run(_fill(url, media))
    environment = child_environment(
        DATABASE_URL=url,
        FILES_URL=f"file://{media}",
        SECRET_KEY=KEY,
        MAX_UPLOAD_MB="1",
        RATE_LIMIT="off",
    )
    with serve(folder, environment=environment) as served:
        yield served.base, token


async def _fill(url: str, media: Path) -> str:
    """Insert the rows; return a token that is good today."""
    async with open_world(url, media) as world:
        await world.reset()
        world.clock.now = datetime.now(UTC)
        return world.services.tokens.access(key("admin"))


def run(url: str, folder: Path, arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Run Schemathesis on a database until it is done; its report is its output."""
    with serving(url, folder) as (base, token):
        environment = child_environment(
            FUZZ_TOKEN=token, FUZZ_ROWS=json.dumps(ROWS), FUZZ_ADMIN=str(key("admin"))
        )
        script = Path(sys.executable).with_name("schemathesis")
        command = [str(script), "--config-file", str(HERE / "schemathesis.toml"), "run"]
        arguments = [f"{base}/api/v1/openapi.json", "--no-color", *arguments]
        # Hooks are named relative to where it runs.
        return launcher.run([*command, *arguments], seconds=None, cwd=HERE, env=environment)
