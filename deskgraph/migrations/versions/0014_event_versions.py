"""Which version of its ticket or its comment an event made."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# Earlier servers do not name the column: their events have no version.
COMPATIBLE_FROM = "0012"


def upgrade() -> None:
    op.add_column("ticket_events", sa.Column("version", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("ticket_events", "version")
