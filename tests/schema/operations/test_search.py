"""`search`: what is found in which order, by whom, on which page, and what is shown of it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from models import Role
from resolvers.commands import comments, tickets
from resolvers.query.filters.search_terms import MAX_SEARCH_LENGTH, MAX_TERMS
from resolvers.query.plans import Plans
from resolvers.query.search import results
from tests.support.clock import NOON
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import comment, company, contact, key, ticket, user

pytestmark = pytest.mark.anyio

FOUND = """query($q: String!, $first: Int, $after: String, $types: [SearchType!]) {
  search(query: $q, first: $first, after: $after, types: $types) {
    nodes {
      ... on Ticket { name: ticketNumber } ... on Comment { name: text }
      ... on Contact { name } ... on Company { name }
    }
    pageInfo { hasNextPage endCursor }
  }
}"""
SNIPPETS = """query($q: String!) {
  search(query: $q) { edges { snippets { field parts { text highlighted } } } }
}"""


async def page(gql: GraphQLClient, q: str, viewer: str = "keith", **more: Any) -> Any:
    """Return the names on a page, and how it goes on."""
    found = (await gql.ask(FOUND, {"q": q, **more}, viewer))["search"]
    return [node["name"] for node in found["nodes"]], found["pageInfo"]


async def names(gql: GraphQLClient, q: str, viewer: str = "keith", **more: Any) -> list[str]:
    """Return the names on a page."""
    return list((await page(gql, q, viewer, **more))[0])


async def snippets(gql: GraphQLClient, q: str, viewer: str = "keith") -> list[dict[str, str]]:
    """Return the snippets of each edge by field, with brackets around what is highlighted."""
    data = await gql.ask(SNIPPETS, {"q": q}, viewer)
    return [
        {
            snippet["field"]: "".join(
                f"[{part['text']}]" if part["highlighted"] else part["text"]
                for part in snippet["parts"]
            )
            for snippet in edge["snippets"]
        }
        for edge in data["search"]["edges"]
    ]


async def test_equal_texts_come_first_then_titles_then_others_each_newest_first(
    gql: GraphQLClient,
) -> None:
    def at(hours: int) -> dict[str, Any]:
        return {"created_at": NOON - timedelta(hours=hours)}

    await gql.add(
        ticket("T-1", subject="No sound", description="from the Zone Player", **at(1)),
        comment("a zone player!", "T-1", **at(2)),
        ticket("T-2", subject="player of a zone", **at(3)),
        contact("Zone Player fan", **at(4)),
        company("Zone Player Inc.", **at(5)),
        ticket("T-3", subject="ZONE player", **at(6)),
        contact("somebody", phone="zone player", **at(7)),
        company("zone player", **at(8)),
        contact("nobody", title="zone player", **at(9)),
    )

    assert await names(gql, "zone player") == [
        *("T-3", "somebody", "zone player"),
        *("T-2", "Zone Player fan", "Zone Player Inc."),
        *("T-1", "a zone player!", "nobody"),
    ]
    assert await names(gql, "t-2") == ["T-2"]
    assert await names(gql, '"player of"') == ["T-2"]
    assert await names(gql, "zone", types=["CONTACT", "CONTACT"]) == [
        *("Zone Player fan", "somebody", "nobody"),
    ]


async def test_an_exact_email_comes_first(gql: GraphQLClient) -> None:
    await gql.add(
        contact("older", email="Pat@Example.com", created_at=NOON - timedelta(days=1)),
        contact("newer", email="not-pat@example.com"),
    )
    assert await names(gql, "pat@example.com") == ["older", "newer"]


@pytest.fixture
async def two_desks(gql: GraphQLClient) -> GraphQLClient:
    """Give the same words in rows of two companies, public and internal."""
    await gql.add(
        ticket("T-1", subject="quartz ours"),
        comment("quartz said", "T-1"),
        comment("quartz noted, onyx", "T-1", is_internal=True),
        contact("quartz person"),
        ticket("T-2", subject="quartz theirs", company_id=key("centara")),
        comment("quartz elsewhere", "T-2"),
        contact("quartz other", company_id=key("centara")),
        company("quartz corp", notes="opal"),
        user("rival", Role.CUSTOMER, company_id=key("centara")),
    )
    return gql


OURS = {"T-1", "quartz said", "quartz person"}
THEIRS = {"T-2", "quartz elsewhere", "quartz other"}


async def test_each_viewer_finds_what_they_see(two_desks: GraphQLClient) -> None:
    everything = OURS | THEIRS | {"quartz noted, onyx", "quartz corp"}
    for viewer, seen in (
        ("keith", everything),
        ("admin", everything),
        ("carla", OURS),
        ("rival", THEIRS),
    ):
        assert set(await names(two_desks, "quartz", viewer)) == seen, viewer
    error = await two_desks.refused(FOUND, {"q": "quartz"}, None)
    assert error["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_customer_finds_no_trace_of_an_internal_note(two_desks: GraphQLClient) -> None:
    unknown = await two_desks.post(FOUND, {"q": "nothing like it", "first": 1}, "carla")
    for hidden in ("onyx", "noted", "opal", "theirs"):
        assert await names(two_desks, hidden) != []
        known = await two_desks.post(FOUND, {"q": hidden, "first": 1}, "carla")
        assert (
            known.json()
            == unknown.json()
            == {
                "data": {
                    "search": {"nodes": [], "pageInfo": {"hasNextPage": False, "endCursor": None}}
                }
            }
        )
        assert await snippets(two_desks, hidden, "carla") == []
    # Nor as a further page.
    found, after = await page(two_desks, "quartz", "carla", first=3, types=["COMMENT"])
    assert (found, after["hasNextPage"]) == (["quartz said"], False)
    assert "onyx" not in str(await snippets(two_desks, "quartz", "carla"))


async def test_notes_that_become_internal_and_public_again(two_desks: GraphQLClient) -> None:
    admin, note = two_desks.world.context("admin"), key("quartz noted, onyx")
    for internal in (False, True):
        await comments.update_comment(admin, note, {"is_internal": internal})
        expected = [] if internal else ["quartz noted, onyx"]
        assert await names(two_desks, "onyx", "carla") == expected


async def test_a_customer_is_shown_no_text_that_is_for_staff(gql: GraphQLClient) -> None:
    await gql.add(company("opal hotel", notes="opal owes us"))
    await gql.add(user("guest", Role.CUSTOMER, company_id=key("opal hotel")))

    assert await snippets(gql, "opal") == [
        {"name": "[opal] hotel", "notes": "[opal] owes us"},
    ]
    assert await snippets(gql, "opal", "guest") == [{"name": "[opal] hotel"}]
    assert await names(gql, "owes", "guest") == []


async def test_snippets_of_each_field(gql: GraphQLClient) -> None:
    await gql.add(
        company("Jade", website="jade.example", country="Jade land"),
        ticket("JADE-1", subject="no jade", description='a "jade"\n<b>', company_id=key("Jade")),
        comment("jade\x01\U0001f3b5", "JADE-1", created_at=NOON - timedelta(1)),
        contact(
            "jade",
            company_id=key("Jade"),
            email="jade@x.example",
            phone="jade",
            title="Jade!",
            created_at=NOON - timedelta(2),
        ),
    )
    found = await snippets(gql, "jade")
    assert sorted(found, key=str) == sorted(
        [
            {"name": "[Jade]", "website": "[jade].example", "country": "[Jade] land"},
            {
                "name": "[jade]",
                "email": "[jade]@x.example",
                "phone": "[jade]",
                "title": "[Jade]!",
                "company.name": "[Jade]",
            },
            {
                "ticketNumber": "[JADE]-1",
                "subject": "no [jade]",
                "description": 'a "[jade]"\n<b>',
                "company.name": "[Jade]",
            },
            {"text": "[jade]\x01\U0001f3b5"},
        ],
        key=str,
    )


@pytest.mark.parametrize("before", ["x ", "İ ", "ß", "e\u0301 ", "東", "i\u0307\u0323 "])
async def test_terms_far_inside_of_long_texts_are_shown(gql: GraphQLClient, before: str) -> None:
    text = before * 5_000 + " the Needle " + before * 3_000 + " needle"
    await gql.add(
        ticket("T-1", subject="needless", description=text),
        comment(text, "T-1"),
        company("-", notes=text),
    )
    found = await snippets(gql, "needle")

    assert len(found) == 3
    for one in found:
        (shown,) = (one[name] for name in ("description", "text", "notes") if name in one)
        assert " the [Needle] " in shown
        assert len(shown) <= 162


async def test_a_text_like_a_mark_stays_as_it_is(gql: GraphQLClient) -> None:
    text = f"{'0' * 32}.0.{key('T-1')}"
    await gql.add(ticket("T-1", subject=text))
    query = """{ search(query: "t-1") { edges {
      snippets { field } node { ... on Ticket { subject } } } } }"""
    (edge,) = (await gql.ask(query))["search"]["edges"]
    assert edge == {"snippets": [{"field": "ticketNumber"}], "node": {"subject": text}}


async def test_pages_stay_while_rows_come_and_go(gql: GraphQLClient) -> None:
    for number in range(9):
        await gql.add(ticket(f"T-{number}", number, subject=f"amber {number}"))
    first, info = await page(gql, "amber", first=3)
    assert first == [f"T-20251109-{number:04}" for number in (8, 7, 6)]
    admin = gql.world.context("admin")
    await gql.add(ticket("new", subject="amber"), comment("amber", "T-1"))
    await tickets.delete_ticket(admin, key("T-6"))
    await tickets.delete_ticket(admin, key("T-4"))

    second, info = await page(gql, "amber", first=3, after=info["endCursor"])
    assert second == [f"T-20251109-{number:04}" for number in (5, 3, 2)]
    third, info = await page(gql, "amber", first=3, after=info["endCursor"])
    # A comment is no title: it comes after all of these.
    assert third == ["T-20251109-0001", "T-20251109-0000", "amber"]
    assert info["hasNextPage"] is False
    assert (await names(gql, "amber"))[:2] == ["new", "T-20251109-0008"]


async def test_the_newest_of_each_type_are_ranked(
    gql: GraphQLClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "CANDIDATES", 2)
    monkeypatch.setitem(gql.services.__dict__, "plans", Plans())
    for number in range(5):
        await gql.add(ticket(f"T-{number}", number, subject="ruby" if number == 2 else "ruby x"))
    await gql.add(contact("ruby"))

    assert await names(gql, "ruby") == ["ruby", "T-20251109-0004", "T-20251109-0003"]


@pytest.mark.parametrize(
    "q",
    [
        *("%", "_", "%%%", "_a_", "'", '"', '\\"', "\\", "\\\\\\", "/%/", "' OR 1=1 --", "a AND b"),
        *('""" OR "', "NEAR(a b)", "text:x", "-x", "^x", "x*", "{text}:x", ");", "$1", ":s0", "?"),
        *(
            "\x1f",
            "\x01",
            "\u200d",
            "\U0001f3b5",
            "e\u0301",
            "東京",
            "x" * MAX_SEARCH_LENGTH,
            "., a",
        ),
    ],
)
async def test_no_character_of_a_search_is_special(gql: GraphQLClient, q: str) -> None:
    await gql.add(ticket("T-1", subject="plain words", description="nothing else"))
    phrase = '"' + q.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if len(phrase) > MAX_SEARCH_LENGTH:
        phrase = q
    assert await names(gql, f"zzz {q}"[:MAX_SEARCH_LENGTH]) == []
    await gql.add(comment(f"<{q}>", "T-1"))
    assert f"<{q}>" in await names(gql, phrase, types=["COMMENT"])


