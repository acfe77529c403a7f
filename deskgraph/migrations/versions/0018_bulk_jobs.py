"""Bulk jobs, with their batches and errors."""

import sqlalchemy as sa
from alembic import op

from models.types import SqlColumn, SqlType

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# Earlier servers do not look for the tables: jobs wait for a server that does.
COMPATIBLE_FROM = "0012"

ID = sa.Uuid().with_variant(sa.String(36), "sqlite")
TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    _jobs()
    op.create_table(
        "bulk_job_batches",
        _column("job_id", ID),
        _column("number", sa.Integer()),
        _column("items", sa.JSON(), nullable=True),
        _column("event_ids", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("job_id", "number", name="pk_bulk_job_batches"),
        _of_job("bulk_job_batches"),
    )
    op.create_table(
        "bulk_job_errors",
        _column("id", ID),
        _column("job_id", ID),
        _column("position", sa.Integer()),
        _column("ticket_id", ID, nullable=True),
        _column("errors", sa.JSON()),
        sa.PrimaryKeyConstraint("id", name="pk_bulk_job_errors"),
        _of_job("bulk_job_errors"),
    )
    _index("bulk_job_errors", "job_id", "position", "id")


def downgrade() -> None:
    for name in ("bulk_job_errors", "bulk_job_batches", "bulk_jobs"):
        op.drop_table(name)


def _jobs() -> None:
    kinds = "kind IN ('create', 'update', 'delete', 'import', 'undo')"
    states = "state IN ('pending', 'running', 'done', 'cancelled', 'failed')"
    op.create_table(
        "bulk_jobs",
        _column("id", ID),
        _column("kind", sa.String(20)),
        _column("state", sa.String(20)),
        _column("reason", sa.String(300), nullable=True),
        _column("arguments", sa.JSON()),
        _column("dry_run", sa.Boolean()),
        _column("total_count", sa.Integer(), nullable=True),
        _column("done_count", sa.Integer()),
        _column("changed_count", sa.Integer()),
        _column("failed_count", sa.Integer()),
        _column("batch", sa.Integer()),
        _column("bookmark", sa.JSON(), nullable=True),
        _column("undo_of_id", ID, nullable=True),
        _column("created_by_id", ID, nullable=True),
        _column("created_at", TIME),
        *(
            _column(name, TIME, nullable=True)
            for name in ("started_at", "turn_at", "finished_at", "lease_until")
        ),
        _column("claim", sa.String(32), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_bulk_jobs"),
        sa.ForeignKeyConstraint(
            ["created_by_id"], ["users.id"], name=op.f("fk_bulk_jobs_created_by_id")
        ),
        sa.CheckConstraint(kinds, name=op.f("ck_bulk_jobs_kind")),
        sa.CheckConstraint(states, name=op.f("ck_bulk_jobs_state")),
    )
    for columns in (
        ("state", "created_at"),
        ("created_by_id", "created_at", "id"),
        ("created_at", "id"),
        ("undo_of_id",),
        ("finished_at",),
    ):
        _index("bulk_jobs", *columns)


def _column(name: str, kind: SqlType, *, nullable: bool = False) -> SqlColumn:
    return sa.Column(name, kind, nullable=nullable)


def _of_job(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_job_id")
    return sa.ForeignKeyConstraint(["job_id"], ["bulk_jobs.id"], name=name, ondelete="CASCADE")


def _index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))
