"""The SQL expressions of the catalog's fields: what is computed, and for which viewers."""

from collections.abc import Callable

from sqlalchemy import ColumnElement, and_, case, cast, func, literal_column, select, true
from sqlalchemy.types import Integer, String
from sqlmodel import SQLModel

from models import FINISHED_STATUSES, Comment, table_of
from models.types import UtcDateTime
from resolvers import access, access_rules
from resolvers.query import binds
from resolvers.query.compile_context import CompileContext, Row
from resolvers.query.field_types import Definition, FieldKind, Scalar
from resolvers.query.sql.elements import (
    SQL,
    Concat,
    Constant,
    Hours,
    JsonMember,
    MediaMac,
    Plain,
    SignedCursor,
)
from resolvers.signing import CURSOR, MEDIA
from resolvers.viewer import ViewerKind


def columns(kind: FieldKind, *names: str, nullable: bool = False) -> dict[str, Definition]:
    """Define fields that are columns of the same names."""
    return {name: column(kind, name, nullable) for name in names}


def long_text(name: str) -> Scalar:
    """Define a field that is a column with texts of any length."""
    return Scalar(FieldKind.TEXT, lambda _build, row, _slot: row[name], long=True)


def column(kind: FieldKind, name: str, nullable: bool = False) -> Scalar:
    """Define a field that is a column."""
    return Scalar(kind, lambda _build, row, _slot: row[name], nullable)


def text_of(
    model: type[SQLModel], column: str, text: Callable[[Row], SQL], *, anyone: bool = False
) -> Scalar:
    """Define a text of the row that ``column`` refers to; null where it refers to none.

    ``anyone``: also of a user whom the viewer could not see alone (``access.shows_person``).
    """

    def sql(build: CompileContext, row: Row, _slot: int | None) -> SQL:
        return _of_other(build, row, model, column, text, anyone=anyone)

    def absent(build: CompileContext, row: Row) -> SQL:
        shown = sql(build, row, None) if build.kind is ViewerKind.CUSTOMER else row[column]
        missing: SQL = shown.is_(None)
        return missing

    return Scalar(FieldKind.TEXT, sql, nullable=True, absent=absent if anyone else None)


def id_of(model: type[SQLModel], column: str, *, anyone: bool = False) -> Scalar:
    """Define the id of the row that ``column`` refers to; customers get those they are shown."""

    def sql(build: CompileContext, row: Row, _slot: int | None) -> SQL:
        if build.kind is not ViewerKind.CUSTOMER:
            own: SQL = row[column]
            return own
        return _of_other(build, row, model, column, lambda other: other.id, anyone=anyone)

    return Scalar(FieldKind.UUID, sql, nullable=True)


def _of_other(
    build: CompileContext,
    row: Row,
    model: type[SQLModel],
    column: str,
    value: Callable[[Row], SQL],
    *,
    anyone: bool,
) -> SQL:
    def found(other: Row) -> ColumnElement[bool]:
        shown = build.shows(model.__name__, other, anyone=anyone)
        return and_(other.id == row[column], shown)

    table = table_of(model)
    joined = build.joined.get(id(row))
    if joined is not None:
        return value(joined.other((column, anyone), table, found))
    other = table.alias()
    chosen = select(value(other.c)).where(found(other.c))
    return chosen.correlate_except(other).scalar_subquery()


def full_name(row: Row) -> SQL:
    """Return a user's first and last name; either may be empty."""
    return func.trim(row.first_name + Constant(" ") + row.last_name)


def contact_detail(name: str) -> Scalar:
    """Define a column of users that is shown to themselves and to Admins."""

    def sql(build: CompileContext, row: Row, _slot: int | None) -> SQL:
        sees = access.sees_contact_details(row, build.kind, build.bind_viewer)
        return case((sees, row[name])) if sees is not true() else row[name]

    return Scalar(FieldKind.TEXT, sql, nullable=True)


def count_comments(internal: bool) -> Scalar:
    """Define the number of public comments, or of internal notes, which customers have none of."""

    def sql(build: CompileContext, row: Row, _slot: int | None) -> SQL:
        if internal and build.kind is ViewerKind.CUSTOMER:
            return literal_column("0")
        comment = table_of(Comment).alias()
        wanted = comment.c.is_internal if internal else ~comment.c.is_internal
        counted = select(func.count()).select_from(comment)
        return counted.where(comment.c.ticket_id == row.id, wanted).scalar_subquery()

    return Scalar(FieldKind.NUMBER, sql)


