"""What has happened to the fields of a ticket or a comment since one of its versions."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, and_, bindparam, func, literal_column, select
from sqlalchemy.types import BigInteger, Integer, String

from models import TicketEvent, table_of
from models.types import Uuid36
from resolvers import access
from resolvers.context import Context
from resolvers.events.log import shown
from resolvers.query.catalog import ENTITIES
from resolvers.query.compile_context import CompileContext, Row
from resolvers.query.event_log import purged_to
from resolvers.query.lists.source import ListSource
from resolvers.query.objects import items_of
from resolvers.query.shapes import NO_ARGS, Field, Shape
from resolvers.query.sql.elements import (
    InIds,
    JsonArrayAgg,
    JsonNumber,
    JsonNumberOrNull,
    JsonObject,
    JsonText,
    Plain,
)
from resolvers.query.statements import context_values
from resolvers.viewer import Viewer, ViewerKind
from resolvers.write_statements import KEYS, Built, Statement, Transaction, key_list

# A client that has missed more versions has to read again: so much is read at most.
MAX_VERSIONS = 200
# A write has at most one for the status, one for the assignment and one for the rest.
EVENTS_OF_A_WRITE = 3
# How many events are read at most where several tickets are asked about.
MAX_EVENTS_OF_SEVERAL = 2000
_CHANGE = Shape(
    tuple(Field(name, name) for name in ("field", "from", "to", "excerpt_start", "from_length"))
)
_EVENT = Shape(
    (
        *(Field(name, name) for name in ("actor_id", "actor_name", "at")),
        Field("changes", "changes", _CHANGE),
    )
)


@dataclass(frozen=True)
class VersionedRow:
    """A locked ticket, comment or attachment, with the values of its fields by those of events.

    An attachment has the version of its ticket.
    """

    ticket_id: UUID
    comment_id: UUID | None
    version: int
    values: Mapping[str, object]
    attachment_id: UUID | None = None


@dataclass(frozen=True)
class FieldHistory:
    """What a field was at a version, what it became, and who changed it last and when.

    Values are texts as the viewer may see them. Of a long text ``base`` is an excerpt, which begins
    at ``base_start`` of ``base_length`` characters. ``hides``: a value that is None may be one that
    the viewer does not see.
    """

    base: str | None
    base_start: int | None
    base_length: int | None
    latest: str | None
    actor_id: str | None
    actor_name: str | None
    at: str
    hides: bool

    def was(self, value: object) -> bool:
        """Whether the field is known to have been this at the version."""
        if self.base_start is not None or (self.base is None and self.hides):
            return False
        return self.base == text_of(value)


# By the names of fields, in the order of their first changes.
History = Mapping[str, FieldHistory]


def text_of(value: object) -> str | None:
    """Return a value as reads of events show it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    told = shown(value)
    return None if told is None else str(told)


async def history_since(
    context: Context, transaction: Transaction, row: VersionedRow, version: int
) -> History | None:
    """Return what happened to each field after a version; None where not all of it is known.

    It is known for the last ``MAX_VERSIONS``, as long as their events are kept and the viewer sees
    them. Versions that an import or an earlier release has made are not known.
    """
    missed = row.version - version
    if missed == 0:
        return {}
    if version < 1 or not 0 < missed <= MAX_VERSIONS:
        return None
    viewer = context.require_viewer()
    kind = ViewerKind.CUSTOMER if viewer.is_customer else ViewerKind.STAFF
    statement = _events_since(kind, about="comment_id" if row.comment_id else None, by="version")
    values = {"of": row.ticket_id, "about": row.comment_id, "since": version}
    found = await transaction.fetch_row(statement, {**context_values(context), **values})
    assert found is not None
    purged, text = found
    events = sorted(orjson.loads(text), key=lambda one: int(one["seq"]))
    # One write makes each version. Its events follow each other, and the first of them may have
    # been removed before the others.
    if len({one["version"] for one in events}) != missed:
        return None
    if purged > 0 and events[0]["seq"] < purged + EVENTS_OF_A_WRITE:
        return None
    return _by_field(viewer, [one["event"] for one in events])


async def history_after(
    context: Context, transaction: Transaction, row: VersionedRow, seq: int
) -> History:
    """Return what is known to have happened to each field after an event.

    Of more events than are read for a version, only the last ones count.
    """
    viewer = context.require_viewer()
    kind = ViewerKind.CUSTOMER if viewer.is_customer else ViewerKind.STAFF
    about = row.comment_id or row.attachment_id
    column = "comment_id" if row.comment_id else "attachment_id" if row.attachment_id else None
    statement = _events_since(kind, about=column, by="seq")
    values = {"of": row.ticket_id, "about": about, "since": seq}
    found = await transaction.fetch_row(statement, {**context_values(context), **values})
    assert found is not None
    events = sorted(orjson.loads(found[1]), key=lambda one: int(one["seq"]))
    return _by_field(viewer, [one["event"] for one in events])


