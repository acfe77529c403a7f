"""The demo is the same each time, keeps the rules of the desk, and loads only where nothing is."""

import hashlib
import struct
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import obstore
import pytest
from obstore.store import MemoryStore
from sqlmodel import SQLModel, func, select

from deskgraph.database.database import Database
from deskgraph.demo import loading, logins
from deskgraph.demo.factory import Row, Rows
from deskgraph.settings import Settings, SettingsError
from models import TEAM_OF_CATEGORY, Role, Ticket, TicketEventType, TicketStatus, User, table_of
from models.search import search_texts
from resolvers.auth.passwords import verify_password

NOW = datetime(2025, 11, 19, 10, 30, tzinfo=UTC)
SOME = 60
TABLES = ("companies", "contacts", "users", "tickets", "comments", "attachments")


@pytest.fixture(scope="module")
def rows() -> Rows:
    return loading.build(NOW, "hash")


def by(rows: Iterable[Row], key: str) -> dict[Any, list[Row]]:
    found = defaultdict(list)
    for row in rows:
        found[row[key]].append(row)
    return found


def test_it_is_the_same_each_time_and_another_one_for_another_seed() -> None:
    first, again = (vars(loading.build(NOW, "hash", tickets=SOME)) for _ in range(2))
    other = vars(loading.build(NOW, "hash", tickets=SOME, seed=1))

    assert first == again
    assert first["tickets"] != other["tickets"]


def test_it_is_large_and_varied_enough_to_look_at(rows: Rows) -> None:
    roles = Counter(user["role"] for user in rows.users)

    assert (len(rows.tickets), len(rows.companies)) == (300, 12)
    assert set(roles) == set(Role)
    assert (roles[Role.CUSTOMER], sum(roles.values())) == (14, 22)
    assert {ticket["status"] for ticket in rows.tickets} == set(TicketStatus)
    assert {ticket["category"] for ticket in rows.tickets} > set(TEAM_OF_CATEGORY)
    assert any(ticket["due_date"] and ticket["due_date"] < NOW for ticket in rows.tickets)
    assert {comment["is_internal"] for comment in rows.comments} == {True, False}
    assert set(logins.LOGINS) <= {user["username"] for user in rows.users}


def test_ids_are_unique_and_of_version_7_and_of_their_time(rows: Rows) -> None:
    ids: list[UUID] = [row["id"] for name in (*TABLES, "ticket_events") for row in vars(rows)[name]]

    assert len(set(ids)) == len(ids)
    assert {(key.version, key.variant) for key in ids} == {(7, "specified in RFC 4122")}
    for ticket in rows.tickets:
        assert ticket["id"].int >> 80 == int(ticket["created_at"].timestamp() * 1000)


def test_no_text_has_a_gap_left_to_fill(rows: Rows) -> None:
    texts = [comment["text"] for comment in rows.comments]
    texts += [ticket[name] for ticket in rows.tickets for name in ("subject", "description")]
    assert not [text for text in texts if not text or "{" in text or "}" in text]


def test_numbers_count_each_day_up_and_the_counters_agree(rows: Rows) -> None:
    in_order = sorted(rows.tickets, key=lambda ticket: ticket["created_at"])
    numbers = by(in_order, "ticket_number")
    days: Counter[str] = Counter()
    for ticket in in_order:
        day = f"{ticket['created_at']:%Y%m%d}"
        days[day] += 1
        assert ticket["ticket_number"] == f"T-{day}-{days[day]:04}"

    assert len(numbers) == len(rows.tickets)
    assert {row["day"]: row["value"] for row in rows.day_counters} == days


