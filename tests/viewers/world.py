"""A small desk whose rows are known by name, open on a database that many tests share.

Each test starts with the same rows (``World.reset``). What staff say among themselves contains
``SECRET``, so a trace of it can be looked for in any answer.
"""

import functools
import itertools
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid5

import sqlalchemy as sa
from sqlmodel import SQLModel, col, select

from deskgraph.app import create_services
from deskgraph.database.database import Database
from deskgraph.settings import Settings
from models import (
    Attachment,
    Comment,
    Company,
    Contact,
    Role,
    Team,
    Ticket,
    TicketCategory,
    TicketEvent,
    TicketEventType,
    TicketStatus,
    User,
    Via,
    Webhook,
    WebhookAttempt,
    WebhookDelivery,
    WebhookDeliveryState,
)
from resolvers.auth.passwords import hash_password
from resolvers.context import Context
from resolvers.events.log import change
from resolvers.services import Services
from resolvers.viewer import Viewer
from tests.support.clock import NOON, Clock
from tests.support.limits import UNBOUNDED
from tests.support.stored import stored_rows

SECRET = "between ourselves"
KEY = "a key that only the tests know, long enough"
PASSWORD = "correct horse battery"
MAX_UPLOAD_BYTES = 1024 * 1024
CONTENT = b"what is in every file"
_SPACE = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")

Row = TypeVar("Row", bound=SQLModel)


def key(name: str) -> UUID:
    """Return the id of a row of the world."""
    return uuid5(_SPACE, name)


@functools.cache
def password_hash() -> str:
    """Return the hash of everybody's password; hashing is slow on purpose, so it is done once."""
    return hash_password(PASSWORD)


_OLD: dict[str, Any] = {
    "created_at": NOON - timedelta(days=9),
    "updated_at": NOON - timedelta(days=9),
}
PEOPLE: Mapping[str, tuple[Role, str | None]] = {
    "admin": (Role.ADMIN, None),
    "keith": (Role.TECH, None),
    "carla": (Role.CUSTOMER, "hilton"),
    "colin": (Role.CUSTOMER, "hilton"),
    "olga": (Role.CUSTOMER, "centara"),
}


def _user(name: str) -> User:
    role, company = PEOPLE[name]
    return User(
        id=key(name),
        username=name,
        password=password_hash(),
        email=f"{name}@desk.example",
        role=role,
        company_id=key(company) if company else None,
        date_joined=NOON - timedelta(days=50 + len(name)),
    )


def _ticket(name: str, number: int, company: str, creator: str, **more: Any) -> Ticket:
    values: dict[str, Any] = {
        "id": key(name),
        "ticket_number": f"T-20251110-{number:04}",
        "subject": f"Subject of {name}",
        "description": f"Description of {name}",
        "company_id": key(company),
        "created_by_id": key(creator),
        **_OLD,
    }
    return Ticket(**values | more)


def _comment(name: str, ticket: str, author: str, *, internal: bool = False) -> Comment:
    text = f"{name}, {SECRET}" if internal else f"Text of {name}"
    about: dict[str, Any] = {"id": key(name), "ticket_id": key(ticket), "author_id": key(author)}
    return Comment(**about, text=text, is_internal=internal, **_OLD)


def file_key(name: str) -> str:
    """Return the key of an attachment's file."""
    return f"tickets/attachments/2025/11/unguessable-{name}/{name}.txt"


def _attachment(name: str, ticket: str, uploader: str) -> Attachment:
    about: dict[str, Any] = {
        "id": key(name),
        "ticket_id": key(ticket),
        "uploaded_by_id": key(uploader),
    }
    what: dict[str, Any] = {"size": len(CONTENT), "content_type": "text/plain", "sha256": "0" * 64}
    return Attachment(**about, **what, key=file_key(name), name=f"{name}.txt", **_OLD)


