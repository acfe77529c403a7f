"""`search`: each viewer finds and is shown only what they may see."""

import pytest

from models import Role
from resolvers.commands import comments
from tests.schema.searching import FOUND, names, page, snippets
from tests.support.graphql_client import GraphQLClient
from tests.support.rows import comment, company, contact, key, ticket, user

pytestmark = pytest.mark.anyio


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