async def test_terms_of_one_and_two_characters_are_found(gql: GraphQLClient) -> None:
    await gql.add(ticket("T-1", subject="x 7 yz"), comment("7 yz", "T-1"), contact("nothing"))
    assert set(await names(gql, "7 yz")) == {"T-1", "7 yz"}
    assert set(await names(gql, "7")) == {"T-1", "7 yz"}


@pytest.mark.parametrize("viewer", ["keith", "carla"])
async def test_as_many_terms_as_there_may_be(gql: GraphQLClient, viewer: str) -> None:
    terms = [f"term{number:02}" for number in range(MAX_TERMS)]
    await gql.add(
        ticket("T-1", subject="x", description=" ".join(terms)),
        comment("y" * 2_000 + " ".join(terms), "T-1", created_at=NOON - timedelta(1)),
        comment(" ".join(terms[1:]), "T-1"),
        contact(" ".join(terms[:10]), email=" ".join(terms[10:])),
    )
    found = await snippets(gql, " ".join(terms), viewer)
    assert [sorted(one) for one in found] == [["email", "name"], ["description"], ["text"]]
    assert "yyy[term00] [term01] " in found[2]["text"]


REFUSED: Sequence[tuple[dict[str, Any], str]] = [
    ({"q": ""}, "A search takes at least one term."),
    ({"q": ' ,, ""'}, "A search takes at least one term."),
    ({"q": "a " * (MAX_TERMS + 1)}, f"A search takes at most {MAX_TERMS} terms."),
    (
        {"q": "a" * (MAX_SEARCH_LENGTH + 1)},
        f"A search takes at most {MAX_SEARCH_LENGTH} characters.",
    ),
    (
        {"q": "a\0b"},
        "A text in a filter has a NUL or another character that no text can have.",
    ),
    ({"q": "a", "types": []}, "`types` takes at least one type."),
    ({"q": "a", "first": 101}, "`first` must be between 0 and 100."),
    ({"q": "a", "first": -1}, "`first` must be between 0 and 100."),
    ({"q": "a", "after": "x"}, "The cursor is not one of this server's."),
]