@functools.cache
def rows() -> tuple[SQLModel, ...]:
    """Return the rows of the world, those that others refer to first."""
    notes: dict[str, Any] = {"notes": f"Pays late, {SECRET}"}
    return (
        Company(id=key("hilton"), name="Hilton", **notes, **_OLD),
        Company(id=key("centara"), name="Centara", **notes, **_OLD),
        *(_user(name) for name in PEOPLE),
        Contact(id=key("john"), company_id=key("hilton"), name="John Smith", **notes, **_OLD),
        Contact(id=key("jane"), company_id=key("centara"), name="Jane Doe", **notes, **_OLD),
        _ticket(
            "offline",
            1,
            "hilton",
            "keith",
            category=TicketCategory.TECHNICAL,
            status=TicketStatus.ASSIGNED,
            assigned_to_id=key("keith"),
            assigned_team=Team.TECH,
            contact_id=key("john"),
            due_date=NOON - timedelta(hours=1),
        ),
        _ticket("volume", 2, "hilton", "carla"),
        _ticket("bill", 3, "centara", "olga", contact_id=key("jane")),
        _comment("public", "offline", "keith"),
        _comment("internal", "offline", "keith", internal=True),
        _comment("own", "volume", "carla"),
        _comment("note", "volume", "admin", internal=True),
        _comment("theirs", "bill", "olga"),
        _attachment("photo", "offline", "keith"),
        _attachment("scan", "volume", "carla"),
        _attachment("receipt", "bill", "olga"),
    )


def make_event(name: str, ticket: str, **more: Any) -> TicketEvent:
    """Return an event of a ticket of Hilton's."""
    values: dict[str, Any] = {
        "id": key(name),
        "ticket_id": key(ticket),
        "company_id": key("hilton"),
        "ticket_number": f"T-20251110-{len(ticket):04}",
        "via": Via.REST,
        "at": NOON - timedelta(days=8),
    }
    return TicketEvent(**values | more)


def _event(name: str, kind: TicketEventType, ticket: str, who: str, **more: Any) -> TicketEvent:
    return make_event(name, ticket, type=kind, actor_id=key(who), **more)


@functools.cache
def events() -> tuple[TicketEvent, ...]:
    """Return what had happened before, for tests that read of it."""
    moved = [
        change("company", key("centara"), key("hilton")),
        change("contact", key("jane"), key("john")),
    ]
    whispered = [change("text", SECRET, f"{SECRET}, again")]
    theirs = {"company_id": key("centara")}
    kinds = TicketEventType
    return (
        _event("opened", kinds.CREATED, "offline", "keith"),
        _event("billed", kinds.CREATED, "bill", "olga", **theirs),
        _event("moved", kinds.UPDATED, "volume", "keith", changes=moved),
        _event("said", kinds.COMMENT_ADDED, "offline", "keith", comment_id=key("public")),
        _event(
            "whispered",
            kinds.COMMENT_EDITED,
            "offline",
            "admin",
            comment_id=key("internal"),
            changes=whispered,
            is_internal=True,
        ),
        _event("filed", kinds.ATTACHMENT_ADDED, "volume", "carla", attachment_id=key("scan")),
        _event("erased", kinds.DELETED, "gone", "keith"),
        _event("wiped", kinds.DELETED, "lost", "olga", **theirs),
    )


@functools.cache
def webhooks() -> tuple[SQLModel, ...]:
    """Return a webhook of the Admin that has sent something."""
    times: dict[str, Any] = {"created_at": NOON - timedelta(days=8)}
    return (
        Webhook(
            id=key("hook"),
            url=f"https://hooks.example/{SECRET}",
            # Beyond everything: the deliverer has nothing to take.
            cursor=2**62,
            salt="salt",
            created_by_id=key("admin"),
            enabled=False,
            **times | {"updated_at": NOON},
        ),
        WebhookDelivery(
            id=key("sent"),
            webhook_id=key("hook"),
            event_id=key("opened"),
            seq=1,
            ticket_id=key("offline"),
            type="ticket.created",
            message_id="message",
            body=SECRET,
            state=WebhookDeliveryState.DELIVERED,
            attempt_count=1,
            finished_at=NOON,
            **times,
        ),
        WebhookAttempt(
            delivery_id=key("sent"),
            number=1,
            url="https://hooks.example/",
            at=NOON,
            duration_ms=5,
            status=200,
            answer=SECRET,
        ),
    )


