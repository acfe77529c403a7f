"""The files that the documents for developers name exist."""

import re

import pytest

from tests.support.paths import ROOT

DOCUMENTS = (
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "README.md",
    "docs/glossary.md",
    "tests/README.md",
)
# A placeholder, what git ignores, and paths of URLs.
NOT_HERE = re.compile(r"NNNN|^(\.venv|var|dist|/)|^tests/clients/node_modules|^api/|^ticket-|…")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_is_named_exists(document: str) -> None:
    text = (ROOT / document).read_text("utf-8")
    named = set(re.findall(r"`([\w.-]+(?:/[\w.-]+)*/(?:[\w-]+\.\w+)?)`", text))
    named |= set(re.findall(r"`([\w-]+(?:/[\w-]+)+\.(?:py|toml|graphql|svg|md))", text))
    bases = (ROOT, *(ROOT / layer for layer in ("resolvers", "schema", "rest_compat", "deskgraph")))
    missing = {
        name
        for name in named
        if not NOT_HERE.search(name) and not any((base / name).exists() for base in bases)
    }
    assert missing == set()
