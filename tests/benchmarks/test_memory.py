"""The benchmark of memory runs, and tells what a process has."""

import pytest

from benchmarks import load
from benchmarks.data import make_rows
from benchmarks.scale import memory
from tests.support import proofs


@pytest.mark.anyio
@proofs.on("sqlite")
async def test_a_process_is_measured_before_and_after_its_load(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load.shutil, "which", lambda _name: None)  # type: ignore[attr-defined]
    found = await memory.measure_on(backend, make_rows(40), 0.01)
    assert 20 < found.started <= found.most
    assert 20 < found.loaded <= found.most
    assert memory.table([found]).splitlines()[1].split()[-1] == f"{found.most:.0f}"
