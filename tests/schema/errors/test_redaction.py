"""What nobody is to read: values that clients sent, faults of the server, names of the schema."""

import logging
import re
from typing import Any

import pytest

from schema.errors.redaction import without_values
from schema.execution.strawberry_internals import core_schema
from schema.transport.view import GraphQLView
from tests.schema.conftest import Opens
from tests.schema.ways import SENDS, batch, form, get, post, stream, trusting
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import user

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.parametrize("backend", ["sqlite"], indirect=True),
]

SECRET = "hunter2"


LOGIN = "mutation($i: LoginInput!) { login(input: $i) { accessToken } }"


VARIABLES: tuple[Any, ...] = (
    {"i": {"username": "a", "password": [SECRET]}},
    {"i": {"username": "a", "password": {"x": SECRET}}},
    {"i": {"username": 1, "password": SECRET}},
    {"i": {"password": SECRET}},
    {"i": {"username": "a", "password": SECRET, "usernam": "x"}},
    {"i": [SECRET]},
    {"i": SECRET},
)


async def test_a_password_in_the_wrong_place_is_not_repeated(gql: GraphQLClient) -> None:
    for send in (post, trusting, batch, stream, form):
        for variables in VARIABLES:
            answer = await send(gql, LOGIN, variables)
            assert SECRET not in answer
            assert "BAD_USER_INPUT" in answer
            assert "Variable '$i' has invalid value" in answer


DOCUMENTS = (
    'mutation { login(input: {username: "a", password: ["hunter2"]}) { accessToken } }',
    'mutation { login(input: {username: "a", password: hunter2}) { accessToken } }',
    'mutation { login(input: {password: "hunter2"}) { accessToken } }',
    'mutation { login(input: {username: "a" "hunter2"}) { accessToken } }',
    'mutation { login(input: "hunter2") { accessToken } }',
    'mutation { login(input: {usernam: "a", password: "hunter2"}) { accessToken } }',
    'mutation($p: String! = ["hunter2"]) { login(input: {username: "a", password: $p}) '
    "{ accessToken } }",
    'mutation { login(input: """hunter2""" "x") { accessToken } }',
    'query { refreshToken "hunter2" }',
)


async def test_a_password_in_a_document_is_not_repeated(gql: GraphQLClient) -> None:
    for query in DOCUMENTS:
        answer = await post(gql, query)
        assert SECRET not in answer, query
        assert "BAD_USER_INPUT" in answer


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("Unknown type 'A'. Did you mean 'B'?", "Unknown type 'A'. Did you mean 'B'?"),
        (
            "Int cannot represent non-integer value: 'a: b.'",
            "Int cannot represent non-integer value.",
        ),
        (
            "Enum 'E' cannot represent non-enum value: \"A\". Did you mean the enum value 'A'?",
            "Enum 'E' cannot represent non-enum value. Did you mean the enum value 'A'?",
        ),
        (
            "Expected value of type 'T' not to include unknown field 'a'. Did you mean 'b'? "
            "Found: { a: 1 }.",
            "Expected value of type 'T' not to include unknown field 'a'. Did you mean 'b'?",
        ),
        (
            "Variable '$i' has invalid value: Value 'hunter2' does not exist in 'E' enum.",
            "Variable '$i' has invalid value: This value does not exist in 'E' enum.",
        ),
        (
            "Value 'a' does not exist in 'b' does not exist in 'E' enum. Did you mean 'c'?",
            "This value does not exist in 'E' enum. Did you mean 'c'?",
        ),
        (
            "Expected value of type 'T' to include required field 'x', found: {'a': ', found: '}.",
            "Expected value of type 'T' to include required field 'x'.",
        ),
        (
            "Int cannot represent non-integer value: 'Did you mean hunter2?'",
            "Int cannot represent non-integer value.",
        ),
        (
            "Syntax Error: Expected Name, found String 'it's'.",
            "Syntax Error: Expected Name, found String.",
        ),
        ("Syntax Error: Unexpected Name 'quer'.", "Syntax Error: Unexpected Name 'quer'."),
        ("Syntax Error: Expected Name, found '}'.", "Syntax Error: Expected Name, found '}'."),
    ],
)
def test_messages_stay_readable(backend: str, message: str, shown: str) -> None:
    assert without_values(message) == shown


NAMES = re.compile(
    r"(?!BAD_USER_INPUT)\b(?:[A-Z]\w*(?:Input|Filter|Status|Time|Connection)|Ticket)\b"
)
GUESSED = (
    "{ tickets }",
    "{ ticket }",
    "{ tickets { totalCount { x } } }",
    "{ tickets { nothing } }",
    "{ tickets(nothing: 1) { totalCount } }",
    "{ tickets @nothing { totalCount } }",
    "{ tickets @skip { totalCount } }",
    "{ ... on Company { id } }",
    "{ ...F } fragment F on User { id }",
    "{ viewer { ...F } } fragment F on String { id }",
    "{ viewer { ... on Nothing { id } } }",
    "query($a: Company) { tickets { totalCount } }",
    "query($a: Int!) { tickets(filter: {search: $a}) { totalCount } }",
    "query($a: Int) { viewer { id } }",
    '{ tickets(filter: {status: {eq: "hunter2"}}) { totalCount } }',
    "{ tickets(filter: {status: {eq: hunter2}}) { totalCount } }",
    '{ tickets(filter: {createdAt: {gt: "hunter2"}}) { totalCount } }',
    '{ tickets(filter: {nothing: "hunter2"}) { totalCount } }',
    '{ tickets(first: "hunter2") { totalCount } }',
    "{ nodes { id } }",
    "mutation { login { accessToken } }",
    "mutation { login(input: {}) { accessToken } }",
    "subscription { ticketEvents }",
    "subscription { ticketEvents { id } viewer { id } }",
    "{ viewer { a: id a: username } }",
    "{ __type(name: hunter2) { name } }",
    "query hunter2 { viewer",
    '{ viewer "hunter2" }',
)
GUESSED_VALUES: tuple[tuple[str, Any], ...] = (
    ("query($a: TicketStatus) { tickets(filter: {status: {eq: $a}}) { totalCount } }", "hunter2"),
    ("query($a: TicketStatus) { tickets(filter: {status: {eq: $a}}) { totalCount } }", ["NEWW"]),
    ("query($a: DateTime) { tickets(filter: {createdAt: {gt: $a}}) { totalCount } }", "hunter2"),
    ("query($a: TicketFilter) { tickets(filter: $a) { totalCount } }", {"hunter2": 1}),
    ("query($a: TicketFilter) { tickets(filter: $a) { totalCount } }", {"status": "hunter2"}),
    ("mutation($a: LoginInput!) { login(input: $a) { accessToken } }", {"password": "hunter2"}),
    ("mutation($a: LoginInput!) { login(input: $a) { accessToken } }", None),
    ("query($a: Int) { tickets(first: $a) { totalCount } }", 10**30),
    ("query($a: [ID!]!) { nodes(ids: $a) { id } }", [[1]]),
)


