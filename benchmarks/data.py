"""The desk that is measured: the same rows at every run, made from a fixed seed and time."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.schema import ScalarElementColumnDefault
from sqlmodel import SQLModel

from deskgraph.demo.factory import DemoFactory, Row, Rows
from deskgraph.importer.inserts import insert_all
from models import Role, Team, TicketCategory, TicketPriority, TicketStatus
from models.search import search_texts

NOW = datetime(2025, 6, 1, 12, tzinfo=UTC)
SEED = 20_250_601
COMPANIES, CONTACTS, STAFF, CUSTOMERS = 200, 600, 20, 200
DAYS = 365
CHUNK = 1000
TEXT = (
    "player zone playlist schedule music stops after an update the shop in has no sound since "
    "morning invoice shows wrong address please check logs device offline network restart "
    "helped for a while now it happens again every evening when volume changes by itself"
)
WORDS = TEXT.split()


def make_rows(tickets: int) -> Rows:
    """Make a desk with that many tickets: about 3 comments and 1 attachment on each."""
    (rows,) = row_chunks(tickets, tickets)
    return rows


def row_chunks(tickets: int, size: int) -> Iterator[Rows]:
    """Make the same desk, with at most ``size`` tickets at a time; the first chunk has the people.

    A million tickets with all that belongs to them would take 8 GB at once.
    """
    maker = DemoFactory(NOW, SEED)
    _people(maker)
    customers = maker.rows.users[STAFF:]
    people = replace(maker.rows)
    step = timedelta(days=DAYS) / tickets
    for start in range(0, tickets, size):
        for number in range(start, min(start + size, tickets)):
            # A few microseconds more each: times with decimals are what a clock gives.
            at = NOW - step * (tickets - number) + timedelta(microseconds=number % 997)
            _ticket(maker, number, at, customers)
        yield maker.rows if start == 0 else replace(maker.rows, users=[], companies=[], contacts=[])
        maker.rows = replace(people, tickets=[], comments=[], attachments=[])


def viewer_id(rows: Rows) -> UUID:
    """Return whose requests are measured: a member of staff, who sees everything."""
    found: UUID = rows.users[1]["id"]
    return found


def _people(maker: DemoFactory) -> None:
    since = NOW - timedelta(days=2 * DAYS)
    times = {"created_at": since, "updated_at": since}
    for number in range(COMPANIES):
        company = {"id": maker.id(since), "name": f"Company {number}", "city": "Lyon"}
        company |= {"country": "France", "website": f"https://c{number}.example/"}
        maker.rows.companies.append(company | times)
    for number in range(CONTACTS):
        contact = {"id": maker.id(since), "name": f"Contact Person {number}"}
        contact |= {"company_id": maker.rows.companies[number % COMPANIES]["id"]}
        contact |= {"email": f"contact{number}@example.com", "phone": f"+00 555 {number:04}"}
        maker.rows.contacts.append(contact | times)
    roles = [Role.ADMIN, Role.TECH, Role.SALES, Role.FINANCE, Role.MUSIC]
    for number in range(STAFF):
        _user(maker, f"agent{number}", roles[number % len(roles)], None)
    for number in range(CUSTOMERS):
        company = maker.rows.companies[number % COMPANIES]
        _user(maker, f"customer{number}", Role.CUSTOMER, company["id"])


def _user(maker: DemoFactory, username: str, role: Role, company_id: Any) -> None:
    since = NOW - timedelta(days=2 * DAYS)
    maker.rows.users.append(
        {
            "id": maker.id(since),
            "username": username,
            "password": "!",
            "first_name": username.title(),
            "last_name": "Example",
            "email": f"{username}@example.com",
            "role": role,
            "company_id": company_id,
            "date_joined": since,
        }
    )


def _ticket(maker: DemoFactory, number: int, at: datetime, customers: list[Row]) -> None:
    pick, chance = maker.random.choice, maker.chance
    contact = maker.rows.contacts[number % CONTACTS]
    helper = pick(maker.rows.users[:STAFF])
    opener = pick(customers)
    status = pick(list(TicketStatus))
    finished = status in (TicketStatus.RESOLVED, TicketStatus.CLOSED)
    ticket = {
        "id": maker.id(at),
        "ticket_number": f"T-{at:%Y%m%d}-{number:05}",
        "subject": _text(maker, 4, 9),
        "description": _text(maker, 20, 60),
        "status": status,
        "priority": pick(list(TicketPriority)),
        "category": pick(list(TicketCategory)),
        "company_id": contact["company_id"],
        "contact_id": contact["id"] if chance(0.9) else None,
        "assigned_to_id": helper["id"] if chance(0.9) else None,
        "assigned_team": pick(list(Team)) if chance(0.8) else None,
        "created_by_id": opener["id"],
        "first_response_at": at + timedelta(hours=3) if chance(0.8) else None,
        "resolved_at": at + timedelta(hours=30, seconds=7) if finished else None,
        "closed_at": None,
        "due_date": at + timedelta(days=3) if chance(0.6) else None,
        "tags": "vip,music" if chance(0.5) else "",
        "created_at": at,
        "updated_at": at,
    }
    maker.rows.tickets.append(ticket)
    for place in range(maker.random.randint(0, 6)):
        _comment(maker, ticket, pick((helper, opener)), at + timedelta(minutes=20 * place + 5))
    for place in range(maker.random.randint(0, 2)):
        _attachment(maker, ticket, opener, at + timedelta(minutes=place))


def _comment(maker: DemoFactory, ticket: Row, author: Row, at: datetime) -> None:
    maker.rows.comments.append(
        {
            "id": maker.id(at),
            "ticket_id": ticket["id"],
            "author_id": author["id"],
            "text": _text(maker, 10, 50),
            "is_internal": maker.chance(0.25),
            "created_at": at,
            "updated_at": at,
        }
    )


def _attachment(maker: DemoFactory, ticket: Row, uploader: Row, at: datetime) -> None:
    name = f"log-{maker.random.randint(1, 999)}.txt"
    token = f"{maker.random.getrandbits(120):030x}"
    maker.rows.attachments.append(
        {
            "id": maker.id(at),
            "ticket_id": ticket["id"],
            "key": f"tickets/attachments/{at:%Y/%m}/{token}/{name}",
            "name": name,
            "size": maker.random.randint(100, 2_000_000),
            "content_type": "text/plain",
            "sha256": f"{maker.random.getrandbits(256):064x}",
            "uploaded_by_id": uploader["id"],
            "created_at": at,
            "updated_at": at,
        }
    )


def _text(maker: DemoFactory, least: int, most: int) -> str:
    words = maker.random.choices(WORDS, k=maker.random.randint(least, most))
    return " ".join(words).capitalize() + "."


async def insert_rows(connection: AsyncConnection, rows: Rows) -> None:
    """Store the rows, what is referred to before what refers to it."""
    for table in SQLModel.metadata.sorted_tables:
        defaults = {
            column.name: column.default.arg
            for column in table.columns
            if isinstance(column.default, ScalarElementColumnDefault)
        }
        for chunk in _chunks(table, rows):
            whole = [{**defaults, **row, **search_texts(table, row)} for row in chunk]
            await insert_all(connection, table, whole)


def _chunks(table: Table, rows: Rows) -> Iterator[list[Row]]:
    some: list[Row] = getattr(rows, table.name, [])
    for start in range(0, len(some), CHUNK):
        yield some[start : start + CHUNK]