async def histories_after(
    context: Context, transaction: Transaction, events: Iterable[UUID]
) -> Mapping[UUID, History]:
    """Return the same for several tickets and comments, by their ids: some events are of each.

    Of more events than ``MAX_EVENTS_OF_SEVERAL``, only the last ones count.
    """
    viewer = context.require_viewer()
    kind = ViewerKind.CUSTOMER if viewer.is_customer else ViewerKind.STAFF
    values = {**context_values(context), **key_list(events)}
    found = await transaction.fetch_row(_events_after(kind), values)
    assert found is not None
    told: dict[UUID, list[dict[str, Any]]] = {}
    for one in sorted(orjson.loads(found[1]), key=lambda one: int(one["seq"])):
        told.setdefault(UUID(one["about"]), []).append(one["event"])
    return {key: _by_field(viewer, some) for key, some in told.items()}


def _by_field(viewer: Viewer, events: list[dict[str, Any]]) -> History:
    found: dict[str, FieldHistory] = {}
    for event in events:
        for change in event["changes"]:
            name = change["field"]
            first = found.get(name)
            found[name] = FieldHistory(
                base=first.base if first else change["from"],
                base_start=first.base_start if first else change["excerpt_start"],
                base_length=first.base_length if first else change["from_length"],
                latest=change["to"],
                actor_id=event["actor_id"],
                actor_name=event["actor_name"],
                at=event["at"],
                hides=access.may_hide_changed(viewer, name),
            )
    return found


@cache
def _events_since(kind: ViewerKind, *, about: str | None, by: str) -> Statement:
    """Return the statement that reads the events ``since`` a place, as a viewer may see them.

    ``about`` is the column with the id of a comment or an attachment, ``by`` that of the place.
    """

    def belongs(row: Row) -> ColumnElement[bool]:
        own = [row[name].is_(None) for name in ("comment_id", "attachment_id")]
        return and_(
            row.ticket_id == bindparam("of", type_=Uuid36),
            *(own if about is None else [row[about] == bindparam("about", type_=Uuid36)]),
            row[by] > bindparam("since", type_=BigInteger),
        )

    return _newest(kind, belongs, MAX_VERSIONS * EVENTS_OF_A_WRITE)


@cache
def _events_after(kind: ViewerKind) -> Statement:
    """Return the statement that reads what happened to the same after the events ``KEYS``."""
    given = table_of(TicketEvent).alias("given")
    wanted = InIds(given.c.id, bindparam(KEYS, type_=String))

    def belongs(row: Row) -> ColumnElement[bool]:
        since = select(func.max(given.c.seq)).where(
            wanted,
            given.c.ticket_id == row.ticket_id,
            given.c.comment_id.is_not_distinct_from(row.comment_id),
        )
        return and_(
            row.attachment_id.is_(None),
            row.ticket_id.in_(select(given.c.ticket_id).where(wanted)),
            row.seq > since.correlate_except(given).scalar_subquery(),
        )

    return _newest(kind, belongs, MAX_EVENTS_OF_SEVERAL)


def _newest(
    kind: ViewerKind, belongs: Callable[[Row], ColumnElement[bool]], most: int
) -> Statement:
    """Return the statement that reads the newest of some events, as a viewer may see them."""

    def build(dialect: str) -> Built:
        compiling = CompileContext(dialect, kind, False, False, (NO_ARGS,), deep=False)
        newest = (("seq", True),)
        source = ListSource(compiling, ENTITIES["TicketEvent"], NO_ARGS, "", newest, belongs)
        rows = source.rows(literal_column(str(most), Integer)).subquery("missed")
        event = JsonObject(
            [
                ("seq", JsonNumber(rows.c.seq)),
                ("version", JsonNumberOrNull(rows.c.version)),
                ("about", JsonText(Plain(func.coalesce(rows.c.comment_id, rows.c.ticket_id)))),
                ("event", items_of(source)(_EVENT, rows.c)),
            ]
        )
        events = select(JsonArrayAgg(event)).select_from(rows).scalar_subquery()
        return select(purged_to().label("purged"), events.label("events"))

    return Statement(build)
