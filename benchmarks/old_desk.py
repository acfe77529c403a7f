"""An old system to migrate from: its tables as Django made them, and any number of made-up rows.

SQLAlchemy's generic types store on SQLite what Django's do: 32 digits for a UUID, times without
their zone, and 0 and 1.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    Uuid,
)

SINCE = datetime(2023, 1, 1, tzinfo=UTC)
DAYS = 1000
STAFF, COMPANIES, CONTACTS = 20, 500, 1500
SEED = 20_230_101
TEXT = (
    "player zone playlist schedule music stops after update shop in has no sound since morning "
    "invoice shows wrong address please check logs device offline network restart helped again"
)
WORDS = TEXT.split()

OLD = MetaData()
Row = dict[str, Any]


def _id() -> Column[UUID]:
    return Column("id", Uuid(), primary_key=True)


def _reference(name: str, target: str, *, nullable: bool = False) -> Column[UUID]:
    return Column(name, Uuid(), ForeignKey(f"{target}.id"), nullable=nullable)


def _texts(**lengths: int) -> list[Column[Any]]:
    return [Column(name, String(length), nullable=False) for name, length in lengths.items()]


def _long(*names: str) -> list[Column[Any]]:
    return [Column(name, Text(), nullable=False) for name in names]


def _flags(*names: str) -> list[Column[Any]]:
    return [Column(name, Boolean(), nullable=False) for name in names]


def _times(*names: str, nullable: bool = False) -> list[Column[Any]]:
    return [Column(name, DateTime(timezone=True), nullable=nullable) for name in names]


USERS = Table(
    "auth_user", OLD, _id(), *_texts(password=128, first_name=150, last_name=150, email=254),
    Column("username", String(150), nullable=False, unique=True),
    *_texts(role=20, phone=20, department=50), *_flags("is_superuser", "is_staff", "is_active"),
    *_times("date_joined"), *_times("last_login", nullable=True),
)  # fmt: skip
COMPANIES_TABLE = Table(
    "crm_app_company", OLD, _id(), *_texts(name=255, legal_entity_name=255, country=100, city=100),
    *_texts(website=200, industry=50, billing_entity=50, current_plan=100),
    *_long("notes"), *_flags("is_active"), *_times("created_at", "updated_at"),
)  # fmt: skip
CONTACTS_TABLE = Table(
    "crm_app_contact", OLD, _id(), _reference("company_id", "crm_app_company"),
    *_texts(name=100, email=254, phone=20, title=100, department=100, contact_type=20),
    *_texts(linkedin_url=200), *_long("notes"), *_flags("is_primary", "is_active"),
    *_times("last_contacted", nullable=True), *_times("created_at", "updated_at"),
)  # fmt: skip
TICKETS = Table(
    "crm_app_ticket", OLD, _id(), Column("ticket_number", String(50), nullable=False, unique=True),
    *_texts(subject=200, status=20, priority=10, category=20, assigned_team=20, tags=500),
    *_long("description"), _reference("company_id", "crm_app_company"),
    _reference("contact_id", "crm_app_contact", nullable=True),
    _reference("assigned_to_id", "auth_user", nullable=True),
    _reference("created_by_id", "auth_user", nullable=True),
    *_times("first_response_at", "resolved_at", "closed_at", "due_date", nullable=True),
    *_times("created_at", "updated_at"),
)  # fmt: skip
COMMENTS = Table(
    "crm_app_ticketcomment", OLD, _id(), _reference("ticket_id", "crm_app_ticket"),
    _reference("author_id", "auth_user", nullable=True), *_long("text"),
    *_flags("is_internal"), *_times("created_at", "updated_at"),
)  # fmt: skip
ATTACHMENTS = Table(
    "crm_app_ticketattachment", OLD, _id(), _reference("ticket_id", "crm_app_ticket"),
    *_texts(file=100, name=200), Column("size", Integer(), nullable=False),
    _reference("uploaded_by_id", "auth_user", nullable=True), *_times("created_at", "updated_at"),
)  # fmt: skip


def person(key: UUID, username: str, role: str, **more: Any) -> Row:
    """Return a user who can be imported."""
    texts = dict.fromkeys(("first_name", "last_name", "email", "phone", "department"), "")
    flags = {"is_superuser": False, "is_staff": True, "is_active": True}
    row = {"id": key, "username": username, "password": "!", "role": role, **texts, **flags}
    return {**row, "date_joined": SINCE, "last_login": None, **more}


def company(key: UUID, name: str, **more: Any) -> Row:
    """Return a company that can be imported."""
    texts = ("legal_entity_name", "country", "city", "website", "industry", "billing_entity")
    row: Row = {"id": key, "name": name, **dict.fromkeys((*texts, "current_plan", "notes"), "")}
    return {**row, "is_active": True, "created_at": SINCE, "updated_at": SINCE, **more}


def contact(key: UUID, company_id: UUID, name: str, **more: Any) -> Row:
    """Return a contact that can be imported."""
    texts = ("email", "phone", "title", "department", "linkedin_url", "notes")
    row: Row = {"id": key, "company_id": company_id, "name": name, **dict.fromkeys(texts, "")}
    row |= {"contact_type": "Other", "is_primary": False, "is_active": True}
    return {**row, "last_contacted": None, "created_at": SINCE, "updated_at": SINCE, **more}


def ticket(key: UUID, number: str, company_id: UUID, **more: Any) -> Row:
    """Return a ticket that can be imported."""
    row: Row = {"id": key, "ticket_number": number, "subject": "S", "description": "D"}
    row |= {"status": "new", "priority": "medium", "category": "general", "company_id": company_id}
    row |= dict.fromkeys(("contact_id", "assigned_to_id", "created_by_id"))
    row |= dict.fromkeys(("first_response_at", "resolved_at", "closed_at", "due_date"))
    row |= {"assigned_team": "", "tags": "", "created_at": SINCE, "updated_at": SINCE}
    return {**row, **more}


def comment(key: UUID, ticket_id: UUID, **more: Any) -> Row:
    """Return a comment that can be imported."""
    row: Row = {"id": key, "ticket_id": ticket_id, "author_id": None, "text": "T"}
    row |= {"is_internal": False, "created_at": SINCE, "updated_at": SINCE}
    return {**row, **more}


def attachment(key: UUID, ticket_id: UUID, file: str, **more: Any) -> Row:
    """Return an attachment that can be imported."""
    row: Row = {"id": key, "ticket_id": ticket_id, "file": file, "name": file.split("/")[-1]}
    row |= {"size": 1, "uploaded_by_id": None, "created_at": SINCE, "updated_at": SINCE}
    return {**row, **more}


def rows(tickets: int) -> Iterator[tuple[Table, Row]]:
    """Make a desk: three comments on each ticket, and a file on every third."""
    chance = random.Random(SEED)

    def key() -> UUID:
        return UUID(int=chance.getrandbits(128), version=4)

    def text(words: int) -> str:
        return " ".join(chance.choices(WORDS, k=words))

    roles = ("Admin", "Tech", "Sales", "Finance", "Music")
    staff = [person(key(), f"agent{i}", roles[i % 5]) for i in range(STAFF)]
    companies = [company(key(), f"Company {i}") for i in range(min(COMPANIES, tickets))]
    contacts = [
        contact(key(), companies[i % len(companies)]["id"], f"Person {i}")
        for i in range(min(CONTACTS, tickets))
    ]
    for table, some in (
        (USERS, staff),
        (COMPANIES_TABLE, companies),
        (CONTACTS_TABLE, contacts),
    ):
        yield from ((table, row) for row in some)
    step = timedelta(days=DAYS) / max(tickets, 1)
    statuses = ("new", "assigned", "in_progress", "pending", "resolved", "closed")
    for number in range(tickets):
        at = SINCE + step * number
        asked = contacts[number % len(contacts)]
        made = ticket(
            key(), f"T-{at:%Y%m%d}-{number:06}", asked["company_id"], contact_id=asked["id"],
            subject=text(6), description=text(40), status=chance.choice(statuses),
            assigned_to_id=chance.choice(staff)["id"], assigned_team="Tech",
            created_by_id=chance.choice(staff)["id"], due_date=at + timedelta(days=3),
            created_at=at, updated_at=at + timedelta(hours=1), tags="vip" if number % 2 else "",
        )  # fmt: skip
        yield TICKETS, made
        for place in range(3):
            times = dict.fromkeys(("created_at", "updated_at"), at + timedelta(minutes=place + 1))
            author = chance.choice(staff)["id"]
            more = {"author_id": author, "text": text(30), "is_internal": place == 2, **times}
            yield COMMENTS, comment(key(), made["id"], **more)
        if number % 3 == 0:
            file = f"tickets/attachments/{at:%Y/%m}/log{number}.txt"
            yield ATTACHMENTS, attachment(key(), made["id"], file, size=2000)
