"""Filters: each comparator, what null means, words and tags, and how much one may ask."""

from datetime import timedelta
from typing import Any

import pytest

from models import Role, Team, TicketCategory, TicketPriority, TicketStatus
from tests.support.clock import NOON
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import comment, company, contact, key, ticket, user

pytestmark = pytest.mark.anyio

QUERY = """query($filter: TicketFilter) {
    tickets(filter: $filter, orderBy: {field: TICKET_NUMBER}) { nodes { ticketNumber } }
}"""
ALL = "abc"


@pytest.fixture
async def three(gql: GraphQLClient) -> GraphQLClient:
    """Give three tickets: a with everything, b with other things, c with nothing optional."""
    await gql.add(
        contact("carol"),
        ticket(
            "a",
            status=TicketStatus.NEW,
            priority=TicketPriority.LOW,
            category=TicketCategory.BILLING,
            assigned_team=Team.TECH,
            assigned_to_id=key("keith"),
            created_by_id=key("admin"),
            contact_id=key("carol"),
            due_date=NOON - timedelta(days=1),
            resolved_at=NOON,
            tags="vip, zone ,100%",
        ),
        ticket(
            "b",
            status=TicketStatus.CLOSED,
            priority=TicketPriority.HIGH,
            assigned_team=Team.SALES,
            assigned_to_id=key("admin"),
            company_id=key("centara"),
            due_date=NOON - timedelta(hours=1),
            created_at=NOON + timedelta(days=1),
            tags="zone",
        ),
        ticket("c", priority=TicketPriority.URGENT),
    )
    return gql


async def found(gql: GraphQLClient, given: Any, viewer: str = "keith") -> str:
    data = await gql.ask(QUERY, {"filter": given}, viewer)
    return "".join(node["ticketNumber"] for node in data["tickets"]["nodes"])