def _stored(rows: Iterable[SQLModel]) -> list[tuple[type[SQLModel], list[dict[str, Any]]]]:
    return [
        (model, [row.model_dump(exclude={"seq"}) for row in same])
        for model, same in itertools.groupby(rows, key=type)
    ]


_ROWS = functools.cache(lambda: _stored(rows()))
_EVENTS = functools.cache(lambda: _stored((*events(), *webhooks())))


NAMES: Mapping[str, str] = {
    str(key(name)): name
    for name in (
        *("hilton", "centara", *PEOPLE, "john", "jane", "offline", "volume", "bill"),
        *("public", "internal", "own", "note", "theirs", "photo", "scan", "receipt"),
        *("opened", "billed", "moved", "said", "whispered", "filed", "erased", "wiped"),
        *("hook", "sent"),
    )
}


@dataclass
class World:
    """The desk with its rows, and what it has stored."""

    services: Services
    database: Database
    clock: Clock
    settings: Settings
    media: Path
    # Whether something had happened before each test.
    eventful: bool = False
    changed: bool = True

    def __post_init__(self) -> None:
        """Notice whatever is committed."""
        sa.event.listen(self.database.engine.sync_engine, "commit", self._notice)

    def _notice(self, _connection: object) -> None:
        self.changed = True

    def context(self, who: str | None, *, via: str = "graphql") -> Context:
        """Return the context of somebody of the world."""
        viewer = None
        if who is not None:
            role, company = PEOPLE[who]
            viewer = Viewer(key(who), role, key(company) if company else None)
        return Context(self.services, viewer, via, "http://desk.test")

    async def reset(self) -> None:
        """Go back to the rows and files that every test starts with."""
        self.clock.now = NOON
        self.services.viewers.__init__()  # type: ignore[misc]
        if not self.changed:
            return
        async with self.database.transaction() as session:
            connection = await session.connection()
            for table in reversed(SQLModel.metadata.sorted_tables):
                await connection.execute(sa.delete(table))
            for model, values in _ROWS() + (_EVENTS() if self.eventful else []):
                await connection.execute(sa.insert(model), values)
        for path in self._paths():
            path.unlink()
        for row in rows():
            if isinstance(row, Attachment):
                path = self.media / row.key
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(CONTENT)
        self.changed = False

    async def dump(self) -> dict[str, list[Any]]:
        """Return all rows of all tables and the names of all files."""
        return {"files": self.files(), **await stored_rows(self.database)}

    def files(self) -> list[str]:
        """Return the keys of all stored files, and whatever else lies in the store."""
        return sorted(str(path.relative_to(self.media)) for path in self._paths())

    def _paths(self) -> list[Path]:
        return [path for path in self.media.rglob("*") if path.is_file()]

    async def get(self, model: type[Row], row_id: UUID) -> Row:
        """Return a row that there is."""
        async with self.database.transaction() as session:
            row = await session.get(model, row_id)
        assert row is not None
        return row

    async def events(self, ticket_id: UUID | None = None) -> list[TicketEvent]:
        """Return the events, or those of a ticket, in their order."""
        async with self.database.transaction() as session:
            found = (await session.exec(select(TicketEvent).order_by(col(TicketEvent.seq)))).all()
        return [event for event in found if ticket_id in (None, event.ticket_id)]


def settings_for(url: str, media: Path, **more: Any) -> Settings:
    """Return settings that no environment changes."""
    given: dict[str, Any] = {"database_url": url, "files_url": f"file://{media}", "secret_key": KEY}
    fixed: dict[str, Any] = {
        "max_upload_mb": MAX_UPLOAD_BYTES // 1024**2,
        "media_links": "path",
        "public_url": None,
    }
    return Settings(**{"_env_file": None, **UNBOUNDED, **given, **fixed, **more})


@asynccontextmanager
async def open_world(url: str, media: Path) -> AsyncIterator[World]:
    """Open the desk on a migrated database."""
    clock, settings = Clock(), settings_for(url, media)
    services, database = create_services(settings, clock=clock)
    await database.open()
    try:
        yield World(services, database, clock, settings, media)
    finally:
        await database.close()
