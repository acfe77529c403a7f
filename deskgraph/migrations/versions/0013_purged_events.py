"""How much of the event log was removed, because it was older than a setting allows."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Earlier servers remove no events, and do not look for the table.
COMPATIBLE_FROM = "0012"


def upgrade() -> None:
    op.create_table(
        "purged_events",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_purged_events"),
    )


def downgrade() -> None:
    op.drop_table("purged_events")
