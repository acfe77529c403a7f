"""The catalogue: all that can be asked of each entity, defined once for both faces.

A field is a scalar (a column or an expression), an inline object of the same row, one related
row, or many. GraphQL asks by the names of its schema in snake case; REST has some names of its own
for what it shows differently, such as ``company_name``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, case, cast, func, literal_column, select, true
from sqlalchemy.types import Integer, String, TypeEngine

from models import FINISHED_STATUSES, Attachment, Comment, Company, Contact, Ticket, User
from models.types import UtcDateTime, Uuid36
from resolvers import access
from resolvers.desk import ViewerKind
from resolvers.sqltext import SQL, Concat, Constant, Hours, MediaMac, TagList

if TYPE_CHECKING:
    from resolvers.projection import Build

Row = Any  # the columns of an alias or a subquery


class Kind(Enum):
    """How a value is written as JSON."""

    TEXT = auto()
    UUID = auto()
    TIME = auto()
    CHOICE = auto()
    BOOL = auto()
    NUMBER = auto()
    JSON = auto()


@dataclass(frozen=True)
class Scalar:
    """A value of the row itself; its SQL may depend on the viewer and on arguments."""

    kind: Kind
    sql: Callable[["Build", Row, int | None], SQL]
    nullable: bool = False


@dataclass(frozen=True)
class Inline:
    """An object that is computed from the same row."""

    entity: str


@dataclass(frozen=True)
class One:
    """A related row, or null. ``anyone``: shown to whoever sees the row that leads to it."""

    entity: str
    column: str
    anyone: bool = False


@dataclass(frozen=True)
class Many:
    """Related rows whose ``column`` names this row: a connection, or all of them as a list."""

    entity: str
    column: str
    order: tuple[tuple[str, bool], ...]
    connection: bool = True


Definition = Scalar | Inline | One | Many


@dataclass(frozen=True)
class Order:
    """A column to sort by, never null, and its type in cursors."""

    column: str
    type: type[TypeEngine[Any]]


@dataclass(frozen=True)
class Entity:
    """A kind of object: its GraphQL name, its table, what can be asked of it and sorted by."""

    name: str
    table: Any
    fields: Mapping[str, Definition]
    orders: Mapping[str, Order]
    order: tuple[tuple[str, bool], ...]


def _columns(kind: Kind, *names: str, nullable: bool = False) -> dict[str, Definition]:
    return {name: _column(kind, name, nullable) for name in names}


def _column(kind: Kind, name: str, nullable: bool = False) -> Scalar:
    return Scalar(kind, lambda _build, row, _slot: row[name], nullable)


def _text_of(model: type[Any], column: str, text: Callable[[Row], SQL]) -> Scalar:
    """Define a text of the row that ``column`` refers to; null where it refers to none."""

    def sql(_build: "Build", row: Row, _slot: int | None) -> SQL:
        other = model.__table__.alias()
        return select(text(other.c)).where(other.c.id == row[column]).scalar_subquery()

    return Scalar(Kind.TEXT, sql, nullable=True)


def _full_name(row: Row) -> SQL:
    return func.trim(row.first_name + " " + row.last_name)


def _contact_detail(name: str) -> Scalar:
    """Define a column of users that is shown to themselves and to Admins."""

    def sql(build: "Build", row: Row, _slot: int | None) -> SQL:
        sees = access.sees_contact_details(row, build.kind, build.bind_viewer)
        return case((sees, row[name])) if sees is not true() else row[name]

    return Scalar(Kind.TEXT, sql, nullable=True)


def _count_comments(internal: bool) -> Scalar:
    def sql(build: "Build", row: Row, _slot: int | None) -> SQL:
        if internal and build.kind is ViewerKind.CUSTOMER:
            return literal_column("0")
        comment = Comment.__table__.alias()  # type: ignore[attr-defined]
        wanted = comment.c.is_internal if internal else ~comment.c.is_internal
        counted = select(func.count()).select_from(comment)
        return counted.where(comment.c.ticket_id == row.id, wanted).scalar_subquery()

    return Scalar(Kind.NUMBER, sql)


def _is_overdue(build: "Build", row: Row, _slot: int | None) -> SQL:
    return func.coalesce(overdue(build, row), literal_column("false"))


def overdue(build: "Build", row: Row) -> ColumnElement[bool]:
    """Return the condition for tickets that are past their due date and not finished."""
    return and_(row.due_date < build.bind("now", UtcDateTime), ~finished(row))


def finished(row: Row) -> ColumnElement[bool]:
    """Return the condition for resolved and closed tickets."""
    values = ", ".join(f"'{status.value}'" for status in FINISHED_STATUSES)
    condition: ColumnElement[bool] = row.status.op("IN", is_comparison=True)(
        literal_column(f"({values})")
    )
    return condition


def _hours_until(column: str) -> Scalar:
    def sql(_build: "Build", row: Row, _slot: int | None) -> SQL:
        return Hours(row.created_at, row[column])

    return Scalar(Kind.NUMBER, sql, nullable=True)


def _staff_only(column: str) -> Scalar:
    def sql(build: "Build", row: Row, _slot: int | None) -> SQL:
        return literal_column("NULL") if build.kind is ViewerKind.CUSTOMER else row[column]

    return Scalar(Kind.TEXT, sql, nullable=True)


def _permission(customer: Callable[["Build", Row], SQL] | None = None) -> Scalar:
    """Define what staff may always do, and customers under a condition or never."""

    def sql(build: "Build", row: Row, _slot: int | None) -> SQL:
        if build.kind is not ViewerKind.CUSTOMER:
            return literal_column("true")
        return customer(build, row) if customer else literal_column("false")

    return Scalar(Kind.BOOL, sql)


def _signed_link(build: "Build", row: Row, expires_in: SQL) -> SQL:
    """Return an absolute link that works until a Unix time, without a token."""
    expires = cast(build.bind("epoch", Integer) + expires_in, String)
    mac = MediaMac(Concat(Constant("media:"), expires, Constant(":"), row.key), *build.pads())
    link = Concat(build.bind("base_url", String), Constant("/media/"), row.key)
    return Concat(link, Constant("?expires="), expires, Constant("&signature="), mac)


def _download_url(build: "Build", row: Row, slot: int | None) -> SQL:
    return _signed_link(build, row, build.bind(f"s{slot}_expires_in", Integer))


def _file(build: "Build", row: Row, _slot: int | None) -> SQL:
    if build.signed_media:
        return _signed_link(build, row, literal_column("3600"))
    return Concat(Constant("/media/"), row.key)


NEWEST = (("created_at", True),)
OLDEST = (("created_at", False),)
_TIMES = {
    "created_at": Order("created_at", UtcDateTime),
    "updated_at": Order("updated_at", UtcDateTime),
}

TICKET = Entity(
    "Ticket",
    Ticket.__table__,  # type: ignore[attr-defined]
    {
        **_columns(Kind.UUID, "id", "company_id"),
        **_columns(Kind.UUID, "contact_id", "assigned_to_id", "created_by_id", nullable=True),
        **_columns(Kind.TEXT, "ticket_number", "subject", "description"),
        **_columns(Kind.CHOICE, "status", "priority", "category"),
        **_columns(Kind.CHOICE, "assigned_team", nullable=True),
        **_columns(Kind.TIME, "created_at", "updated_at"),
        **_columns(
            Kind.TIME, "first_response_at", "resolved_at", "closed_at", "due_date", nullable=True
        ),
        **_columns(Kind.NUMBER, "version"),
        "tags": Scalar(Kind.JSON, lambda _build, row, _slot: TagList(row.tags)),
        "tags_text": _column(Kind.TEXT, "tags"),
        "company": One("Company", "company_id"),
        "contact": One("Contact", "contact_id"),
        "assigned_to": One("User", "assigned_to_id", anyone=True),
        "created_by": One("User", "created_by_id", anyone=True),
        "company_name": _text_of(Company, "company_id", lambda row: row.name),
        "contact_name": _text_of(Contact, "contact_id", lambda row: row.name),
        "assigned_to_name": _text_of(User, "assigned_to_id", _full_name),
        "created_by_name": _text_of(User, "created_by_id", _full_name),
        "first_response_time_hours": _hours_until("first_response_at"),
        "resolution_time_hours": _hours_until("resolved_at"),
        "is_overdue": Scalar(Kind.BOOL, _is_overdue),
        "comments": Many("Comment", "ticket_id", OLDEST),
        "all_comments": Many("Comment", "ticket_id", OLDEST, connection=False),
        "comments_count": _count_comments(internal=False),
        "internal_notes_count": _count_comments(internal=True),
        "attachments": Many("Attachment", "ticket_id", NEWEST, connection=False),
        "viewer_can": Inline("TicketPermissions"),
    },
    {
        **_TIMES,
        "due_date": Order("due_rank", UtcDateTime),
        "priority": Order("priority_rank", Integer),
        "status": Order("status_rank", Integer),
        "ticket_number": Order("ticket_number", String),
    },
    NEWEST,
)

PERMISSIONS = Entity(
    "TicketPermissions",
    TICKET.table,
    {
        "update": _permission(lambda build, row: _is_creator(build, row)),
        "comment": _permission(lambda _build, _row: literal_column("true")),
        "add_internal_note": _permission(),
        "assign": _permission(),
        "delete": _permission(),
    },
    {},
    (),
)


def _is_creator(build: "Build", row: Row) -> SQL:
    same = row.created_by_id == build.bind("viewer_id", Uuid36)
    return func.coalesce(same, literal_column("false"))


COMMENT = Entity(
    "Comment",
    Comment.__table__,  # type: ignore[attr-defined]
    {
        **_columns(Kind.UUID, "id", "ticket_id"),
        **_columns(Kind.UUID, "author_id", nullable=True),
        **_columns(Kind.TEXT, "text"),
        **_columns(Kind.BOOL, "is_internal"),
        **_columns(Kind.NUMBER, "version"),
        **_columns(Kind.TIME, "created_at", "updated_at"),
        "ticket": One("Ticket", "ticket_id"),
        "author": One("User", "author_id", anyone=True),
        "author_name": _text_of(User, "author_id", _full_name),
        "author_role": _text_of(User, "author_id", lambda row: row.role),
    },
    _TIMES,
    OLDEST,
)

ATTACHMENT = Entity(
    "Attachment",
    Attachment.__table__,  # type: ignore[attr-defined]
    {
        **_columns(Kind.UUID, "id", "ticket_id"),
        **_columns(Kind.UUID, "uploaded_by_id", nullable=True),
        **_columns(Kind.TEXT, "name", "content_type", "sha256"),
        **_columns(Kind.NUMBER, "size"),
        **_columns(Kind.TIME, "created_at"),
        "ticket": One("Ticket", "ticket_id"),
        "uploaded_by": One("User", "uploaded_by_id", anyone=True),
        "uploaded_by_name": _text_of(User, "uploaded_by_id", _full_name),
        "download_url": Scalar(Kind.TEXT, _download_url),
        "file": Scalar(Kind.TEXT, _file),
    },
    _TIMES,
    NEWEST,
)

COMPANY = Entity(
    "Company",
    Company.__table__,  # type: ignore[attr-defined]
    {
        **_columns(Kind.UUID, "id"),
        **_columns(Kind.TEXT, "name", "legal_entity_name", "country", "city", "website"),
        **_columns(Kind.TEXT, "industry", "billing_entity"),
        **_columns(Kind.BOOL, "is_active"),
        **_columns(Kind.TIME, "created_at", "updated_at"),
        "notes": _staff_only("notes"),
        "contacts": Many("Contact", "company_id", (("name", False),)),
        "tickets": Many("Ticket", "company_id", NEWEST),
    },
    {"name": Order("name", String)},
    (("name", False),),
)

CONTACT = Entity(
    "Contact",
    Contact.__table__,  # type: ignore[attr-defined]
    {
        **_columns(Kind.UUID, "id", "company_id"),
        **_columns(Kind.TEXT, "name", "email", "phone", "title", "department", "contact_type"),
        **_columns(Kind.TEXT, "linkedin_url"),
        **_columns(Kind.BOOL, "is_primary", "is_active"),
        **_columns(Kind.TIME, "created_at", "updated_at"),
        **_columns(Kind.TIME, "last_contacted", nullable=True),
        "notes": _staff_only("notes"),
        "company": One("Company", "company_id"),
        "company_name": _text_of(Company, "company_id", lambda row: row.name),
        "tickets": Many("Ticket", "contact_id", NEWEST),
    },
    {"name": Order("name", String)},
    (("name", False),),
)

USER = Entity(
    "User",
    User.__table__,  # type: ignore[attr-defined]
    {
        **_columns(Kind.UUID, "id"),
        **_columns(Kind.UUID, "company_id", nullable=True),
        **_columns(Kind.TEXT, "username", "first_name", "last_name", "department"),
        **_columns(Kind.CHOICE, "role"),
        **_columns(Kind.BOOL, "is_active"),
        **_columns(Kind.TIME, "date_joined"),
        "full_name": Scalar(Kind.TEXT, lambda _build, row, _slot: _full_name(row)),
        "email": _contact_detail("email"),
        "phone": _contact_detail("phone"),
        "company": One("Company", "company_id"),
        "assigned_tickets": Many("Ticket", "assigned_to_id", NEWEST),
    },
    {"date_joined": Order("date_joined", UtcDateTime)},
    (("date_joined", True),),
)

ENTITIES: Mapping[str, Entity] = {
    entity.name: entity
    for entity in (TICKET, PERMISSIONS, COMMENT, ATTACHMENT, COMPANY, CONTACT, USER)
}
NODES = ("Ticket", "Comment", "Attachment", "Company", "Contact", "User")
