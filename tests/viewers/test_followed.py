"""Who is told what by a subscription: what the feed shows them, and nothing else."""

import json
from contextlib import aclosing
from typing import Any

import orjson
import pytest
from graphql import GraphQLObjectType, get_named_type
from sqlmodel import SQLModel

from models import TicketEventType
from schema import create_schema
from schema.execution.context import GraphContext
from tests.support.rows import event, key
from tests.viewers.asking import ApiClients, everything, top, with_ids
from tests.viewers.table import FOLLOWED, NOT_FOUND, SCHEMA, STRANGER, VIEWERS, Read
from tests.viewers.test_matrix import assert_no_trace

pytestmark = pytest.mark.anyio
END = "the end"


async def add(gql_clients: ApiClients, *rows: SQLModel) -> None:
    async with gql_clients.world.database.transaction() as session:
        session.add_all(rows)


async def told(gql_clients: ApiClients, who: str | None, row: Read) -> list[Any]:
    """Return all that is told until the last event, or the error that ends it."""
    assert SCHEMA.subscription_type
    named = get_named_type(SCHEMA.subscription_type.fields[row.field].type)
    assert isinstance(named, GraphQLObjectType)
    query = f"subscription {{ answer: {with_ids(row.call)} {everything(named)} }}"
    token = gql_clients.headers(who).get("Authorization", "").removeprefix("Bearer ") or None
    context = GraphContext(gql_clients.world.services, "http://desk.test", "1", token)
    found: list[Any] = []
    async with aclosing(await create_schema().stream(query, context_value=context)) as results:
        async for result in results:
            if result.errors:
                return [error.formatted for error in result.errors]
            event = orjson.dumps(result.data).decode()
            if END in event:
                break
            found.append(event)
    return found


@pytest.mark.parametrize("row", FOLLOWED, ids=lambda row: row.call.replace('"', ""))
async def test_a_subscription_tells_what_its_row_says(gql_clients: ApiClients, row: Read) -> None:
    ends = {"ticket_number": END, "type": TicketEventType.DELETED}
    await add(
        gql_clients,
        *(event(f"end of {name}", "past", company_id=key(name), **ends)
          for name in ("hilton", "centara")),
    )  # fmt: skip
    for who, cell in zip(VIEWERS, row.cells, strict=True):
        found = await told(gql_clients, who, row)
        if cell in (STRANGER, NOT_FOUND):
            [error] = found
            assert error["extensions"]["code"] == cell
            continue
        for text in found:
            assert_no_trace(who, text)
        shown = [top(json.loads(text)["answer"]) for text in found]
        assert [name for names in shown for name in names] == cell.split(), who
