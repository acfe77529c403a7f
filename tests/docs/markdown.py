"""What the tests need of Markdown: fenced blocks, tables, links and headings."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.paths import ROOT

DOCUMENTS = (
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
)
_FENCE = re.compile(r"^```(\w*)$")
_LINK = re.compile(r'!?\[[^\]]*\]\(([^)\s]+)\)|<img[^>]* src="([^"]+)"')


@dataclass(frozen=True)
class Block:
    """A fenced block; ``line`` is that of its first line, counted from 0."""

    language: str
    text: str
    line: int


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks of a document."""
    found: list[Block] = []
    language, start = None, 0
    lines = text.splitlines()
    for number, line in enumerate(lines):
        fence = _FENCE.match(line)
        if fence is None:
            continue
        if language is None:
            language, start = fence[1], number + 1
        else:
            found.append(Block(language, "\n".join(lines[start:number]), start))
            language = None
    assert language is None, "a fence is not closed"
    return found


def prose(text: str) -> str:
    """Return a document without its fenced blocks."""
    return "".join(text.split("```")[::2])


def tables(text: str) -> Iterator[list[list[str]]]:
    """Yield the rows of each table, without its head."""
    rows: list[list[str]] = []
    for line in [*prose(text).splitlines(), ""]:
        if line.startswith("|"):
            cells = re.split(r"(?<!\\)\|", line.strip("|"))
            rows.append([cell.strip().replace("\\|", "|") for cell in cells])
        elif rows:
            yield rows[2:]
            rows = []


def table(text: str, first: str) -> list[list[str]]:
    """Return the rows of the table whose first cell is that."""
    return next(rows for rows in tables(text) if rows and rows[0][0] == first)


def links(text: str) -> list[str]:
    """Return what a document links to or shows."""
    return [link[1] or link[2] for link in _LINK.finditer(prose(text))]


def anchors(text: str) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
