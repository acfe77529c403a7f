"""Texts as searches compare them, beside the texts that they come from."""

from collections.abc import Mapping

import sqlalchemy as sa
from alembic import op
from sqlmodel import SQLModel

from deskgraph.database.search_texts import fill
from models import Company, Contact, Ticket, User, table_of

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


def upgrade() -> None:
    """Add the columns, and fill them."""
    for name, columns in COLUMNS.items():
        for column in columns:
            op.add_column(
                name, sa.Column(column, sa.Text(), server_default=sa.text("''"), nullable=False)
            )
        # It is one transaction with the columns: no server runs with half of the rows found, and
        # what was interrupted begins again.
        fill(op.get_bind(), table_of(MODELS[name]), columns)


def downgrade() -> None:
    for name, columns in COLUMNS.items():
        for column in columns:
            op.drop_column(name, column)