LATER = (NOON + timedelta(hours=1)).isoformat()
AGENT, OTHER = str(key("keith")), str(key("centara"))
CASES: list[tuple[Any, str]] = [
    (None, ALL),
    ({}, ALL),
    ({"status": None}, ALL),
    ({"status": {}}, ALL),
    ({"status": {"eq": None}}, ALL),
    ({"status": {"eq": "NEW"}}, "ac"),
    ({"status": {"in": ["NEW", "CLOSED"]}}, ALL),
    ({"status": {"in": []}}, ""),
    ({"status": {"notIn": []}}, ALL),
    ({"status": {"notIn": ["NEW"]}}, "b"),
    ({"status": {"eq": "NEW", "notIn": ["NEW"]}}, ""),
    ({"priority": {"gte": "HIGH"}}, "bc"),
    ({"priority": {"lte": "HIGH"}}, "ab"),
    ({"priority": {"gte": "MEDIUM", "lte": "HIGH"}}, "b"),
    ({"priority": {"eq": "LOW"}}, "a"),
    ({"category": {"eq": "BILLING"}}, "a"),
    ({"category": {"notIn": ["BILLING"]}}, "bc"),
    ({"company": {"eq": OTHER}}, "b"),
    ({"company": {"eq": OTHER.upper()}}, "b"),
    ({"company": {"in": [OTHER, str(key("hilton"))]}}, ALL),
    ({"company": {"notIn": [OTHER]}}, "ac"),
    ({"contact": {"isNull": True}}, "bc"),
    ({"contact": {"isNull": False}}, "a"),
    ({"assignedTo": {"eq": AGENT}}, "a"),
    ({"assignedTo": {"in": [AGENT]}}, "a"),
    ({"assignedTo": {"notIn": [AGENT]}}, "bc"),
    ({"assignedTo": {"isNull": None}}, ALL),
    ({"createdBy": {"eq": str(key("admin"))}}, "a"),
    ({"assignedTeam": {"eq": "TECH"}}, "a"),
    ({"assignedTeam": {"notIn": ["TECH"]}}, "bc"),
    ({"assignedTeam": {"isNull": True}}, "c"),
    ({"createdAt": {"gt": LATER}}, "b"),
    ({"createdAt": {"gte": NOON.isoformat(), "lt": LATER}}, "ac"),
    ({"createdAt": {"gt": "2025-11-19T14:00:00+02:00"}}, "b"),
    ({"createdAt": {"lte": "2025-11-19T12:00:00.000000Z"}}, "ac"),
    ({"updatedAt": {"lt": NOON.isoformat()}}, ""),
    ({"dueDate": {"lt": NOON.isoformat()}}, "ab"),
    ({"dueDate": {"isNull": True}}, "c"),
    ({"resolvedAt": {"isNull": False}}, "a"),
    ({"tags": {"has": "zone"}}, "ab"),
    ({"tags": {"has": "zon"}}, ""),
    ({"tags": {"has": "100%"}}, "a"),
    ({"tags": {"has": ""}}, ""),
    ({"tags": {"hasAny": ["vip", "none"]}}, "a"),
    ({"tags": {"hasAny": []}}, ""),
    ({"tags": {"hasAll": ["vip", "zone"]}}, "a"),
    ({"tags": {"hasAll": []}}, ALL),
    ({"open": True}, "ac"),
    ({"open": False}, "b"),
    ({"unassigned": True}, "c"),
    ({"unassigned": False}, "ab"),
    ({"mine": True}, "a"),
    ({"mine": False}, "bc"),
    ({"overdue": True}, "a"),
    ({"overdue": False}, "bc"),
    ({"and": []}, ALL),
    ({"or": []}, ALL),
    ({"or": None}, ALL),
    ({"or": [{}]}, ALL),
    ({"or": [{}, {"mine": True}]}, "a"),
    ({"or": [{"search": " , "}, {"status": {}}, {"unassigned": True}]}, "c"),
    ({"or": [{"or": []}, {"not": {}}, {"and": [{}]}, {"unassigned": True}]}, "c"),
    ({"or": [{"assignedTo": {"in": []}}, {"unassigned": True}]}, "c"),
    ({"and": [{}, {"or": [{}]}]}, ALL),
    ({"and": [{"open": True}, {"mine": True}]}, "a"),
    ({"or": [{"mine": True}, {"unassigned": True}]}, "ac"),
    ({"not": {}}, ALL),
    ({"not": None}, ALL),
    ({"not": {"assignedTo": None}}, ALL),
    ({"not": {"assignedTo": {"eq": None}}}, ALL),
    ({"not": {"search": ""}}, ALL),
    ({"not": {"search": '"" ,'}}, ALL),
    ({"not": {"tags": {"hasAny": None}}}, ALL),
    ({"not": {"not": {"dueDate": {}}}}, ALL),
    ({"not": {"or": [{}, {"and": []}]}}, ALL),
    ({"not": {"or": [{}, {"mine": True}]}}, "bc"),
    ({"not": {"status": {"in": []}}}, ALL),
    ({"not": {"status": {"notIn": []}}}, ""),
    ({"not": {"mine": True}}, "bc"),
    ({"not": {"dueDate": {"lt": NOON.isoformat()}}}, "c"),
    ({"not": {"assignedTeam": {"eq": "TECH"}}}, "bc"),
    ({"not": {"not": {"assignedTeam": {"eq": "TECH"}}}}, "a"),
    ({"open": True, "or": [{"unassigned": True}, {"mine": True}], "not": {"mine": True}}, "c"),
]


async def test_each_comparator_finds_what_it_says(three: GraphQLClient) -> None:
    for given, expected in CASES:
        assert await found(three, given) == expected, given


async def test_a_null_variable_anywhere_is_as_if_it_were_not_there(three: GraphQLClient) -> None:
    query = """query($status: TicketStatus, $flag: Boolean, $ids: [ID!], $at: DateTime) {
        tickets(filter: {status: {eq: $status}, open: $flag, company: {in: $ids},
            not: {createdAt: {gt: $at}, open: $flag, priority: {eq: LOW}}}) { totalCount }
    }"""
    nulls = dict.fromkeys(("status", "flag", "ids", "at"))
    assert await three.ask(query) == await three.ask(query, nulls)
    data = await three.ask(query, {"status": "NEW", "at": NOON.isoformat()})
    assert data["tickets"]["totalCount"] == 2


