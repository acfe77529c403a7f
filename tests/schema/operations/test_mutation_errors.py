"""What a mutation answers where something is wrong: before its first write, and after it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import text

from resolvers.write_statements import Transaction
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import key, ticket

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("backend", ["sqlite"], indirect=True),
]

CREATE = 'createTicket(input: {subject: $s, description: "d", companyId: $c})'
HEAD = "mutation($s: String!, $c: ID!"
GIVEN = {"s": "No music", "c": str(key("hilton"))}


async def counted(gql: GraphQLClient) -> list[int]:
    """Return how many tickets, comments and events there are."""
    async with gql.database.transaction() as session:
        return [
            await session.scalar(text(f"SELECT count(*) FROM {table}")) or 0
            for table in ("tickets", "comments", "ticket_events")
        ]


@pytest.mark.parametrize(
    ("inner", "variables", "path"),
    [
        ("comments(first: 500) { totalCount }", {}, ["comments"]),
        ("again: comments(last: -1) { totalCount }", {}, ["again"]),
        ("comments(first: 2, last: 2) { totalCount }", {}, ["comments"]),
        ('history(after: "not a cursor") { totalCount }', {}, ["history"]),
        ("attachments { downloadUrl(expiresIn: 0) }", {}, ["attachments", "downloadUrl"]),
        ("attachments { downloadUrl(expiresIn: $n) }", {"n": 86_401},
         ["attachments", "downloadUrl"]),
        ('company { tickets(filter: {createdBy: {eq: "x"}}) { totalCount } }', {},
         ["company", "tickets"]),
        ("company { tickets(orderBy: [" + 7 * "{field: STATUS} " + "]) { totalCount } }", {},
         ["company", "tickets"]),
        ("history(direction: $d) { totalCount }", {"d": None}, ["history"]),
        ("comments(first: $n) @include(if: $b) { totalCount }", {"n": 5, "b": None}, []),
    ],
)  # fmt: skip
async def test_a_wrong_argument_is_found_before_the_first_write(
    gql: GraphQLClient, inner: str, variables: dict[str, Any], path: list[str]
) -> None:
    types = {"n": "Int! = 5", "d": "OrderDirection = ASC", "b": "Boolean = true"}
    more = "".join(f", ${name}: {types[name]}" for name in variables)
    other = f"other: {CREATE} {{ ticket {{ id }} }}"
    document = f"{HEAD}{more}) {{ {other} {CREATE} {{ ticket {{ id {inner} }} }} }}"

    answer = (await gql.post(document, GIVEN | variables)).json()

    (error,) = answer["errors"]
    assert error["path"] == ["createTicket", "ticket", *path]
    assert "data" not in answer
    assert error["extensions"]["code"] in ("BAD_USER_INPUT", "BAD_CURSOR")
    assert await counted(gql) == [0, 0, 0]


async def test_all_that_is_wrong_is_told_at_once(gql: GraphQLClient) -> None:
    document = f"""{HEAD}) {{
        one: {CREATE} {{ ticket {{ comments(first: 500) {{ totalCount }} }} }}
        two: {CREATE} {{ ticket {{ history(last: 500) {{ totalCount }} }} }}
        login(input: {{username: "keith", password: "x"}}) {{
            user {{ assignedTickets(first: 500) {{ totalCount }} }} }}
    }}"""

    answer = (await gql.post(document, GIVEN)).json()

    assert [error["path"] for error in answer["errors"]] == [
        ["one", "ticket", "comments"],
        ["two", "ticket", "history"],
        ["login", "user", "assignedTickets"],
    ]
    assert await counted(gql) == [0, 0, 0]


async def test_a_file_that_is_none_stops_the_whole_operation(gql: GraphQLClient) -> None:
    await gql.add(ticket("T-1"))
    document = f"""{HEAD}, $f: Upload!) {{
        {CREATE} {{ ticket {{ id }} }}
        uploadAttachment(input: {{ticketId: "{key("T-1")}", file: $f}}) {{ attachment {{ id }} }}
    }}"""

    answer = (await gql.post(document, GIVEN | {"f": "a text"})).json()

    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert await counted(gql) == [1, 0, 0]


class Failing:
    """A database that fails to read, or in its second transaction."""

    def __init__(self, database: Any, *, reads: bool, error: Exception | None) -> None:
        self.dialect = database.dialect
        self.inner = database
        self.reads = reads
        self.error = error
        self.begun = 0

    async def fetch_row(self, sql: str, values: Any, user: str | None = None) -> Any:
        # The viewer is still looked up.
        if self.reads and "users" not in sql.split("WHERE")[0].split("FROM")[1]:
            await self._fail()
        return await self.inner.fetch_row(sql, values, user)

    @asynccontextmanager
    async def write(self, *, fresh: bool = False) -> AsyncIterator[Transaction]:
        self.begun += 1
        if not self.reads and self.begun == 2:
            await self._fail()
        async with self.inner.write(fresh=fresh) as transaction:
            yield transaction

    async def _fail(self) -> None:
        if self.error is None:
            await asyncio.Event().wait()
        else:
            raise self.error


TWO = f"""{HEAD}) {{
    one: {CREATE} {{ __typename errors {{ message }} ticket {{ id }} }}
    two: {CREATE} {{ errors {{ message }} made: ticket {{ subject }} }}
}}"""


@pytest.mark.parametrize("error", [RuntimeError("a secret"), None])
async def test_what_another_mutation_has_done_is_still_answered(
    gql: GraphQLClient, monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    database = Failing(gql.database, reads=False, error=error)
    monkeypatch.setitem(gql.services.__dict__, "database", database)
    monkeypatch.setitem(gql.services.__dict__, "operation_seconds", 10 if error else 0.5)

    answer = (await gql.post(TWO, GIVEN)).json()

    one = answer["data"]["one"]
    assert (one["__typename"], one["errors"], len(one["ticket"]["id"])) == (
        "CreateTicketPayload", [], 36,
    )  # fmt: skip
    assert answer["data"]["two"] == {"errors": [], "made": None}
    (told,) = answer["errors"]
    assert told["path"] == ["two", "made"]
    assert told["extensions"]["code"] == ("INTERNAL" if error else "TIMEOUT")
    assert "secret" not in str(answer)
    monkeypatch.undo()
    assert (await counted(gql))[0] == 1


@pytest.mark.parametrize("error", [RuntimeError("a secret"), None])
async def test_a_write_whose_answer_cannot_be_read_is_told(
    gql: GraphQLClient, monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    await gql.add(ticket("T-1"), ticket("T-2"))
    database = Failing(gql.database, reads=True, error=error)
    monkeypatch.setitem(gql.services.__dict__, "database", database)
    monkeypatch.setitem(gql.services.__dict__, "operation_seconds", 10 if error else 0.5)
    document = "mutation($id: ID!) { gone: deleteTicket(input: {id: $id}) "
    document += "{ deletedTicketId errors { code } } }"

    answer = (await gql.post(f"{HEAD}) {{ {CREATE} {{ errors {{ code }} ticket {{ id }} }} }}",
                              GIVEN)).json()  # fmt: skip
    gone = (await gql.post(document, {"id": str(key("T-1"))})).json()

    assert answer["data"] == {"createTicket": {"errors": [], "ticket": None}}
    assert answer["errors"][0]["path"] == ["createTicket", "ticket"]
    assert answer["errors"][0]["extensions"]["code"] == ("INTERNAL" if error else "TIMEOUT")
    assert gone["data"] == {"gone": {"deletedTicketId": str(key("T-1")), "errors": []}}
    monkeypatch.undo()
    # T-1 is gone, and the new one is there.
    assert (await counted(gql))[0] == 2


async def test_a_mutation_alone_that_did_nothing_has_no_data(gql: GraphQLClient) -> None:
    answer = (await gql.post(f"{HEAD}) {{ {CREATE} {{ ticket {{ id }} }} }}", GIVEN, None)).json()

    assert answer["data"] is None
    assert answer["errors"][0]["path"] == ["createTicket"]
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert await counted(gql) == [0, 0, 0]


@pytest.mark.parametrize(
    ("document", "data", "paths"),
    [
        # The nearest parent that may be null is the ticket itself.
        ("{ ticket(id: $id) { comments(first: 500) { totalCount } } viewer { username } }",
         {"ticket": None, "viewer": {"username": "keith"}}, [["ticket", "comments"]]),
        # In a list, each row that has the field: T-2 has no assignee.
        ("{ tickets(orderBy: {field: TICKET_NUMBER, direction: ASC}) { nodes { ticketNumber "
         "assignedTo { username assignedTickets(first: 500) { totalCount } } } } }",
         {"tickets": {"nodes": [{"ticketNumber": "T-1", "assignedTo": None},
                                {"ticketNumber": "T-2", "assignedTo": None}]}},
         [["tickets", "nodes", 0, "assignedTo", "assignedTickets"]]),
        # Nothing between the field and the root may be null.
        ("{ tickets(orderBy: {field: TICKET_NUMBER, direction: ASC}) { edges { node { "
         "all: comments(first: 500) { totalCount } } } } }",
         None, [["tickets", "edges", 0, "node", "all"]]),
        # Of several nodes only the one with the field.
        ('{ nodes(ids: [$id, "' + str(key("hilton")) + '"]) '
         "{ id ... on Ticket { history(last: 500) { totalCount } } } }",
         {"nodes": [None, {"id": str(key("hilton"))}]}, [["nodes", 0, "history"]]),
        # Nothing is wrong where no row has the field.
        ('{ ticket(id: "' + str(key("nothing")) + '") { comments(first: 500) { totalCount } } }',
         {"ticket": None}, []),
        ("{ tickets(first: 500) { totalCount } }", None, [["tickets"]]),
        ("{ one: ticket(id: $id) { id } other: ticket(id: $id) { company { "
         'tickets(filter: {company: {in: ["x"]}}) { totalCount } } } }',
         {"one": {"id": str(key("T-1"))}, "other": None}, [["other", "company", "tickets"]]),
    ],
)  # fmt: skip
async def test_an_error_of_a_read_names_its_field_and_spreads_as_far_as_it_must(
    gql: GraphQLClient, document: str, data: Any, paths: list[list[str | int]]
) -> None:
    await gql.add(ticket("T-1", assigned_to_id=key("keith")), ticket("T-2"))
    document = ("query($id: ID!) " if "$id" in document else "") + document

    answer = (await gql.post(document, {"id": str(key("T-1"))})).json()

    assert [error["path"] for error in answer.get("errors", [])] == paths
    assert answer["data"] == data
    for error in answer.get("errors", []):
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["locations"]
