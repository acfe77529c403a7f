"""A search of everything finds what a look at every row finds, in the order that it promises."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from models import Comment, Company, Contact, Role, Ticket
from models.search import normalize_search
from resolvers.commands import comments, companies, contacts, tickets
from resolvers.query.filters.search_terms import search_terms
from resolvers.query.search import own_comments
from tests.schema.conftest import Opens
from tests.schema.inputs.test_search_index import SEARCHES, TEXTS, take_way
from tests.support import proofs
from tests.support.clock import NOON
from tests.support.graphql_client import GraphQLClient
from tests.support.limits import UNBOUNDED
from tests.support.rows import company, contact, key, ticket, user

pytestmark = pytest.mark.anyio

SEARCH = """query($q: String!, $first: Int, $after: String, $types: [SearchType!]) {
  search(query: $q, first: $first, after: $after, types: $types) {
    nodes { ... on Node { id } }
    edges { cursor snippets { field parts { text highlighted } } node { ... on Node { id } } }
    pageInfo { hasNextPage hasPreviousPage endCursor }
  }
}"""
MODELS: dict[str, Any] = {
    "TICKET": Ticket,
    "COMMENT": Comment,
    "CONTACT": Contact,
    "COMPANY": Company,
}
NAMES = ("hilton", "centara")
NUMBERS = st.integers(0, 3)
CHANGES = st.one_of(
    st.tuples(st.just("ticket"), st.sampled_from(NAMES), TEXTS, TEXTS),
    st.tuples(st.just("comment"), st.booleans(), NUMBERS, TEXTS),
    st.tuples(st.just("contact"), st.sampled_from(NAMES), TEXTS, TEXTS),
    st.tuples(st.just("edit"), NUMBERS, TEXTS),
    st.tuples(st.just("hide"), NUMBERS, st.booleans()),
    st.tuples(st.just("move"), NUMBERS, st.sampled_from(NAMES)),
    st.tuples(st.just("name"), NUMBERS, TEXTS),
    st.tuples(st.just("company"), st.sampled_from(NAMES), TEXTS, TEXTS),
    st.tuples(st.just("delete ticket"), NUMBERS),
    st.tuples(st.just("delete comment"), NUMBERS),
)


@pytest.fixture
async def gql(opens: Opens) -> AsyncIterator[GraphQLClient]:
    """Give the application with two companies and no limit of an operation's cost."""
    async with opens(**UNBOUNDED) as gql:
        carla = user("carla", Role.CUSTOMER, company_id=key("hilton"))
        await gql.add(company("hilton"), company("centara"), user("keith"), carla)
        await gql.add(user("admin", Role.ADMIN))
        yield gql


@dataclass
class Changes:
    """Changes rows by the commands that clients have for it."""

    gql: GraphQLClient
    made: int = 0

    async def make(self, what: str, *values: Any) -> None:
        admin = self.gql.world.context("admin")
        if what == "company":
            name = values[1].strip()[:255] or "-"
            given = {"name": name, "notes": values[2]}
            await companies.update_company(admin, key(values[0]), given)
        elif what in ("ticket", "contact"):
            await self._add(what, *values)
        elif what == "comment":
            await self._comment(admin, *values)
        else:
            await self._change(admin, what, *values)

    async def _add(self, what: str, of: str, short: str, long: str) -> None:
        self.made += 1
        name, at = f"{what}{self.made}", NOON - timedelta(minutes=self.made % 3)
        if what == "ticket":
            row: Any = ticket(name, subject=short[:200] or "-", description=long, created_at=at)
        else:
            row = contact(name, name=short[:100] or "-", email=long[:254], created_at=at)
        row.company_id = key(of)
        await self.gql.add(row)

    async def _comment(self, admin: Any, internal: bool, number: int, text: str) -> None:
        if (of := await self._one(Ticket, number)) is not None:
            given = {"text": text.strip() or "-", "is_internal": internal}
            await comments.add_comment(admin, of, given)

    async def _one(self, model: Any, number: int) -> UUID | None:
        async with self.gql.database.transaction() as session:
            ids = sorted(row.id for row in await session.exec(select(model)))
        return ids[number % len(ids)] if ids else None

    async def _change(self, admin: Any, what: str, number: int, value: Any = None) -> None:
        text = str(value).strip() or "-"
        model = {"name": Contact, "edit": Comment, "hide": Comment, "delete comment": Comment}
        row = await self._one(model.get(what, Ticket), number)
        if row is None:
            return
        if what == "edit":
            await comments.update_comment(admin, row, {"text": text})
        elif what == "hide":
            await comments.update_comment(admin, row, {"is_internal": value})
        elif what == "delete comment":
            await comments.delete_comment(admin, row)
        elif what == "name":
            await contacts.update_contact(admin, row, {"name": text[:100]})
        elif what == "move":
            await tickets.update_ticket(admin, row, {"company": key(value)})
        else:
            await tickets.delete_ticket(admin, row)