@pytest.mark.parametrize(("given", "message"), REFUSED)
async def test_what_is_out_of_bounds_is_refused(
    gql: GraphQLClient, given: dict[str, Any], message: str
) -> None:
    assert (await gql.refused(FOUND, given))["message"] == message


async def test_a_cursor_of_another_list_is_refused(gql: GraphQLClient) -> None:
    await gql.add(ticket("T-1"))
    other = await gql.ask("{ tickets { pageInfo { endCursor } } }")
    given = {"q": "t-1", "after": other["tickets"]["pageInfo"]["endCursor"]}
    error = await gql.refused(FOUND, given)
    assert error["message"] == "The cursor belongs to another list or another order."
    cursor = (await page(gql, "t-1"))[1]["endCursor"]
    query = "query($a: String) { tickets(after: $a) { nodes { id } } }"
    assert (await gql.refused(query, {"a": cursor}))["message"] == error["message"]


UNION = """query($yes: Boolean!, $no: Boolean!) {
  first: search(query: "pearl", first: 1) { edges { __typename } nodes { __typename } }
  search(query: "pearl") {
    __typename
    edges {
      __typename
      found: node {
        kind: __typename
        ...Any
        ... on SearchResult { ... on Ticket { subject comments(first: 1) { nodes { text } } } }
        ... on Company { tickets(first: 1) { nodes { subject } } }
        ... on Contact @include(if: $no) { email }
        ... on Comment @skip(if: $no) { text ticket { company { name } } }
      }
      one: snippets { kind: __typename field }
      two: snippets { parts { __typename t: text h: highlighted } }
      one: snippets { field }
    }
    ids: nodes { ... on Node { id @include(if: $yes) } }
    nothing: nodes @skip(if: $yes) { __typename }
  }
}
fragment Any on Node { id ... on Contact { name } }"""