async def test_enums_as_literals_and_variables_are_names(three: GraphQLClient) -> None:
    literal = "{ tickets(filter: {status: {in: [CLOSED]}, priority: {gte: HIGH}}) { totalCount } }"
    assert (await three.ask(literal))["tickets"]["totalCount"] == 1
    for wrong in ("closed", "Closed", "OPEN", 1, None):
        await three.refused(QUERY, {"filter": {"status": {"in": [wrong]}}})


async def test_times_without_a_zone_or_that_do_not_exist_are_refused(three: GraphQLClient) -> None:
    for wrong in ("2025-11-19", "2025-11-19T10:00:00", "yesterday", "2025-02-30T10:00:00Z", 0, ""):
        error = await three.refused(QUERY, {"filter": {"createdAt": {"gt": wrong}}})
        assert "DateTime" in error["message"]
    for extreme in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z"):
        assert await found(three, {"createdAt": {"gt": extreme}}) in (ALL, "")


TEXTS = {
    "plain": "The zone is OFFLINE since monday",
    "percent": "100% of it",
    "under": "a_b and c",
    "quote": 'he said "no way"',
    "back": "C:\\temp\\new",
    "nonascii": "ÜNÏCÖDE for 東京 Ñandú",
}
SEARCHES = [
    ("offline", {"plain"}),
    ("MONDAY zone", {"plain"}),
    ("zone, monday", {"plain"}),
    ('"zone is"', {"plain"}),
    ('"is zone"', set()),
    ("'since monday'", {"plain"}),
    ("%", {"percent"}),
    ("100%", {"percent"}),
    ("_", {"under"}),
    ("a_b", {"under"}),
    ("axb", set()),
    (r'"\"no way\""', {"quote"}),
    (r"\temp", {"back"}),
    (r'"\\temp"', {"back"}),
    (r"\\temp", set()),
    ("ünï", {"nonascii"}),
    ("ÜNÏ", {"nonascii"}),
    ("東京", {"nonascii"}),
    ("ñANDÚ", {"nonascii"}),
    ("京東", set()),
    ("HILTON", set(TEXTS)),
    ("under", {"under"}),
    ("", set(TEXTS)),
    (" , ", set(TEXTS)),
    ("zone nowhere", set()),
]


async def test_search_finds_words_and_phrases_whatever_their_case(gql: GraphQLClient) -> None:
    await gql.add(*(ticket(name, subject="-", description=text) for name, text in TEXTS.items()))
    query = "query($s: String) { tickets(filter: {search: $s}) { nodes { ticketNumber } } }"
    for text, expected in SEARCHES:
        nodes = (await gql.ask(query, {"s": text}))["tickets"]["nodes"]
        assert {node["ticketNumber"] for node in nodes} == expected, text


async def test_characters_that_no_text_can_have_are_refused(three: GraphQLClient) -> None:
    for given in (
        {"search": "off\0line"},
        {"not": {"search": "\0"}},
        {"tags": {"has": "v\0ip"}},
        {"tags": {"hasAny": ["vip", "\0"]}},
    ):
        error = await three.refused(QUERY, {"filter": given})
        assert "NUL" in error["message"]
    assert (
        "NUL" in (await three.refused('{ companies(search: "\\u0000") { totalCount } }'))["message"]
    )


