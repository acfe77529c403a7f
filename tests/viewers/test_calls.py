"""The page for people who come from REST: each call and the operation beside it do the same."""

import json
import re
from typing import Any
from uuid import UUID

import pytest

from deskgraph.graphql_links.equivalents import EQUIVALENTS
from tests.docs.from_rest import FRAGMENTS, PAGE, fragments, operation, page, used
from tests.support.named_rows import NAMES
from tests.viewers.asking import ApiClients, with_ids
from tests.viewers.calls import Call, every_call
from tests.viewers.test_reference import shaped

pytestmark = pytest.mark.anyio

WRITES = [call for call in every_call() if call.body is not None]
# What is made anew each time: ids, hashes, keys of files, tokens.
_MADE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|\$argon2\S+|[0-9a-f]{32,}|[\w-]{24,}")


def masked(value: Any) -> Any:
    """Return a value of a row without what is made anew each time."""
    if isinstance(value, UUID) or (isinstance(value, str) and value in NAMES):
        return NAMES.get(str(value), "…")
    if isinstance(value, str):
        return "API" if value in ("rest", "graphql") else _MADE.sub("…", value)
    return value


def changed(before: dict[str, list[Any]], after: dict[str, list[Any]]) -> dict[str, Any]:
    """Return what was added to each table and what was taken from it."""
    return {
        name: (
            sorted(str(row(one)) for one in rows if one not in before[name]),
            sorted(str(row(one)) for one in before[name] if one not in rows),
        )
        for name, rows in after.items()
    }


def row(one: Any) -> Any:
    """Return a row, or the key of a file; a row counted by the database without its number."""
    if not isinstance(one, tuple):
        return masked(one)
    return tuple(map(masked, one[1:] if isinstance(one[0], int) else one))


def test_the_page_is_that_of_the_table() -> None:
    assert PAGE.read_text("utf-8") == page(), "run python -m tests.docs.from_rest"


def test_every_path_and_method_has_a_call() -> None:
    made = {(shaped(call.request).removeprefix("/api/v1/"), call.method) for call in every_call()}
    there = {
        (path, method)
        for path, equivalents in EQUIVALENTS.items()
        for method in equivalents
        if equivalents[method]
    }
    assert made == there


def test_all_fields_of_the_page_are_used() -> None:
    spread = {name for call in every_call() for name in used(operation(call))}
    assert spread == set(FRAGMENTS)


@pytest.mark.parametrize("call", WRITES, ids=lambda call: f"{call.method} {call.path}")
async def test_a_write_and_its_operation_change_the_same(
    gql_clients: ApiClients, call: Call
) -> None:
    before = await gql_clients.world.dump()
    answer = await gql_clients.rest("admin", call.request)
    assert answer.status_code == call.answers, answer.text
    by_rest = changed(before, await gql_clients.world.dump())

    await gql_clients.world.reset()
    before = await gql_clients.world.dump()
    text = operation(call)
    if names := used(text):
        text += "\n" + fragments(names)
    shown = await gql_clients.graphql(
        "admin", text, json.loads(with_ids(json.dumps(call.variables)))
    )
    by_graphql = changed(before, await gql_clients.world.dump())

    assert by_graphql == by_rest
    if call.answers < 400:
        assert "errors" not in shown
        [payload] = shown["data"].values()
        assert payload["errors"] == []
        assert "logout" in call.path or any(by_rest.values())
    elif "verify" not in call.path:
        # Reads tell who somebody is by their own token; a wrong one in a body is a REST matter.
        assert "errors" in shown or next(iter(shown["data"].values()))["errors"]
