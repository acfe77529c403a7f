"""The examples of GraphiQL, which browsers run (``tests/browser``), against the schema."""

import re

import pytest
from graphql import build_schema, parse, validate

from deskgraph.pages import STATIC
from tests.support.paths import ROOT

TABS = dict(re.findall(r"^const (\w+) = `(.*?)`;$", (STATIC / "tabs.js").read_text(), re.S | re.M))
SCHEMA = build_schema((ROOT / "schema/snapshots/schema.graphql").read_text())


@pytest.mark.parametrize("name", TABS)
def test_an_example_is_valid(name: str) -> None:
    assert validate(SCHEMA, parse(TABS[name])) == []


def test_each_is_shown() -> None:
    shown = (STATIC / "tabs.js").read_text().partition("export function defaultTabs")[2]
    assert [name for name in TABS if name not in re.findall(r"\w+", shown)] == []
    assert len(TABS) == 15
