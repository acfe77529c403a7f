"""When a user's tokens begin to be good, and the families of refresh tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")


def upgrade() -> None:
    """Add the columns; each token that there is begins a family of its own."""
    op.add_column("users", sa.Column("tokens_not_before", TIME, nullable=True))
    op.add_column("refresh_tokens", sa.Column("family_id", sa.String(64), nullable=True))
    op.add_column("refresh_tokens", sa.Column("used_at", TIME, nullable=True))
    op.add_column("refresh_tokens", sa.Column("successor", sa.String(64), nullable=True))
    op.execute("UPDATE refresh_tokens SET family_id = jti")
    op.create_index("ix_refresh_tokens_family_id", "refresh_tokens", ["family_id"])


def downgrade() -> None:
    op.drop_index("ix_refresh_tokens_family_id", "refresh_tokens")
    for name in ("successor", "used_at", "family_id"):
        op.drop_column("refresh_tokens", name)
    op.drop_column("users", "tokens_not_before")
