"""A table of what was imported from another desk."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "imported_rows",
        sa.Column("id", sa.Uuid().with_variant(sa.String(36), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", "kind", name="pk_imported_rows"),
    )


def downgrade() -> None:
    op.drop_table("imported_rows")
