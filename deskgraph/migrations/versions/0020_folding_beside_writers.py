"""Changes of counts are added up beside the writers, and by them where there are too many.

Servers call the new function after their commits. The trigger, which was called for every 100th
change, is for what is written without a server.
"""
# ruff: noqa: S608 - nothing in these texts comes from outside

from importlib import import_module

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

# Earlier servers do not call the function, and the trigger does its work.
COMPATIBLE_FROM = "0012"

before = import_module("deskgraph.migrations.versions.0010_ticket_counts")
# So many changes a writer adds up at its commit. A reader of counts takes a third of a millisecond
# for them.
MOST = 2000
# In the other isolation levels it would not see what the last one to have the lock has added up.
FOLD = f"""
DECLARE
  folded bigint[];
BEGIN
  IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable')
    OR (SELECT count(*) FROM (SELECT FROM ticket_count_changes LIMIT fewest) AS found) < fewest
    OR NOT pg_try_advisory_xact_lock({0x666F6C64})
  THEN
    RETURN;
  END IF;
  {before.ADD_UP.strip()}
END
"""
TRIGGER = f"""
BEGIN
  -- Where a transaction has many, the row before it may have been enough.
  IF EXISTS (SELECT FROM ticket_count_changes WHERE id = NEW.id) THEN
    PERFORM fold_ticket_count_changes({MOST});
  END IF;
  RETURN NULL;
END
"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    settings = _settings()
    op.execute(
        "CREATE FUNCTION fold_ticket_count_changes(fewest integer) RETURNS void "
        f"{settings} AS $${FOLD}$$"
    )
    _replace_trigger_function(TRIGGER)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    _replace_trigger_function(before.FOLD)
    op.execute("DROP FUNCTION fold_ticket_count_changes(integer)")


def _replace_trigger_function(body: str) -> None:
    op.execute(
        "CREATE OR REPLACE FUNCTION fold_ticket_counts() RETURNS trigger "
        f"{_settings()} AS $${body}$$"
    )


def _settings() -> str:
    # Names are looked up where they are now, whatever the search path of a writer.
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    return f"LANGUAGE plpgsql SET search_path = {schema}, pg_temp"