async def test_a_filter_tells_customers_of_nobody_whom_they_are_not_shown(
    gql: GraphQLClient,
) -> None:
    await gql.add(
        contact("theirs", company_id=key("centara")),
        user("rival", Role.CUSTOMER, company_id=key("centara")),
        ticket("a", contact_id=key("theirs"), created_by_id=key("rival")),
        comment("said", "a", author_id=key("rival")),
    )
    theirs, rival = str(key("theirs")), str(key("rival"))
    for given, staff, customer in (
        ({"contact": {"eq": theirs}}, "a", ""),
        ({"contact": {"in": [theirs]}}, "a", ""),
        ({"contact": {"isNull": True}}, "", "a"),
        ({"contact": {"notIn": [theirs]}}, "", "a"),
        ({"createdBy": {"eq": rival}}, "a", ""),
        ({"not": {"createdBy": {"eq": rival}}}, "", "a"),
    ):
        assert await found(gql, given) == staff, given
        assert await found(gql, given, "carla") == customer, given
    said = f'{{ comments(filter: {{author: {{eq: "{rival}"}}}}) {{ totalCount }} }}'
    for viewer, count in (("keith", 1), ("carla", 0)):
        assert (await gql.ask(said, None, viewer))["comments"]["totalCount"] == count


async def test_too_large_filters_are_refused_with_a_sentence(three: GraphQLClient) -> None:
    def deep(levels: int) -> Any:
        return {"mine": True} if levels == 0 else {"not": deep(levels - 1)}

    ids = [str(key(str(i))) for i in range(101)]
    too_large: list[Any] = [
        {"company": {"in": ids}},
        {"status": {"notIn": ["NEW"] * 101}},
        {"tags": {"hasAny": ["x"] * 101}},
        {"and": [{"status": {"eq": "NEW"}}] * 101},
        {"or": [{"and": [{"status": {"eq": "NEW"}}] * 60}] * 2},
        {"or": [{"and": [{"open": True}] * 60}] * 2},
        {"or": [{"and": [{"contact": {"isNull": True}}] * 60}] * 2},
        {"or": [{"and": [{}] * 100}] * 100},
        {"search": " ".join(f"w{i}" for i in range(21))},
        {"search": '"' * 1001},
        deep(11),
    ]
    for given in too_large:
        error = await three.refused(QUERY, {"filter": given})
        assert "at most" in error["message"]
    allowed: list[Any] = [
        {"company": {"in": ids[:100]}},
        {"and": [{"status": {"eq": "NEW"}}] * 99},
        {"search": " ".join(f"w{i}" for i in range(20))},
        deep(10),
    ]
    for given in allowed:
        await found(three, given)


async def test_ids_that_are_none_are_refused(three: GraphQLClient) -> None:
    for given in ({"eq": "x"}, {"in": [AGENT, "x"]}, {"notIn": [""]}):
        error = await three.refused(QUERY, {"filter": {"company": given}})
        assert error["message"] == "An id in the filter is not a UUID."


async def test_the_other_lists_have_filters_of_their_own(three: GraphQLClient) -> None:
    await three.add(
        company("third", country="Thailand"),
        user("gone", Role.SALES, is_active=False, first_name="Gustav"),
        contact("primary", company_id=key("centara"), is_primary=True),
        comment("public", "a", author_id=key("keith")),
        comment("note", "b", is_internal=True),
    )
    cases = [
        ("users(filter: {role: {in: [SALES]}})", {"gone"}),
        ("users(filter: {isActive: false})", {"gone"}),
        ('users(filter: {search: "gUSTAV"})', {"gone"}),
        (f'users(filter: {{company: {{eq: "{key("hilton")}"}}}})', {"carla"}),
        ("contacts(filter: {isPrimary: true})", {"primary"}),
        ('contacts(filter: {search: "centara"})', {"primary"}),
        (f'contacts(filter: {{company: {{notIn: ["{OTHER}"]}}}})', {"carol"}),
        ('companies(search: "thai")', {"third"}),
        ("companies(search: null)", {"hilton", "centara", "third"}),
        ("comments(filter: {isInternal: true})", {"note"}),
        (f'comments(filter: {{author: {{eq: "{AGENT}"}}}})', {"public"}),
        (f'comments(filter: {{ticket: {{in: ["{key("b")}"]}}}})', {"note"}),
    ]
    keys = {"users": "username", "comments": "text"}
    for read, expected in cases:
        root = read.split("(")[0]
        data = await three.ask(f"{{ found: {read} {{ nodes {{ n: {keys.get(root, 'name')} }} }} }}")
        assert {node["n"] for node in data["found"]["nodes"]} == expected, read