def is_overdue(build: CompileContext, row: Row, _slot: int | None) -> SQL:
    """Return whether a ticket is overdue, false where it has no due date."""
    return func.coalesce(overdue(build, row), literal_column("false"))


def overdue(build: CompileContext, row: Row) -> ColumnElement[bool]:
    """Return the condition for tickets that are past their due date and not finished."""
    return and_(row.due_date < build.bind(binds.NOW, UtcDateTime), ~finished(row))


def finished(row: Row) -> ColumnElement[bool]:
    """Return the condition for resolved and closed tickets."""
    values = ", ".join(f"'{status.value}'" for status in FINISHED_STATUSES)
    condition: ColumnElement[bool] = row.status.op("IN", is_comparison=True)(
        literal_column(f"({values})")
    )
    return condition


def hours_until(column: str) -> Scalar:
    """Define the hours from a ticket's creation to another of its times."""

    def sql(_build: CompileContext, row: Row, _slot: int | None) -> SQL:
        return Hours(row.created_at, row[column])

    return Scalar(FieldKind.HOURS, sql, nullable=True)


def staff_only(column: str) -> Scalar:
    """Define a column that customers see as null."""

    def sql(build: CompileContext, row: Row, _slot: int | None) -> SQL:
        return literal_column("NULL") if build.kind is ViewerKind.CUSTOMER else row[column]

    return Scalar(FieldKind.TEXT, sql, nullable=True, long=True)


def permissions(entity: str) -> dict[str, Definition]:
    """Define whether the viewer may do each thing there is to do with an entity."""
    return {str(action): _permission(entity, action) for action in access_rules.RULES[entity]}


def _permission(entity: str, action: access_rules.Action) -> Scalar:
    def sql(build: CompileContext, row: Row, _slot: int | None) -> SQL:
        return access.may(entity, action, row, build.kind, build.bind_viewer)

    return Scalar(FieldKind.BOOL, sql)


def signed_link(build: CompileContext, row: Row, expires_in: SQL) -> SQL:
    """Return an absolute link that works until a Unix time, without a token."""
    expires = cast(build.bind(binds.EPOCH, Integer) + expires_in, String)
    mac = MediaMac(Concat(expires, Constant(":"), row.key), *build.signing(MEDIA))
    link = Concat(build.bind(binds.BASE_URL, String), Constant("/media/"), row.key)
    return Concat(link, Constant("?expires="), expires, Constant("&signature="), mac)


def download_url(build: CompileContext, row: Row, slot: int | None) -> SQL:
    """Return a signed link that works for as long as the argument says."""
    assert slot is not None
    return signed_link(build, row, build.bind(binds.prefix_of(slot) + binds.EXPIRES_IN, Integer))


def file_link(build: CompileContext, row: Row, _slot: int | None) -> SQL:
    """Return REST's link: the documented path, or a signed one that works for an hour."""
    if build.signed_media:
        return signed_link(build, row, literal_column("3600"))
    return Concat(Constant("/media/"), row.key)


def event_cursor(build: CompileContext, row: Row, _slot: int | None) -> SQL:
    """Return an event's place in the feed, as the cursor of its edge has it (``Source``)."""
    place = (Constant('["TicketEvent:seq","'), Plain(row.seq), Constant('","'), Plain(row.id))
    return SignedCursor(Concat(*place, Constant('"]')), *build.signing(CURSOR))


def member(row: Row, name: str) -> SQL:
    """Return a member of an object inside a JSON column as text, NULL where it is null."""
    return JsonMember(row.value, Constant(name))


def changed_value(name: str) -> Scalar:
    """Define what a field was or became; customers are not told ids of other companies' rows."""

    def sql(build: CompileContext, row: Row, _slot: int | None) -> SQL:
        value = member(row, name)
        sees = access.sees_changed(member(row, "field"), value, build.kind, build.bind_viewer)
        return case((sees, value)) if sees is not true() else value

    return Scalar(FieldKind.TEXT, sql, nullable=True)


def changed_number(name: str) -> Scalar:
    """Define a number that a change has where it tells of long texts (``events.change``)."""
    return Scalar(FieldKind.NUMBER, lambda _build, row, _slot: member(row, name), nullable=True)
