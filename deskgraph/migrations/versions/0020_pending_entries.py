"""The indexes of trigrams on PostgreSQL gather the entries of some rows before they move them."""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

# Servers do not know how indexes are kept.
COMPATIBLE_FROM = "0012"

INDEXES = (
    "ix_companies_search_name",
    "ix_tickets_search_text",
    "ix_companies_search_text",
    "ix_companies_search_private",
    "ix_contacts_search_text",
    "ix_comments_search_text",
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for name in INDEXES:
            op.execute(f"ALTER INDEX {name} RESET (fastupdate)")
            op.execute(f"ALTER INDEX {name} SET (gin_pending_list_limit = 1024)")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for name in INDEXES:
            op.execute(f"ALTER INDEX {name} RESET (gin_pending_list_limit)")
            op.execute(f"ALTER INDEX {name} SET (fastupdate = off)")
            # What was gathered stays in its list otherwise.
            op.execute(f"SELECT gin_clean_pending_list('{name}')")