async def expected(gql: GraphQLClient, search: str, viewer: str, types: Sequence[str]) -> list[str]:
    """Return the ids that a look at every row finds, best first, then newest first."""
    terms = [normalize_search(term) for term in search_terms(search)]
    found = []
    async with gql.database.transaction() as session:
        names = {row.id: row for row in await session.exec(select(Company))}
        owners = {row.id: row.company_id for row in await session.exec(select(Ticket))}
        for name in types:
            for row in await session.exec(select(MODELS[name])):
                title, exact, others = _texts(row, names, viewer)
                everywhere = [normalize_search(text) for text in (*title, *exact, *others)]
                if not _sees(row, owners, viewer):
                    continue
                if not all(any(term in text for text in everywhere) for term in terms):
                    continue
                titles = [normalize_search(text) for text in title]
                is_exact = " ".join(terms) in map(normalize_search, (*title, *exact))
                in_title = all(any(term in text for text in titles) for term in terms)
                score = 2 if is_exact else 1 if in_title else 0
                found.append((score, row.created_at, str(row.id)))
    return [row_id for *_, row_id in sorted(found, reverse=True)]


def _texts(
    row: Any, names: dict[UUID, Company], viewer: str
) -> tuple[list[str], list[str], list[str]]:
    """Return the texts of a row: its titles, what else may be equal to the search, and others."""
    match row:
        case Ticket():
            company_name = names[row.company_id].name
            return [row.ticket_number, row.subject], [], [row.description, company_name]
        case Comment():
            return [], [], [row.text]
        case Contact():
            others = [row.title, names[row.company_id].name]
            return [row.name, row.email], [row.phone], others
        case _:
            notes = [] if viewer == "carla" else [row.notes]
            return [row.name], [row.website], [row.country, *notes]


def _sees(row: Any, owners: dict[UUID, UUID], viewer: str) -> bool:
    if viewer != "carla":
        return True
    if isinstance(row, Comment):
        return owners[row.ticket_id] == key("hilton") and not row.is_internal
    owner: UUID = row.id if isinstance(row, Company) else row.company_id
    return owner == key("hilton")


async def found(gql: GraphQLClient, search: str, viewer: str, types: Sequence[str]) -> list[str]:
    """Return the ids that a search finds on pages of three."""
    ids: list[str] = []
    window: dict[str, Any] = {"first": 3}
    while True:
        asked = {"q": search, "types": types, **window}
        page = (await gql.ask(SEARCH, asked, viewer))["search"]
        nodes = [node["id"] for node in page["nodes"]]
        assert nodes == [edge["node"]["id"] for edge in page["edges"]]
        assert page["pageInfo"]["hasPreviousPage"] is ("after" in window)
        for edge in page["edges"]:
            check(search, edge["snippets"])
        ids += nodes
        if not page["pageInfo"]["hasNextPage"]:
            return ids
        window["after"] = page["pageInfo"]["endCursor"]


def check(search: str, snippets: Sequence[dict[str, Any]]) -> None:
    """Check that snippets show every term, as far as none is cut."""
    terms = [normalize_search(term) for term in search_terms(search)]
    assert snippets
    for snippet in snippets:
        parts = snippet["parts"]
        shown = "".join(part["text"] for part in parts)
        assert len(shown) <= 160
        assert all(part["text"] for part in parts)
        assert any(part["highlighted"] for part in parts)
        for part, following in pairwise(parts):
            assert part["highlighted"] is not following["highlighted"]
        for part in parts:
            has_term = any(term in normalize_search(part["text"]) for term in terms)
            assert has_term is part["highlighted"] or len(shown) > 100


@pytest.fixture
def few_rows(gql: GraphQLClient, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    """Take one way for all examples of a test, so that each statement is compiled once."""
    take_way(gql, monkeypatch, few)
    monkeypatch.setattr(own_comments, "FEW_TICKETS", few)


@proofs.pairs("few", [0, 5_000], small=[("sqlite", 5_000), ("postgres", 0)])
@proofs.examples(small=6, long=100)
@given(
    changes=st.lists(CHANGES, min_size=1, max_size=14),
    searches=st.lists(SEARCHES, min_size=1, max_size=4),
    types=st.lists(st.sampled_from(sorted(MODELS)), min_size=1, max_size=4, unique=True),
)
async def test_a_search_finds_what_a_look_at_every_row_finds(
    gql: GraphQLClient,
    few_rows: None,
    changes: Sequence[tuple[Any, ...]],
    searches: Sequence[str],
    types: Sequence[str],
) -> None:
    async with gql.database.transaction() as session:
        for model in (Ticket, Contact):
            for row in await session.exec(select(model)):
                await session.delete(row)
    making = Changes(gql)
    for name in NAMES:
        await making.make("company", name, name, "")
    for change in changes:
        await making.make(*change)
    for search in searches:
        if not search_terms(search):
            error = await gql.refused(SEARCH, {"q": search})
            assert error["message"] == "A search takes at least one term."
            continue
        for viewer in ("keith", "carla"):
            for asked in (sorted(MODELS), types):
                wanted = await expected(gql, search, viewer, asked)
                assert await found(gql, search, viewer, asked) == wanted, (search, viewer)
