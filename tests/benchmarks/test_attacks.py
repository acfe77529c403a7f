"""The benchmark of attacks runs; how long they take is a figure, and no matter of a test."""

import pytest

from benchmarks import attacks

pytestmark = pytest.mark.anyio


async def test_attacks_are_measured() -> None:
    result = await attacks.measure(tries=1, rounds=1, asked=2)
    assert result.refusals.keys() == attacks.ATTACKS.keys() | attacks.OTHERS.keys()
    assert min(result.refusals.values()) > 0
    assert result.ratio > 0
    assert "a fragment bomb" in attacks.table(result)