async def test_where_the_schema_may_not_be_asked_for_no_message_names_any_of_it(
    opens: Opens,
) -> None:
    async with opens(introspection=False) as gql:
        await gql.add(user("keith"))
        asked = [(query, {"a": 1}) for query in GUESSED]
        asked += [(query, {"a": value}) for query, value in GUESSED_VALUES]
        for query, variables in asked:
            for send in (post, stream):
                answer = await send(gql, query, variables)
                for message in re.findall(r'"message":"((?:[^"\\]|\\.)*)"', answer):
                    assert not NAMES.search(message), (query, message)
                    assert SECRET not in message, (query, message)
                    assert "'" not in message.replace("'$a'", ""), (query, message)
                assert '"message":' in answer, query
        body = {"query": "{ viewer { id } }", "operationName": SECRET}
        response = await gql.client.post("/graphql", json=body, headers=gql.headers("keith"))
        assert "no operation of the name" in response.text
        assert SECRET not in response.text


def broken(*_args: object) -> None:
    raise RuntimeError(SECRET)


def view_of(gql: GraphQLClient) -> GraphQLView:
    views = (getattr(route, "app", None) for route in gql.app.routes)
    return next(view for view in views if isinstance(view, GraphQLView))


class Broken:
    """A database that fails in a way nobody expected."""

    def __init__(self, real: Any) -> None:
        self.dialect = real.dialect

    async def fetch_row(self, sql: str, values: object, user: object = None) -> Any:
        raise ValueError(SECRET)


def assert_masked(answer: str, log: str) -> None:
    assert SECRET not in answer
    assert "INTERNAL" in answer
    assert "Something went wrong on our side." in answer
    request_id = answer.split("requestId")[1].split('"')[2]
    assert f"request {request_id}" in log
    assert SECRET in log


async def test_a_fault_of_a_resolver_is_masked(
    gql: GraphQLClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await gql.ask("{ viewer { id } }")
    monkeypatch.setitem(gql.services.__dict__, "database", Broken(gql.database))
    for send in SENDS:
        assert_masked(await send(gql, "{ tickets { totalCount } }"), caplog.text)


@pytest.mark.parametrize("literal", [False, True])
async def test_a_fault_of_a_scalar_is_masked(
    gql: GraphQLClient,
    literal: bool,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scalar: Any = core_schema(view_of(gql).schema).type_map["DateTime"]
    for name in ("coerce_input_value", "coerce_input_literal", "parse_value", "parse_literal"):
        if getattr(scalar, name) is not None:
            monkeypatch.setattr(scalar, name, broken)
    when = "2025-01-01T00:00:00Z"
    for send in SENDS:
        # A text that nobody has sent before, so that it is not known already.
        query = f"query {send.__name__}{'' if literal else '($t: DateTime)'} {{ tickets"
        value = f'"{when}"' if literal else "$t"
        query += f"(filter: {{createdAt: {{gt: {value}}}}}) {{ totalCount }} }}"
        answer = await send(gql, query, None if literal else {"t": when})
        assert_masked(answer, caplog.text)


async def test_a_fault_while_answering_is_masked(
    gql: GraphQLClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("responses", "streams", "view"):
        monkeypatch.setattr(f"schema.transport.{module}.shown", broken)
    for send in (post, get, trusting, batch, form):
        assert_masked(await send(gql, "{ viewer { id } }"), caplog.text)
    # An answer that has begun breaks off.
    caplog.clear()
    with pytest.raises(RuntimeError):
        await stream(gql, "{ viewer { id } }")
    assert SECRET in caplog.text


async def test_what_a_client_sent_is_in_no_log(
    gql: GraphQLClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with caplog.at_level(logging.INFO):
        await gql.post(LOGIN, {"i": {"username": SECRET, "password": SECRET}})
        await gql.post(LOGIN, {"i": {"username": SECRET, "password": [SECRET]}})
        # A statement that fails.
        async with gql.database.engine.begin() as connection:
            await connection.exec_driver_sql("DROP TABLE webhooks")
        create = "mutation($i: CreateWebhookInput!) { createWebhook(input: $i) { webhook { id } } }"
        given = {"url": f"https://example.com/{SECRET}"}
        answer = await gql.post(create, {"i": given}, "admin")
    assert answer.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "webhooks" in caplog.text
    assert SECRET not in caplog.text
