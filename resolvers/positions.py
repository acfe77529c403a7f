"""Cursors: places in lists, which belong to one entity and one order."""

from typing import Any
from uuid import UUID

from sqlalchemy.types import BigInteger, Integer

from models.types import Uuid36
from resolvers.errors import BadCursor
from resolvers.kinds import Entity
from resolvers.signing import Signer


def order_key(entity: Entity, order: tuple[tuple[str, bool], ...]) -> str:
    """Return the name of an order that cursors carry: one of another order is refused."""
    return f"{entity.name}:" + ",".join(f"{'-' if down else ''}{field}" for field, down in order)


def open_position(
    cursor: str, entity: Entity, order: tuple[tuple[str, bool], ...], signer: Signer
) -> list[object]:
    """Return the values inside a cursor, the id last; raises ``BadCursor``."""
    parts = signer.open(cursor)
    if parts[0] != order_key(entity, order):
        raise BadCursor("The cursor belongs to another list or another order.")
    types = [*(entity.orders[field].type for field, _ in order), Uuid36]
    return [_typed(text, type_) for text, type_ in zip(parts[1:], types, strict=True)]


def _typed(text: str, type_: Any) -> object:
    if type_ is Uuid36:
        return UUID(text)
    return int(text) if type_ in (Integer, BigInteger) else text
