"""Column types whose stored form turns into JSON without work, on both databases.

SQLite has neither UUIDs nor times, so it stores the very texts that JSON shows:
36 characters for a UUID and ``2025-11-19T10:30:00.000000Z`` for a time. Both sort as they should.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime, Dialect, String
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeDecorator, TypeEngine

# Of any type: which it is stands in the table.
SqlColumn = Column[object]
SqlType = type[TypeEngine[Any]] | TypeEngine[Any]

TIME_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


def time_text(value: datetime) -> str:
    """Return the stored text of a time that has a zone: UTC, always with six decimals."""
    utc = value if value.tzinfo is UTC else value.astimezone(UTC)
    # Not strftime: it is slow, and writes years below 1000 without their zeros.
    return f"{utc.isoformat(timespec='microseconds')[:-6]}Z"


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in time, always with a zone in Python and always UTC when read."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[datetime]:
        """Use timestamptz on PostgreSQL and text on SQLite."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(27))  # type: ignore[arg-type]
        return dialect.type_descriptor(DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> object:
        """Refuse times without a zone: guessing one would move them."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return time_text(value) if dialect.name == "sqlite" else value

    def process_result_value(self, value: object, dialect: Dialect) -> datetime | None:
        """Read the stored form back."""
        if isinstance(value, str):
            # ``strptime`` takes fifty times as long.
            return datetime.fromisoformat(value)
        return value.astimezone(UTC) if isinstance(value, datetime) else None


class Uuid36(TypeDecorator[UUID]):
    """A UUID: native on PostgreSQL, its 36 characters on SQLite."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[UUID]:
        """Use uuid on PostgreSQL and text on SQLite."""
        if dialect.name == "sqlite":
            return dialect.type_descriptor(String(36))  # type: ignore[arg-type]
        return dialect.type_descriptor(postgresql.UUID(as_uuid=True))

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> object:
        """Write the stored form."""
        return str(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: object, dialect: Dialect) -> UUID | None:
        """Read the stored form back."""
        if value is None:
            return None
        return value if isinstance(value, UUID) else UUID(str(value))


class Choice(TypeDecorator[StrEnum]):
    """One of a ``StrEnum``'s values, stored as text."""

    impl = String
    cache_ok = True

    def __init__(self, choices: type[StrEnum], length: int) -> None:
        self.choices = choices
        super().__init__(length)

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Refuse what is no choice before the database does."""
        return None if value is None else self.choices(value).value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        """Read the choice back."""
        return None if value is None else self.choices(value)
