"""What an undo needs: rows that were deleted, and texts that were replaced, for some hours."""

import sqlalchemy as sa
from alembic import op

from models.types import SqlColumn, SqlType

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

# Earlier servers do not look for the tables: what they delete is gone at once.
COMPATIBLE_FROM = "0012"

ID = sa.Uuid().with_variant(sa.String(36), "sqlite")
TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.create_table(
        "undo_records",
        _column("event_id", ID),
        _column("texts", sa.JSON()),
        _column("at", TIME),
        sa.PrimaryKeyConstraint("event_id", name="pk_undo_records"),
    )
    op.create_index("ix_undo_records_at", "undo_records", ["at"])
    _tickets()
    _comments()
    _attachments()


def downgrade() -> None:
    """Remove the tables; the files of what was deleted are left to the orphan cleanup."""
    for name in ("deleted_attachments", "deleted_comments", "deleted_tickets", "undo_records"):
        op.drop_table(name)


def _column(name: str, kind: SqlType, *, nullable: bool = False) -> SqlColumn:
    return sa.Column(name, kind, nullable=nullable)


def _deleted(name: str, *columns: SqlColumn) -> None:
    name = f"deleted_{name}"
    key = sa.PrimaryKeyConstraint("event_id", "id", name=f"pk_{name}")
    op.create_table(name, _column("event_id", ID), _column("id", ID), *columns, key)


def _tickets() -> None:
    _deleted(
        "tickets",
        _column("ticket_number", sa.String(50)),
        _column("subject", sa.String(200)),
        _column("description", sa.String()),
        _column("status", sa.String(20)),
        _column("priority", sa.String(10)),
        _column("category", sa.String(20)),
        _column("company_id", ID),
        _column("contact_id", ID, nullable=True),
        _column("assigned_to_id", ID, nullable=True),
        _column("assigned_team", sa.String(20), nullable=True),
        _column("created_by_id", ID, nullable=True),
        _column("first_response_at", TIME, nullable=True),
        _column("resolved_at", TIME, nullable=True),
        _column("closed_at", TIME, nullable=True),
        _column("due_date", TIME, nullable=True),
        _column("tags", sa.String(500)),
        _column("version", sa.Integer()),
        _column("created_at", TIME),
        _column("updated_at", TIME),
        _column("search_text", sa.Text()),
    )


def _comments() -> None:
    _deleted(
        "comments",
        _column("ticket_id", ID),
        _column("author_id", ID, nullable=True),
        _column("text", sa.String()),
        _column("is_internal", sa.Boolean()),
        _column("version", sa.Integer()),
        _column("created_at", TIME),
        _column("updated_at", TIME),
        _column("search_text", sa.Text()),
    )


def _attachments() -> None:
    _deleted(
        "attachments",
        _column("ticket_id", ID),
        _column("key", sa.String(300)),
        _column("name", sa.String(200)),
        _column("size", sa.BigInteger()),
        _column("content_type", sa.String(100)),
        _column("sha256", sa.String(64)),
        _column("uploaded_by_id", ID, nullable=True),
        _column("created_at", TIME),
        _column("updated_at", TIME),
    )
    op.create_index("ix_deleted_attachments_key", "deleted_attachments", ["key"])
