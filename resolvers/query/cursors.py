"""Cursors: places in lists, which belong to one entity and one order."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.types import BigInteger, Integer

from models.types import TIME_FORMAT, UtcDateTime, Uuid36
from resolvers.errors import BadCursor
from resolvers.query.field_types import Entity
from resolvers.signing import NOT_OURS, Signer
from resolvers.texts import is_storable

# How many bits a number has besides its sign.
_BITS = {Integer: 31, BigInteger: 63}


def order_key(entity: Entity, order: tuple[tuple[str, bool], ...]) -> str:
    """Return the name of an order that cursors carry: one of another order is refused."""
    return f"{entity.name}:" + ",".join(f"{'-' if down else ''}{field}" for field, down in order)


def decode_cursor(
    cursor: str, entity: Entity, order: tuple[tuple[str, bool], ...], signer: Signer
) -> list[object]:
    """Return the values inside a cursor, the id last; raises ``BadCursor``."""
    parts = signer.open(cursor)
    if parts[:1] != [order_key(entity, order)]:
        raise BadCursor("The cursor belongs to another list or another order.")
    types = [*(entity.orders[field].type for field, _ in order), Uuid36]
    try:
        return [_typed(text, type_) for text, type_ in zip(parts[1:], types, strict=True)]
    except ValueError:
        # Not ours: a reader of a logged day key can sign anything with it.
        raise BadCursor(NOT_OURS) from None


def _typed(text: str, type_: object) -> object:
    """Return a value as its column has it; raises ``ValueError``."""
    if type_ is Uuid36:
        return UUID(text)
    if type_ in _BITS:
        number = int(text)
        if not -(2 ** _BITS[type_]) <= number < 2 ** _BITS[type_]:
            raise ValueError(type_)
        return number
    if type_ is UtcDateTime:
        datetime.strptime(text, TIME_FORMAT)
    if not is_storable(text):
        raise ValueError(type_)
    return text
