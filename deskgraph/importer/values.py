"""One value of the old database, made into what our column holds, or refused with the reason."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from asyncpg.pgproto import pgproto
from sqlalchemy import Boolean, Column, Integer

from models.types import Choice, UtcDateTime, Uuid36
from resolvers.texts import is_storable

Convert = Callable[[object], object]
# Converts all values of a column at once.
ConvertAll = Callable[[Sequence[object]], Sequence[object]]
MAX_SHOWN_LENGTH = 60


class Rejected(Exception):
    """A value or a row that cannot be taken; the text says why."""


def converter(column: Column[object], *, without: frozenset[StrEnum] = frozenset()) -> Convert:
    """Return what converts values for a column and raises ``Rejected``.

    ``without``: choices of the column that the old system did not have.
    """
    convert, missing = _by_type(column, without), _missing(column)

    def read(value: object) -> object:
        return missing() if value is None else convert(value)

    return read


def column_converter(
    column: Column[object], *, without: frozenset[StrEnum] = frozenset()
) -> ConvertAll:
    """Return what converts many values as ``converter`` does, in a fraction of the time.

    It raises ``Rejected`` where one of them cannot be converted, and does not say which.
    """
    convert, missing = _by_type(column, without), _missing(column)
    is_text, most = _is_text(column), getattr(column.type, "length", None)

    def read(values: Sequence[object]) -> Sequence[object]:
        if is_text and _are_plain(values, most):
            return values
        return [missing() if value is None else convert(value) for value in values]

    return read


def _missing(column: Column[object]) -> Callable[[], None]:
    """Return what is called for a value that is not there."""
    nullable = bool(column.nullable)

    def missing() -> None:
        if not nullable:
            raise Rejected("is missing")

    return missing


def _is_text(column: Column[object]) -> bool:
    return not isinstance(column.type, Choice | UtcDateTime | Uuid36 | Boolean | Integer)


def _are_plain(values: Sequence[object], most: int | None) -> bool:
    """Whether all values are texts that can be taken as they are."""
    texts = [value for value in values if isinstance(value, str)]
    if len(texts) < len(values) or (most is not None and max(map(len, texts), default=0) > most):
        return False
    together = "".join(texts)
    return "\0" not in together and (together.isascii() or is_storable(together))


def _by_type(column: Column[object], without: frozenset[StrEnum]) -> Convert:
    kind = column.type
    if isinstance(kind, Choice):
        return _choices([one for one in kind.choices if one not in without], column)
    if isinstance(kind, UtcDateTime):
        return _time
    if isinstance(kind, Uuid36):
        return _uuid
    if isinstance(kind, Boolean):
        return _boolean
    if isinstance(kind, Integer):
        return _count
    # A text: SQLModel's own type for it has a length, but is no ``String``.
    return _texts(getattr(kind, "length", None))


def _choices(choices: list[StrEnum], column: Column[object]) -> Convert:
    known: dict[object, StrEnum | None] = {choice.value: choice for choice in choices}
    if column.nullable:
        # The old columns had no null: an empty text was no choice.
        known[""] = None
    listed = ", ".join(choice.value for choice in choices)

    def read(value: object) -> StrEnum | None:
        try:
            return known[value]
        except (KeyError, TypeError):
            raise Rejected(f"is {_shown(value)}, not one of {listed}") from None

    return read


def _texts(most: int | None) -> Convert:
    def read(value: object) -> str:
        if not isinstance(value, str):
            raise Rejected(f"is no text: {_shown(value)}")
        if most is not None and len(value) > most:
            raise Rejected(f"has {len(value)} characters, {most} at most are possible")
        if "\0" in value or not (value.isascii() or is_storable(value)):
            raise Rejected("has characters that no text can hold")
        return value

    return read


def _time(value: object) -> datetime:
    """Read a time; Django writes UTC to SQLite without saying so."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
        if not isinstance(found, datetime):
            raise TypeError
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        raise Rejected(f"is no time: {_shown(value)}") from None


def _uuid(value: object) -> UUID:
    """Read an id; Django writes 32 digits without hyphens to SQLite."""
    if isinstance(value, UUID):
        return value
    if isinstance(value, str):
        # The driver's own UUIDs are equal to Python's, and made and written eight times as fast.
        with suppress(ValueError):
            return pgproto.UUID(value)
        # It refuses braces.
        with suppress(ValueError):
            return UUID(value)
    raise Rejected(f"is no UUID: {_shown(value)}")


def _boolean(value: object) -> bool:
    if value in (0, 1):
        return bool(value)
    raise Rejected(f"is neither true nor false: {_shown(value)}")


def _count(value: object) -> int:
    if isinstance(value, int) and 0 <= value < 2**63:
        return value
    raise Rejected(f"is no count: {_shown(value)}")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= MAX_SHOWN_LENGTH else f"{text[:MAX_SHOWN_LENGTH]}…"
