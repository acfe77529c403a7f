"""Commands of deskgraph that documents name within a sentence, or show without their being run."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from deskgraph.cli import app
from tests.docs.examples import examples
from tests.docs.markdown import DOCUMENTS, prose
from tests.support.paths import ROOT

EACH = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
PROGRAM = typer.main.get_command(app)
INLINE = re.compile(r"`deskgraph\s+([^`]+)`")
# At the beginning of a line or after a pipe, from a folder, or in a container.
IN_BLOCK = re.compile(
    r"(?:^|\| *|/bin/|docker compose exec \w+ )deskgraph +(.+)|docker compose run --rm \w+ +(.+)",
    re.M,
)


def inline(text: str) -> list[list[str]]:
    """Return the words after ``deskgraph`` of each command within the sentences of a document."""
    return [shlex.split(found) for found in INLINE.findall(prose(text))]


def in_block(commands: str) -> Iterator[list[str]]:
    """Yield the words of each command of deskgraph in a block."""
    for found in IN_BLOCK.findall(commands):
        words = "".join(found)
        yield shlex.split(re.split(r"[|;>&]", words)[0], comments=True)


def problem(words: list[str]) -> str | None:
    """Say why there is no such command."""
    command: Any = PROGRAM
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
    if hasattr(command, "commands") and words != ["--version"]:
        return f"there is no command {' '.join(words)!r}"
    options = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    unknown = [word for word in words if word.startswith("-") and word not in options]
    return f"{command.name} has no {unknown[0]}" if unknown else None


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("sessions end leo", None),
        ("migrate --plan", None),
        ("--version", None),
        ("sessions", "there is no command ''"),
        ("session end", "there is no command 'session end'"),
        ("migrate --dry-run", "migrate has no --dry-run"),
    ],
)
def test_what_is_no_command_is_noticed(command: str, expected: str | None) -> None:
    assert problem(shlex.split(command)) == expected


@EACH
def test_each_command_that_is_named_exists(document: Path) -> None:
    text = document.read_text("utf-8")
    named = inline(text)
    named += [words for one in examples(text) for words in in_block(one.commands.text)]
    assert [found for words in named if (found := problem(words))] == []


def test_each_command_that_operators_are_told_to_use_is_run() -> None:
    run = [
        words
        for document in DOCUMENTS
        for one in examples(document.read_text("utf-8"))
        if one.why_not_run is None
        for words in in_block(one.commands.text)
    ]
    told = inline((ROOT / "docs/operations.md").read_text("utf-8"))
    assert told
    missing = [words for words in told if not any(each[: len(words)] == words for each in run)]
    assert missing == []
