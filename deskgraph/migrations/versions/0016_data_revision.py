"""A mark that changes with what answers show besides the event log, kept by triggers.

On PostgreSQL they are deferred: a transaction takes the lock of the mark's row after all others,
at its commit, so that no two wait for each other. Its first change renews the mark, further ones
find that done.
"""
# ruff: noqa: S608 - nothing in these texts comes from outside

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# Triggers know the changes of earlier servers, too.
COMPATIBLE_FROM = "0012"

# Not ``password``, ``last_login`` and ``tokens_not_before``: no answer has them, and a login writes
# them.
USER_COLUMNS = (
    "id, username, first_name, last_name, email, role, phone, department, company_id, is_active, "
    "date_joined, search_text, search_private"
)
# Each change that counts, with its condition. A ticket that moves takes its events along.
MOVES = "OLD.company_id <> NEW.company_id"
CHANGES = [
    *((f"{table}_{event}", f"{event} ON {table}", None)
      for table in ("users", "companies", "contacts") for event in ("INSERT", "DELETE")),
    ("users_UPDATE", f"UPDATE OF {USER_COLUMNS} ON users", None),
    *((f"{table}_UPDATE", f"UPDATE ON {table}", None) for table in ("companies", "contacts")),
    ("ticket_events_UPDATE", "UPDATE OF company_id ON ticket_events", MOVES),
    ("ticket_events_DELETE", "DELETE ON ticket_events", None),
]  # fmt: skip
TABLES = ("users", "companies", "contacts", "ticket_events")


def upgrade() -> None:
    op.create_table(
        "data_revision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(80), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_data_revision"),
    )
    if op.get_bind().dialect.name == "sqlite":
        _sqlite_triggers()
    else:
        _postgres_triggers()


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name, _, _ in CHANGES:
            op.execute(f"DROP TRIGGER {name.lower()}_revised")
    else:
        op.execute("DROP FUNCTION renew_data_revision() CASCADE")
    op.drop_table("data_revision")


def _sqlite_triggers() -> None:
    for name, change, condition in CHANGES:
        when = f"WHEN {condition}" if condition else ""
        op.execute(
            f"CREATE TRIGGER {name.lower()}_revised AFTER {change} {when} BEGIN "
            "INSERT INTO data_revision (id, token) VALUES (1, lower(hex(randomblob(16)))) "
            "ON CONFLICT (id) DO UPDATE SET token = excluded.token; END"
        )


def _postgres_triggers() -> None:
    # Names are looked up where they are now, whatever the search path of a writer.
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    settings = f"LANGUAGE plpgsql SET search_path = {schema}, pg_temp"
    op.execute(f"CREATE FUNCTION renew_data_revision() RETURNS trigger {settings} AS $${RENEW}$$")
    for name, change, condition in CHANGES:
        when = f"WHEN ({condition})" if condition else ""
        op.execute(
            f"CREATE CONSTRAINT TRIGGER {name.lower()}_revised AFTER {change} "
            f"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW {when} "
            "EXECUTE FUNCTION renew_data_revision()"
        )
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_truncate_revised AFTER TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION renew_data_revision()"
        )


RENEW = """
DECLARE
  writer text := pg_current_xact_id()::text;
BEGIN
  INSERT INTO data_revision AS mark (id, token) VALUES (1, writer || '.' || gen_random_uuid())
  ON CONFLICT (id) DO UPDATE SET token = excluded.token
    WHERE split_part(mark.token, '.', 1) <> writer;
  RETURN NULL;
END
"""
