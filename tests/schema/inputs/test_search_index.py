"""The index finds what a look at every ticket finds, after whatever was written."""

# ruff: noqa: RUF001 - letters of several scripts are what this is about

import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, update

from models import Company, Role, Ticket, table_of
from models.search import normalize_search
from resolvers.commands import companies, tickets
from resolvers.query.filters.search_terms import MAX_SEARCH_LENGTH, MAX_TERMS, search_terms
from resolvers.query.lists import search_index
from resolvers.query.plans import Plans
from tests.schema.conftest import Opens
from tests.support import proofs
from tests.support.graphql_client import GraphQLClient
from tests.support.limits import UNBOUNDED
from tests.support.rows import company, key, ticket, user

pytestmark = pytest.mark.anyio

SEARCH = """query($s: String, $first: Int, $after: String, $before: String, $last: Int) {
  tickets(first: $first, last: $last, after: $after, before: $before, filter: {search: $s}) {
    totalCount
    nodes { ticketNumber description }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
TOTAL = "query($s: String) { ticketStats(filter: {search: $s}) { total } }"
NAMES = ("hilton", "centara")
# Words that occur often, in several scripts, and what the syntax of an index is made of.
WORDS = (
    *(
        "printer",
        "Straße",
        "STRASSE",
        "İstanbul",
        "ıIiİ",
        "ΒΌΡΡΑΣ",
        "βόρρας",
        "Москва",
        "東京タワー",
    ),
    *("مرحبا", "한국어", "ภาพหน้าจอ", "\U0001f3b5\U0001f3b5\U0001f3b5", "e\u0301e\u0301e\u0301"),
    *("100%", "%%%", "___", "a_b", "\\\\", "//%", '"', "'", '"quoted words"', "NEAR(a b)", "AND"),
    *("NOT", "OR", "text:", "-x", "*", "abc*", "^abc", "{text}", "+", "\x01\x02\x03", "\u200d"),
    *("ab", "a", ".", "---", "hilton", "centara", "T-1", "\t", "\n", "x" * 70),
)
PIECES = st.one_of(st.sampled_from(WORDS), st.text(alphabet="aAbßİı%_\\\"' ,éΣσ東\x1f", max_size=5))
TEXTS = st.lists(PIECES, max_size=5).map(" ".join)
SEARCHES = st.one_of(
    TEXTS,
    PIECES,
    PIECES.map(lambda piece: '"' + piece.replace("\\", "\\\\").replace('"', '\\"') + '"'),
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3).map(",".join),
)
NUMBERS = st.integers(0, 5)
CHANGES = st.one_of(
    st.tuples(st.just("add"), st.sampled_from(NAMES), TEXTS, TEXTS),
    st.tuples(st.just("update"), NUMBERS, TEXTS),
    st.tuples(st.just("write all"), TEXTS),
    st.tuples(st.just("delete"), NUMBERS),
    st.tuples(st.just("move"), NUMBERS, st.sampled_from(NAMES)),
    st.tuples(st.just("rename"), st.sampled_from(NAMES), TEXTS),
)


@pytest.fixture
async def gql(opens: Opens) -> AsyncIterator[GraphQLClient]:
    """Give the application with two companies and no limit of an operation's cost."""
    async with opens(**UNBOUNDED) as gql:
        hilton = company("hilton")
        carla = user("carla", Role.CUSTOMER, company_id=hilton.id)
        await gql.add(hilton, company("centara"), user("keith"), user("admin", Role.ADMIN), carla)
        yield gql


