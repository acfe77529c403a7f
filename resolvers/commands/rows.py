"""What the writes of several entities share: rows by id, and changes of their values."""

from collections.abc import Mapping
from typing import TypeVar
from uuid import UUID

from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from models import Company
from resolvers.commands import validation
from resolvers.errors import NotFound, Problem

Row = TypeVar("Row", bound=SQLModel)


async def locked_row(session: AsyncSession, model: type[Row], key: UUID) -> Row:
    """Return a row as it is now, locked until the end of the transaction.

    Raises ``NotFound``.
    """
    row = await session.get(model, key, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(model.__name__)
    return row


def set_values(row: SQLModel, values: Mapping[str, object]) -> bool:
    """Set values of a row; returns whether any of them was another one."""
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    return bool(changed)


async def check_company(
    session: AsyncSession, cleaned: validation.Cleaned, problems: validation.Problems
) -> None:
    """Add a problem if ``company`` is the id of no company."""
    key = cleaned.get("company")
    if key is not None and await session.get(Company, key) is None:
        problems["company"] = [Problem("does_not_exist", {"value": str(key)})]