def test_tickets_keep_the_rules_of_the_desk(rows: Rows) -> None:
    users = {user["id"]: user for user in rows.users}
    contacts = {contact["id"]: contact for contact in rows.contacts}
    comments = by(rows.comments, "ticket_id")
    for ticket in rows.tickets:
        helper = users.get(ticket["assigned_to_id"])
        team = helper["role"] if helper else TEAM_OF_CATEGORY.get(ticket["category"])
        opener = users[ticket["created_by_id"]]
        public = [c["created_at"] for c in comments[ticket["id"]] if not c["is_internal"]]
        finished = ticket["status"] in (TicketStatus.RESOLVED, TicketStatus.CLOSED)

        assert ticket["assigned_team"] == team
        assert opener["company_id"] in (None, ticket["company_id"])
        assert ticket["first_response_at"] == min(public, default=None)
        assert (ticket["resolved_at"] is not None) == finished
        assert (ticket["closed_at"] is not None) == (ticket["status"] is TicketStatus.CLOSED)
        assert ticket["created_at"] <= ticket["updated_at"] < NOW
        if ticket["contact_id"]:
            assert contacts[ticket["contact_id"]]["company_id"] == ticket["company_id"]


def test_customers_write_in_public_to_their_own_company(rows: Rows) -> None:
    users = {user["id"]: user for user in rows.users}
    tickets = {ticket["id"]: ticket for ticket in rows.tickets}
    for comment in rows.comments:
        author = users[comment["author_id"]]
        if author["role"] is Role.CUSTOMER:
            assert author["company_id"] == tickets[comment["ticket_id"]]["company_id"]
            assert not comment["is_internal"]


def test_events_tell_what_became_of_every_ticket(rows: Rows) -> None:
    assert rows.ticket_events == sorted(rows.ticket_events, key=lambda event: event["at"])
    assert {event["via"] for event in rows.ticket_events} == {"import"}
    events = by(rows.ticket_events, "ticket_id")
    for ticket in rows.tickets:
        history = events[ticket["id"]]
        state: dict[str, object] = {
            "status": "new",
            "assigned_to": None,
            "assigned_team": TEAM_OF_CATEGORY.get(ticket["category"]),
        }
        for change in (change for event in history for change in event["changes"]):
            if change["field"] in state:
                assert change["from"] == state[change["field"]] != change["to"]
                state[change["field"]] = change["to"]

        helper = ticket["assigned_to_id"]
        assert history[0]["type"] is TicketEventType.CREATED
        assert state == {
            "status": ticket["status"],
            "assigned_to": str(helper) if helper else None,
            "assigned_team": ticket["assigned_team"],
        }
        moves = [event for event in history if event["type"] is TicketEventType.STATUS_CHANGED]
        assert ticket["version"] == 1 + len(moves)


def test_every_comment_and_attachment_has_its_event(rows: Rows) -> None:
    told = {event["comment_id"]: event["is_internal"] for event in rows.ticket_events}
    files = {event["attachment_id"] for event in rows.ticket_events}

    assert all(told[row["id"]] == row["is_internal"] for row in rows.comments)
    assert {row["id"] for row in rows.attachments} == files - {None}


