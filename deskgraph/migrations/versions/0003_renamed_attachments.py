"""Events of attachments that are renamed."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from models.types import SqlColumn

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ID = sa.Uuid().with_variant(sa.String(36), "sqlite")
TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")

TABLE = "ticket_events"
CHECK = "ck_ticket_events_type"
BEFORE = (
    *("created", "updated", "status_changed", "assigned"),
    *("comment_added", "comment_edited", "comment_deleted"),
    *("attachment_added", "attachment_deleted", "deleted"),
)
AFTER = (*BEFORE[:8], "attachment_renamed", *BEFORE[8:])
INDEXES = {
    "ix_ticket_events_ticket_id_seq": ["ticket_id", "seq"],
    "ix_ticket_events_company_id_seq": ["company_id", "seq"],
}


def upgrade() -> None:
    _allow(AFTER)


def downgrade() -> None:
    """Tell of renamed attachments as if the ticket had been updated, and refuse the type."""
    op.execute(f"UPDATE {TABLE} SET type = 'updated' WHERE type = 'attachment_renamed'")  # noqa: S608
    _allow(BEFORE)


def _allow(types: Sequence[str]) -> None:
    condition = f"type IN ({', '.join(repr(one) for one in types)})"
    if op.get_bind().dialect.name == "sqlite":
        _make_again(condition)
        return
    op.drop_constraint(CHECK, TABLE)
    op.create_check_constraint(op.f(CHECK), TABLE, condition)


def _make_again(condition: str) -> None:
    """Copy the rows into a new table: SQLite cannot change a constraint."""
    for name in INDEXES:
        op.drop_index(name, TABLE)
    op.rename_table(TABLE, f"{TABLE}_before")
    op.create_table(
        TABLE,
        sa.Column("seq", sa.Integer(), autoincrement=True, nullable=False),
        *_columns(),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_ticket_events")),
        sa.CheckConstraint(condition, name=op.f(CHECK)),
        sa.UniqueConstraint("id", name=op.f("uq_ticket_events_id")),
        sqlite_autoincrement=True,
    )
    op.execute(f"INSERT INTO {TABLE} SELECT * FROM {TABLE}_before")  # noqa: S608
    op.drop_table(f"{TABLE}_before")
    for name, columns in INDEXES.items():
        op.create_index(op.f(name), TABLE, columns)


def _columns() -> list[SqlColumn]:
    return [
        sa.Column("id", ID, nullable=False),
        sa.Column("type", sa.String(20), nullable=False),
        sa.Column("ticket_id", ID, nullable=False),
        sa.Column("company_id", ID, nullable=False),
        sa.Column("ticket_number", sa.String(50), nullable=False),
        sa.Column("comment_id", ID, nullable=True),
        sa.Column("attachment_id", ID, nullable=True),
        sa.Column("actor_id", ID, nullable=True),
        sa.Column("via", sa.String(20), nullable=False),
        sa.Column("is_internal", sa.Boolean(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("at", TIME, nullable=False),
    ]
