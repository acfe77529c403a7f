"""The table of a model, for statements that are built without the ORM."""

from sqlalchemy import Table
from sqlmodel import SQLModel


def table_of(model: type[SQLModel]) -> Table:
    """Return the table that SQLModel has made of a class with ``table=True``."""
    table: Table = model.__table__  # type: ignore[attr-defined] # set by SQLModel, not declared
    return table