def test_files_are_what_their_rows_say(rows: Rows) -> None:
    kinds = Counter(row["content_type"] for row in rows.attachments)

    assert set(rows.files) == {row["key"] for row in rows.attachments}
    assert set(kinds) == {"image/png", "text/plain"}
    for row in rows.attachments:
        content = rows.files[row["key"]]
        assert (row["size"], row["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        assert row["key"].startswith(f"tickets/attachments/{row['created_at']:%Y/%m}/")
        if row["content_type"] == "image/png":
            assert_is_png(content)


def assert_is_png(content: bytes) -> None:
    """Read a PNG as RFC 2083 has it: signature, chunks with checksums, as many bytes as pixels."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, rest = {}, content[8:]
    while rest:
        (length,) = struct.unpack(">I", rest[:4])
        kind, data = rest[4:8], rest[8 : 8 + length]
        assert struct.unpack(">I", rest[8 + length : 12 + length])[0] == zlib.crc32(kind + data)
        chunks[kind], rest = data, rest[12 + length :]
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    assert len(zlib.decompress(chunks[b"IDAT"])) == height * (1 + 3 * width)


@pytest.mark.anyio
async def test_it_is_loaded_once_with_its_files(database: Database) -> None:
    store, seen = MemoryStore(), list[tuple[int, int]]()
    assert await loading.is_empty(database)

    loaded = await loading.load_demo(database, store, NOW, lambda *part: seen.append(part))
    again = await loading.load_demo(database, MemoryStore(), NOW)

    built = loading.build(NOW, "")
    assert loaded == loading.Loaded(tickets=300, users=22, companies=12)
    assert again is None
    assert not await loading.is_empty(database)
    assert await counts(database) == {
        name: len(some) for name, some in vars(built).items() if name != "files"
    }
    async with database.engine.connect() as connection:
        for table in (table_of(User), table_of(Ticket)):
            found = await connection.execute(select(*table.c))
            listed = [dict(row) for row in found.mappings()]
            assert all(search_texts(table, row).items() <= row.items() for row in listed)
    assert {entry["path"] for batch in obstore.list(store) for entry in batch} == set(built.files)
    done, total = zip(*seen, strict=True)
    assert (list(done), set(total)) == (sorted(done), {done[-1]})


@pytest.mark.anyio
async def test_events_are_numbered_in_their_order(database: Database) -> None:
    await loading.load_demo(database, MemoryStore(), NOW)
    events = SQLModel.metadata.tables["ticket_events"].c

    async with database.engine.connect() as connection:
        found = (await connection.execute(select(events.id, events.at).order_by(events.seq))).all()

    expected = [(event["id"], event["at"]) for event in loading.build(NOW, "").ticket_events]
    assert [tuple(row) for row in found] == expected


@pytest.mark.anyio
async def test_a_single_user_keeps_the_demo_out(database: Database) -> None:
    async with database.transaction() as session:
        session.add(User(username="me", password="x", role=Role.TECH, date_joined=NOW))
    store = MemoryStore()

    assert await loading.load_demo(database, store, NOW) is None

    assert obstore.list(store).collect() == []
    assert (await counts(database))["users"] == 1


@pytest.mark.anyio
async def test_logins_are_shown_as_long_as_they_work(database: Database) -> None:
    assert await logins.working_logins(database) == []
    await loading.load_demo(database, MemoryStore(), NOW)
    assert await logins.working_logins(database) == ["admin", "keith", "customer"]

    async with database.transaction() as session:
        users = (await session.exec(select(User).where(User.username == "admin"))).one()
        assert verify_password(logins.PASSWORD, users.password)
        users.password = "another"

    assert await logins.working_logins(database) == ["keith", "customer"]


async def counts(database: Database) -> dict[str, int | None]:
    tables = [SQLModel.metadata.tables[name] for name in vars(Rows()) if name != "files"]
    async with database.engine.connect() as connection:
        return {
            table.name: await connection.scalar(select(func.count()).select_from(table))
            for table in tables
        }


def test_the_names_of_all_who_can_log_in_are_known(rows: Rows) -> None:
    assert sorted(logins.usernames()) == sorted(user["username"] for user in rows.users)


@pytest.mark.anyio
async def test_production_refuses_a_database_that_the_demos_password_opens(
    database: Database,
) -> None:
    production = Settings(environment="production")
    await loading.load_demo(database, MemoryStore(), NOW)
    with pytest.raises(SettingsError, match="admin, "):
        await logins.check_production(production, database)
    await logins.check_production(Settings(environment="development"), database)

    *others, last = logins.usernames()
    async with database.transaction() as session:
        for user in await session.exec(select(User).where(User.username.in_(others[::2]))):  # type: ignore[attr-defined]
            user.is_active = False
        for user in await session.exec(select(User).where(User.username.in_(others[1::2]))):  # type: ignore[attr-defined]
            user.password = "!"
    with pytest.raises(SettingsError, match=f": {last}\\."):
        await logins.check_production(production, database)
    async with database.transaction() as session:
        (await session.exec(select(User).where(User.username == last))).one().password = "!"
    await logins.check_production(production, database)