@dataclass
class Desk:
    """What is stored, as plain values: tickets by their number, and the names of companies."""

    gql: GraphQLClient
    names: dict[str, str] = field(default_factory=lambda: {name: name for name in NAMES})
    tickets: dict[str, tuple[UUID, str, str, str]] = field(default_factory=dict)
    added: int = 0

    async def change(self, what: str, *values: object) -> None:
        """Make a change by the command that clients have for it, or below all commands."""
        admin = self.gql.world.context("admin")
        if what == "add":
            await self._add(*map(str, values))
        elif what == "rename":
            name = str(values[1]).strip() or "-"
            await companies.update_company(admin, key(str(values[0])), {"name": name})
            self.names[str(values[0])] = name
        elif what == "write all":
            row = {"description": str(values[0])}
            async with self.gql.database.transaction() as session:
                # Not one of the program's writes: it keeps the column, and the database the index.
                texts = {
                    number: normalize_search(f"{number}\x00{kept[2]}\x00{values[0]}")
                    for number, kept in self.tickets.items()
                }
                connection = await session.connection()
                for number, found in texts.items():
                    table = table_of(Ticket)
                    changed = update(table).where(table.c.ticket_number == number)
                    changed = changed.values(search_text=found.replace("\x00", "\x1f"), **row)
                    await connection.execute(changed)
            self.tickets = {
                number: (*kept[:3], row["description"]) for number, kept in self.tickets.items()
            }
        elif self.tickets:
            numbers = sorted(self.tickets)
            await self._change_one(what, numbers[int(str(values[0])) % len(numbers)], *values[1:])

    async def _add(self, of: str, subject: str, description: str) -> None:
        number = f"T-{self.added}-{len(self.tickets)}"
        self.added += 1
        row = ticket(number, subject=subject, description=description, company_id=key(of))
        await self.gql.add(row)
        self.tickets[number] = (row.id, of, subject, description)

    async def _change_one(self, what: str, number: str, *values: object) -> None:
        admin = self.gql.world.context("admin")
        row_id, company, subject, description = self.tickets[number]
        if what == "delete":
            await tickets.delete_ticket(admin, row_id)
            del self.tickets[number]
            return
        if what == "move":
            company = str(values[0])
            await tickets.update_ticket(admin, row_id, {"company": key(company)})
        else:
            subject = str(values[0]).strip()[:200] or "-"
            await tickets.update_ticket(admin, row_id, {"subject": subject})
        self.tickets[number] = (row_id, company, subject, description)

    def expected(self, search: str, company: str | None) -> set[str]:
        """Return the numbers of the tickets that have every term somewhere."""
        terms = [normalize_search(term) for term in search_terms(search)]
        return {
            number
            for number, (_, of, *texts) in self.tickets.items()
            if company in (None, of)
            and all(
                any(term in normalize_search(one) for one in (number, *texts, self.names[of]))
                for term in terms
            )
        }


async def found(gql: GraphQLClient, search: str, viewer: str) -> set[str]:
    """Return what a search finds on pages of two rows, read from both ends and counted."""
    numbers: list[str] = []
    window: dict[str, object] = {"first": 2}
    while True:
        data = await gql.ask(SEARCH, {"s": search, **window}, viewer)
        page = data["tickets"]
        numbers += [node["ticketNumber"] for node in page["nodes"]]
        assert page["pageInfo"]["hasPreviousPage"] is ("after" in window)
        if not page["pageInfo"]["hasNextPage"]:
            break
        window["after"] = page["pageInfo"]["endCursor"]
    assert len(numbers) == len(set(numbers)) == page["totalCount"]
    assert (await gql.ask(TOTAL, {"s": search}, viewer))["ticketStats"]["total"] == len(numbers)
    last = (await gql.ask(SEARCH, {"s": search, "last": 3}, viewer))["tickets"]
    assert [node["ticketNumber"] for node in last["nodes"]] == numbers[-3:]
    return set(numbers)


