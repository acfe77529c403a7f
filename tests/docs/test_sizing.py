"""The figures of sizing are those of the measurements that the documents link to."""

import re

from tests.docs.markdown import table
from tests.support.paths import ROOT

DOCS = ROOT / "docs"
ROWS = dict(table((DOCS / "operations.md").read_text("utf-8"), "Reads of one process"))
# How far a figure may be from what was measured: it is rounded to the safe side.
ROUNDED = 1.3


def measured(name: str, line: str) -> list[float]:
    """Return the first group of each line of a measurement that the pattern matches."""
    text = (DOCS / f"{name}-benchmark.txt").read_text("utf-8")
    found = [float(one.replace(",", "")) for one in re.findall(line, text, re.M)]
    assert found
    return found


def figure(row: str, words: str) -> float:
    """Return the number of a row, in the place of its ``#``."""
    before, after = map(re.escape, words.split("#"))
    found = re.search(rf"{before}([\d,]+){after}", ROWS[row])
    assert found is not None, (row, words)
    return float(found[1].replace(",", ""))


def is_at_least(said: float, found: list[float]) -> bool:
    return said <= min(found) <= said * ROUNDED


def is_at_most(said: float, found: list[float]) -> bool:
    return max(found) <= said <= max(found) * ROUNDED


def test_reads() -> None:
    said = figure("Reads of one process", "# large pages of a list a second and more")
    assert is_at_least(said, measured("read", r"^  deskgraph +(\d+) "))


def test_writes() -> None:
    row = "Writes of one process"
    one, many = (
        figure(row, "# a second and more for one client"),
        figure(row, ", # and more for 32"),
    )
    assert is_at_least(one, measured("write", r"^  \w+ \w+ +1 +(\d+) "))
    assert is_at_least(many, measured("write", r"^  \w+ \w+ +32 +(\d+) "))


def test_memory_of_a_process() -> None:
    row = "Memory of one process"
    started = measured("memory", r"^(?:SQLite|PostgreSQL) \S+ +(\d+) ")
    assert is_at_most(figure(row, "Up to # MB after the start"), started)
    for words, database in (("# MB with PostgreSQL", "PostgreSQL"), ("# MB with SQLite", "SQLite")):
        assert is_at_most(figure(row, words), measured("memory", rf"^{database} .* (\d+)$"))


def test_memory_of_subscribers() -> None:
    each = measured("live", r"^.* idle subscribers .* (\d+) kB each$")
    assert is_at_most(figure("Memory of a subscriber", "Up to # kB"), each)
    text = (DOCS / "scale.md").read_text("utf-8")
    found = re.search(r"holds 10,000 idle ones in \[about (\d+) MB\]", text)
    assert found is not None
    assert is_at_most(float(found[1]) / 10, each)
