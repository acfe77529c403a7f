"""Reads of the event log: what follows a place in it, and how much of it was removed.

A reader who is behind the last removed event has missed some.
"""

from dataclasses import replace

from sqlalchemy import SelectBase, and_, func, literal_column, select
from sqlalchemy.types import BigInteger, Integer

from models import PurgedEvents, table_of
from resolvers.errors import CursorExpired
from resolvers.query import binds
from resolvers.query.lists.connections import Item
from resolvers.query.lists.page_weights import fitting, weigher
from resolvers.query.lists.source import ListSource
from resolvers.query.shapes import Shape
from resolvers.query.sql.elements import (
    SQL,
    JsonArrayAgg,
    JsonNumber,
    JsonObject,
    JsonWord,
    TimeText,
)

# How many events a follower holds at most, and how much long text of them beyond the first one.
MAX_FOLLOWED = 50
MAX_FOLLOWED_BYTES = 256 * 1024

_purged = table_of(PurgedEvents)


def purged_to() -> SQL:
    """Return the ``seq`` of the last event that was removed, or 0, as a part of a statement.

    A statement that reads events has it of the same moment.
    """
    last = func.coalesce(func.max(_purged.c.seq), literal_column("0"), type_=BigInteger)
    return select(last).scalar_subquery()


def purged_to_statement() -> SelectBase:
    """Return the statement that asks for nothing else."""
    return select(purged_to().label("purged_to"))


def check_kept(position: object, purged: int) -> None:
    """Raise ``CursorExpired`` if any event after a position was removed."""
    if int(str(position)) < purged:
        raise CursorExpired


def followed(listed: ListSource, shape: Shape, item: Item) -> SQL:
    """Return the events after one place in the log and up to another.

    Each has its ``seq``, size, time and cursor beside the object.
    """
    build = listed.build
    since = build.bind(binds.of_root(binds.SEQ), BigInteger)
    until = build.bind(binds.of_root(binds.UNTIL), BigInteger)
    source = replace(listed, belongs=lambda row: and_(row.seq > since, row.seq <= until))
    limit = literal_column(str(MAX_FOLLOWED), Integer)
    weigh = weigher(build, source.entity, [shape])
    chosen = (
        source.rows(limit)
        if weigh is None
        else fitting(source, limit, weigh, max_bytes=MAX_FOLLOWED_BYTES)
    )
    rows = chosen.subquery("followed")
    place = [
        ("seq", JsonNumber(rows.c.seq)),
        ("size", JsonNumber(literal_column("0") if weigh is None else weigh(rows.c))),
        ("at", JsonWord(TimeText(rows.c.at))),
        ("cursor", JsonWord(source.sealed(source.position(rows.c)))),
    ]
    whole = JsonArrayAgg(JsonObject([*place, ("event", item(shape, rows.c))]))
    return select(whole).select_from(rows).scalar_subquery()
