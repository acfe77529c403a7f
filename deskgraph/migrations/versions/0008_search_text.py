"""Texts as searches compare them, beside the texts that they come from."""

from collections.abc import Mapping
from uuid import UUID

import sqlalchemy as sa
from alembic import op
from sqlmodel import SQLModel

from models import Company, Contact, Ticket, User, table_of
from models.search import search_texts

revision = "0008"
down_revision = "0005"
branch_labels = None
depends_on = None

COLUMNS = {
    "tickets": ("search_text",),
    "companies": ("search_text", "search_name", "search_private"),
    "contacts": ("search_text",),
    "users": ("search_text", "search_private"),
}
MODELS: Mapping[str, type[SQLModel]] = {
    "tickets": Ticket,
    "companies": Company,
    "contacts": Contact,
    "users": User,
}
# How many rows are in memory at once.
BATCH = 500


def upgrade() -> None:
    """Add the columns, and fill them."""
    for name, columns in COLUMNS.items():
        for column in columns:
            op.add_column(
                name, sa.Column(column, sa.Text(), server_default=sa.text("''"), nullable=False)
            )
        _fill(table_of(MODELS[name]), columns)


def downgrade() -> None:
    for name, columns in COLUMNS.items():
        for column in columns:
            op.drop_column(name, column)


def _fill(table: sa.Table, columns: tuple[str, ...]) -> None:
    """Fill the columns in batches by the id.

    It is one transaction with the columns: no server runs with half of the rows found, and what
    was interrupted begins again.
    """
    fields = {field for name in columns for field in table.c[name].info["fields"]}
    wanted = sa.select(table.c.id, *(table.c[name] for name in sorted(fields)))
    wanted = wanted.order_by(table.c.id).limit(BATCH)
    connection = op.get_bind()
    rows = connection.execute(wanted).mappings().all()
    while rows:
        texts = [(row["id"], search_texts(table, dict(row))) for row in rows]
        _write(connection, table, columns, texts)
        rows = connection.execute(wanted.where(table.c.id > rows[-1]["id"])).mappings().all()


def _write(
    connection: sa.Connection,
    table: sa.Table,
    columns: tuple[str, ...],
    texts: list[tuple[UUID, dict[str, str]]],
) -> None:
    """Write one batch; on PostgreSQL in one statement, which takes a fraction of one for each."""
    if connection.dialect.name == "sqlite":
        written = sa.update(table).where(table.c.id == sa.bindparam("row_id"))
        written = written.values({name: sa.bindparam(f"new_{name}") for name in columns})
        values = [
            {"row_id": key, **{f"new_{name}": new[name] for name in columns}} for key, new in texts
        ]
        connection.execute(written, values)
        return
    each = ", ".join(f"CAST(:{name} AS text[])" for name in columns)
    settings = ", ".join(f"{name} = each.{name}" for name in columns)
    statement = (
        f"UPDATE {table.name} AS old SET {settings} "  # noqa: S608 - names of ours
        f"FROM unnest(CAST(:ids AS uuid[]), {each}) AS each (id, {', '.join(columns)}) "
        "WHERE old.id = each.id"
    )
    listed = {name: [new[name] for _, new in texts] for name in columns}
    connection.execute(sa.text(statement), {"ids": [key for key, _ in texts], **listed})
