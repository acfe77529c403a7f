"""What all tables share: named constraints, ids, and short ways to declare their columns."""

import os
import time
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, MetaData, Table
from sqlmodel import Field, SQLModel

from models.types import Choice, UtcDateTime, Uuid36

# Constraints need names that are the same on both databases for migrations to address them.
SQLModel.metadata.naming_convention = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
).naming_convention


def table_of(model: type[SQLModel]) -> Table:
    """Return the table of a model, an attribute that SQLModel does not declare."""
    table: Table = model.__table__  # type: ignore[attr-defined] # it is set by the metaclass
    return table


def new_id() -> UUID:
    """Return a UUIDv7 (RFC 9562, section 5.7): 48 bits of milliseconds, then random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    high = (milliseconds & (1 << 48) - 1) << 80
    return UUID(int=high | 0x7 << 76 | (random >> 68) << 64 | 0b10 << 62 | random & (1 << 62) - 1)


def id_column() -> Any:
    """Declare the primary key of a table."""
    return Field(default_factory=new_id, primary_key=True, sa_type=Uuid36)


def reference(target: str, *, nullable: bool = False, cascade: bool = False) -> Any:
    """Declare a foreign key to ``table.column``."""
    rule: dict[str, Any] = {"ondelete": "CASCADE"} if cascade else {}
    default = None if nullable else ...
    return Field(default=default, foreign_key=target, sa_type=Uuid36, nullable=nullable, **rule)


def time_column(*, nullable: bool = False) -> Any:
    """Declare a moment in time."""
    return Field(default=None if nullable else ..., sa_type=UtcDateTime, nullable=nullable)


def choice_column(choices: type[StrEnum], length: int, default: Any = ...) -> Any:
    """Declare a choice; ``None`` as the default makes it nullable."""
    return Field(default=default, sa_type=Choice(choices, length), nullable=default is None)


def choice_check(column: str, choices: type[StrEnum]) -> CheckConstraint:
    """Let the database refuse values that are not choices, for every writer."""
    listed = ", ".join(f"'{choice.value}'" for choice in choices)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


__all__ = [
    "CheckConstraint",
    "SQLModel",
    "choice_check",
    "choice_column",
    "id_column",
    "new_id",
    "reference",
    "time_column",
]
