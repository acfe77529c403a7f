"""A desk that was imported answers as the old one did, request by request.

The recordings and the program that compares them are not part of this project: where they lie
beside it, in ``../shared/parity``, they are run as they are. The tests in ``tests/rest_compat`` say
the same by rules.
"""

import asyncio
import sys
from collections.abc import Callable

import asyncpg
import pytest

from tests.deskgraph.conftest import Run, Start, banner
from tests.deskgraph.importer.conftest import counts
from tests.support import proofs
from tests.support.paths import ROOT
from tests.support.processes import launcher

PARITY = ROOT.parent / "shared" / "parity"

pytestmark = [
    pytest.mark.usefixtures("_in_an_empty_folder"),
    pytest.mark.skipif(not PARITY.is_dir(), reason="the recordings are not beside the project"),
]


async def load(url: str) -> None:
    connection = await asyncpg.connect(url)
    for name in ("legacy_schema.sql", "fixture.sql"):
        await connection.execute((PARITY / name).read_text("utf-8"))
    await connection.close()


@proofs.on("sqlite")
def test_every_recorded_answer_agrees(
    backend: str,
    services: str,
    run: Run,
    start: Start,
    environment: Callable[..., None],
    blank_postgres_url: Callable[[], str],
) -> None:
    old = blank_postgres_url()
    asyncio.run(load(old))
    assert counts(run("import-legacy", old))["tickets"] == (26, 26, 0, 0)
    # The comparing program knows a file by its absolute address.
    environment(media_links="signed")
    base, _ = banner(start("serve", "--port", "0"), 1)

    compared = launcher.run(
        [sys.executable, PARITY / "parity.py", "check", base, PARITY / "golden.json"]
    )

    assert compared.stdout == "98 of 98 answers agree\n", compared.stdout + compared.stderr
