"""`search`: what is found in which order, on which page, and what is refused."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from resolvers.commands import tickets
from resolvers.query.filters.search_terms import MAX_SEARCH_LENGTH, MAX_TERMS
from resolvers.query.plans import Plans
from resolvers.query.search import results
from tests.schema.searching import FOUND, names, page
from tests.support.clock import NOON
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import comment, company, contact, key, ticket

pytestmark = pytest.mark.anyio


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
