"""The files of imports, and the rows of them that were refused."""

import sqlalchemy as sa
from alembic import op

from models.types import SqlColumn, SqlType

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# Earlier servers do not look for the tables.
COMPATIBLE_FROM = "0012"

ID = sa.Uuid().with_variant(sa.String(36), "sqlite")
TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    op.create_table(
        "import_files",
        _column("job_id", ID),
        _column("key", sa.String(300)),
        _column("name", sa.String(200)),
        _column("size", sa.BigInteger()),
        _column("content_type", sa.String(100)),
        _column("sha256", sa.String(64)),
        _column("created_at", TIME),
        sa.PrimaryKeyConstraint("job_id", name="pk_import_files"),
        sa.UniqueConstraint("key", name=op.f("uq_import_files_key")),
        _of_job("import_files"),
    )
    op.create_table(
        "import_rejects",
        _column("job_id", ID),
        _column("position", sa.Integer()),
        _column("content", sa.String()),
        sa.PrimaryKeyConstraint("job_id", "position", name="pk_import_rejects"),
        _of_job("import_rejects"),
    )


def downgrade() -> None:
    for name in ("import_rejects", "import_files"):
        op.drop_table(name)


def _column(name: str, kind: SqlType) -> SqlColumn:
    return sa.Column(name, kind, nullable=False)


def _of_job(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_job_id")
    return sa.ForeignKeyConstraint(["job_id"], ["bulk_jobs.id"], name=name, ondelete="CASCADE")