async def test_selections_of_a_union(gql: GraphQLClient) -> None:
    await gql.add(
        *(company("Pearl"), contact("pearl person", created_at=NOON - timedelta(1))),
        ticket("T-1", subject="a pearl", company_id=key("Pearl")),
        comment("the pearl", "T-1", created_at=NOON - timedelta(2)),
    )
    data = await gql.ask(UNION, {"yes": True, "no": False})
    assert data["first"] == {
        "edges": [{"__typename": "SearchResultEdge"}],
        "nodes": [{"__typename": "Company"}],
    }
    found = data["search"]
    assert found["__typename"] == "SearchResultConnection"
    by_kind = {edge["found"]["kind"]: edge for edge in found["edges"]}
    kinds = ["Company", "Ticket", "Contact", "Comment"]
    assert [edge["found"]["kind"] for edge in found["edges"]] == kinds
    rows = dict(zip(kinds, ("Pearl", "T-1", "pearl person", "the pearl"), strict=True))
    assert found["ids"] == [{"id": str(key(name))} for name in rows.values()]
    expected: dict[str, dict[str, Any]] = {
        "Company": {"tickets": {"nodes": [{"subject": "a pearl"}]}},
        "Ticket": {"subject": "a pearl", "comments": {"nodes": [{"text": "the pearl"}]}},
        "Contact": {"name": "pearl person"},
        "Comment": {"text": "the pearl", "ticket": {"company": {"name": "Pearl"}}},
    }
    for kind, fields in expected.items():
        assert by_kind[kind]["found"] == {"kind": kind, "id": str(key(rows[kind])), **fields}
    assert by_kind["Comment"]["one"] == [{"kind": "SearchSnippet", "field": "text"}]
    part = {"__typename": "SearchSnippetPart", "t": "the ", "h": False}
    assert by_kind["Comment"]["two"] == [{"parts": [part, {**part, "t": "pearl", "h": True}]}]


async def test_a_wrong_argument_inside_is_an_error_at_its_place(gql: GraphQLClient) -> None:
    await gql.add(ticket("T-1", subject="coral"), contact("coral"))
    query = """{ search(query: "coral", types: [TICKET, CONTACT]) { edges {
      snippets { field } node { ... on Ticket { subject comments(first: 101) { totalCount } }
      ... on Contact { name } } } } }"""
    answer = (await gql.post(query)).json()
    assert answer["data"] is None
    (error,) = answer["errors"]
    assert error["message"] == "`first` must be between 0 and 100."
    assert error["path"][:2] == ["search", "edges"]
    assert error["path"][3:] == ["node", "comments"]