def take_way(gql: GraphQLClient, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    """Have statements take the index for fewer rows than this."""
    monkeypatch.setattr(search_index, "FEW_ROWS", few)
    monkeypatch.setattr(search_index, "FEW_OF_NEWEST", few + 1)
    monkeypatch.setitem(gql.services.__dict__, "plans", Plans())


@pytest.fixture
def few_rows(gql: GraphQLClient, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    """Take one way for all examples of a test, so that each statement is compiled once."""
    take_way(gql, monkeypatch, few)


@proofs.pairs("few", [0, 2, 5_000], small=[("sqlite", 2), ("postgres", 0)])
@proofs.examples(small=5, long=100)
@given(
    changes=st.lists(CHANGES, min_size=1, max_size=12),
    searches=st.lists(SEARCHES, min_size=1, max_size=4),
)
async def test_a_search_finds_what_a_look_at_every_ticket_finds(
    gql: GraphQLClient,
    few_rows: None,
    changes: Sequence[tuple[str, ...]],
    searches: Sequence[str],
) -> None:
    async with gql.database.transaction() as session:
        await session.exec(delete(Ticket))
    desk = Desk(gql)
    for name in NAMES:
        await desk.change("rename", name, name)
    for change in changes:
        await desk.change(*change)
    for search in searches:
        assert await found(gql, search, "keith") == desk.expected(search, None), search
        assert await found(gql, search, "carla") == desk.expected(search, "hilton"), search


async def test_each_change_is_found_and_what_was_before_is_not(gql: GraphQLClient) -> None:
    desk = Desk(gql)
    await desk.change("add", "hilton", "printer", 'say "hello"now')
    await desk.change("add", "hilton", "printer", "zone")
    searches = ("hilton", "centara", "renamed", "printer", "subject", "printer zo", 'o"now', '"he')

    async def check() -> None:
        for search in searches:
            for viewer, of in (("keith", None), ("carla", "hilton")):
                expected = desk.expected(search, of)
                assert await found(gql, search, viewer) == expected, (search, viewer)

    await check()
    await desk.change("move", 0, "centara")
    await check()
    await desk.change("rename", "centara", "Renamed & sons")
    await check()
    await desk.change("update", 1, "subject")
    await check()
    await desk.change("delete", 0)
    await check()


@proofs.pairs("few", [0, 5_000], small=[("postgres", 5_000)])
async def test_terms_that_are_made_to_be_hard(
    gql: GraphQLClient, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_way(gql, monkeypatch, few)
    desk = Desk(gql)
    long = "ab" * (MAX_SEARCH_LENGTH // 2)
    await desk.change("add", "hilton", "%" * 200, long)
    await desk.change("add", "centara", "_" * 200, long[:-1])
    many = " ".join(f"term{i}" for i in range(MAX_TERMS))
    await desk.change("add", "hilton", "all of them", many)
    for search in (
        *(long, long[1:], "%" * MAX_SEARCH_LENGTH, "%", "_", "%%%", "_%_", many, many[:-1]),
        *('"""', '""" OR "', "term1* term", "NEAR(term1 term2)", "text : term1", "-term1", "^all"),
        *("' OR 1=1 --", "\\", "\\\\\\", "/%/", "//", "term1) (", "{text}: x", "a AND", "NOT all"),
    ):
        for viewer, of in (("keith", None), ("carla", "hilton")):
            expected = desk.expected(search, of)
            assert await found(gql, search, viewer) == expected, (search, viewer)
    assert await found(gql, long, "keith") == {sorted(desk.tickets)[0]}


async def test_rows_without_names_of_their_own_keep_their_keys(
    gql: GraphQLClient, backend: str
) -> None:
    if backend != "sqlite":
        pytest.skip("only SQLite renumbers rows")
    desk = Desk(gql)
    for i in range(6):
        await desk.change("add", "hilton", f"subject{i}", "-")
    await desk.change("delete", 0)
    await desk.change("delete", 2)
    with closing(sqlite3.connect(str(gql.database.url.database))) as connection:
        connection.execute("VACUUM")
    for i in range(6):
        search = f"subject{i}"
        assert await found(gql, search, "keith") == desk.expected(search, None)
    await desk.change("update", 1, "other")
    await desk.change("delete", 0)
    for search in ("subject", "other"):
        assert await found(gql, search, "keith") == desk.expected(search, None)


async def test_a_write_that_is_undone_leaves_the_index_as_it_was(gql: GraphQLClient) -> None:
    desk = Desk(gql)
    await desk.change("add", "hilton", "before", "-")
    async with gql.database.transaction() as session:
        connection = await session.connection()
        await connection.execute(update(Company).values(search_name="renamed"))
        await connection.execute(update(Ticket).values(search_text="after"))
        await session.rollback()
    for search, numbers in (("before", {"T-0-0"}), ("after", set()), ("renamed", set())):
        assert await found(gql, search, "keith") == numbers, search
