"""How many tickets there are by their columns, kept by triggers; a list's ids by an index alone.

On SQLite, which has one writer, the triggers change the counts themselves. On PostgreSQL writers
would wait for each other's rows, so the triggers append what has changed, and every 100th row makes
its writer add all of it to the counts before it commits: unless another one is doing so, for which
nobody waits.
"""
# ruff: noqa: S608 - nothing in these texts comes from outside

import sqlalchemy as sa
from alembic import op

from models.types import SqlColumn, SqlType

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ID = sa.Uuid().with_variant(sa.String(36), "sqlite")
TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

ALL_ID = "'00000000-0000-0000-0000-000000000000'"
OPEN = "NOT (status IN ('resolved', 'closed'))"
COLUMNS = "status, priority, category, assigned_team, is_assigned"
# What a change has besides the day that an open ticket is due.
CHANGED = "company_id, contact_id, assigned_to_id, status, priority, category, assigned_team"
# Each scope with the column of its id. Some tell the status only, to be read for many rows at once.
SCOPES = {"all": ALL_ID, "company": "company_id", "assignee": "assigned_to_id"}
STATUS_SCOPES = {
    "all_status": ALL_ID,
    "company_status": "company_id",
    "contact_status": "contact_id",
}
# What an index has of open tickets, so that it tells how many of them are overdue.
OPEN_COLUMNS = "due_date, company_id, assigned_team, assigned_to_id, status, priority, category"


def upgrade() -> None:
    """Make the tables, from now on keep them, and count what there is.

    PostgreSQL lets nobody else change tickets between the triggers and the commit.
    """
    _tables()
    op.create_index(
        "ix_tickets_open_due_date",
        "tickets",
        OPEN_COLUMNS.split(", "),
        postgresql_where=sa.text(OPEN),
        sqlite_where=sa.text(OPEN),
    )
    if op.get_bind().dialect.name == "sqlite":
        _sqlite_triggers()
    else:
        _postgres_triggers()
    _count()


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in ("insert", "delete", "update"):
            op.execute(f"DROP TRIGGER tickets_{name}_counted")
    else:
        for name in ("insert", "delete", "update", "truncate"):
            op.execute(f"DROP FUNCTION count_ticket_{name}() CASCADE")
        op.execute("DROP FUNCTION fold_ticket_counts() CASCADE")
    op.drop_index("ix_tickets_open_due_date", "tickets")
    for name in ("ticket_count_changes", "ticket_due_counts", "ticket_counts"):
        op.drop_table(name)


def _scope() -> tuple[SqlColumn, ...]:
    return _column("scope", sa.String(20)), _column("scope_id", ID)


def _choices() -> tuple[SqlColumn, ...]:
    return _text("status", 20), _text("priority", 10), _text("category", 20)


def _text(name: str, length: int) -> SqlColumn:
    return _column(name, sa.String(length))


def _column(name: str, type_: SqlType, *, nullable: bool = False) -> SqlColumn:
    return sa.Column(name, type_, nullable=nullable)


def _tables() -> None:
    op.create_table(
        "ticket_counts",
        *_scope(),
        *_choices(),
        _column("assigned_team", sa.String(20)),
        _column("is_assigned", sa.Boolean()),
        _column("amount", sa.BigInteger()),
        sa.PrimaryKeyConstraint("scope", "scope_id", *COLUMNS.split(", "), name="pk_ticket_counts"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ticket_due_counts",
        *_scope(),
        _column("assigned_team", sa.String(20)),
        _column("due_day", TIME),
        _column("amount", sa.BigInteger()),
        sa.PrimaryKeyConstraint(
            "scope", "scope_id", "assigned_team", "due_day", name="pk_ticket_due_counts"
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ticket_count_changes",
        _column("id", NUMBER),
        _column("company_id", ID),
        _column("contact_id", ID, nullable=True),
        _column("assigned_to_id", ID, nullable=True),
        *_choices(),
        _column("assigned_team", sa.String(20), nullable=True),
        _column("due_day", TIME, nullable=True),
        _column("amount", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_ticket_count_changes"),
    )


def _count() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    day = DAY.format(row="tickets") if sqlite else "date_trunc('day', due_date, 'UTC')"
    for values in _values("tickets", typed=not sqlite):
        op.execute(
            f"INSERT INTO ticket_counts (scope, scope_id, {COLUMNS}, amount) "
            f"SELECT {values}, count(*) FROM tickets WHERE {values.split(', ')[1]} IS NOT NULL "
            "GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7"
        )
    for values in _due_values("tickets", typed=not sqlite):
        op.execute(
            "INSERT INTO ticket_due_counts (scope, scope_id, assigned_team, due_day, amount) "
            f"SELECT {values}, {day}, count(*) FROM tickets "
            f"WHERE {values.split(', ')[1]} IS NOT NULL AND due_date IS NOT NULL AND {OPEN} "
            "GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"
        )


def _values(row: str, *, typed: bool) -> list[str]:
    """Return what each scope counts a row under: the scope, its id and ``COLUMNS``."""
    all_ = f"{row}.status, {row}.priority, {row}.category, coalesce({row}.assigned_team, ''), "
    all_ += f"{row}.assigned_to_id IS NOT NULL"
    status = f"{row}.status, '', '', '', false"
    found = [f"'{scope}', {_id(row, by, typed)}, {all_}" for scope, by in SCOPES.items()]
    found += [f"'{scope}', {_id(row, by, typed)}, {status}" for scope, by in STATUS_SCOPES.items()]
    return found


def _due_values(row: str, *, typed: bool) -> list[str]:
    """Return what each scope counts an open ticket under besides its day."""
    team = f"coalesce({row}.assigned_team, '')"
    return [f"'{scope}', {_id(row, by, typed)}, {team}" for scope, by in SCOPES.items()]


def _id(row: str, column: str, typed: bool) -> str:
    if column != ALL_ID:
        return f"{row}.{column}"
    return f"{ALL_ID}::uuid" if typed else ALL_ID


def _rows(values: list[str]) -> str:
    return f"VALUES ({'), ('.join(values)})"


def _sqlite_triggers() -> None:
    counted = (*CHANGED.split(", "), "due_date")
    changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in counted)
    more, less = _sqlite_more("NEW"), _sqlite_less("OLD")
    for name, when, work in (
        ("insert", "INSERT ON tickets", more),
        ("delete", "DELETE ON tickets", less),
        ("update", f"UPDATE OF {', '.join(counted)} ON tickets WHEN {changed}", less + more),
    ):
        op.execute(f"CREATE TRIGGER tickets_{name}_counted AFTER {when} BEGIN {work} END")


DUE = "{row}.due_date IS NOT NULL AND NOT ({row}.status IN ('resolved', 'closed'))"
DAY = "substr({row}.due_date, 1, 10) || 'T00:00:00.000000Z'"


def _sqlite_more(row: str) -> str:
    return f"""
    INSERT INTO ticket_counts (scope, scope_id, {COLUMNS}, amount)
    SELECT *, 1 FROM ({_rows(_values(row, typed=False))}) WHERE column2 IS NOT NULL
    ON CONFLICT (scope, scope_id, {COLUMNS}) DO UPDATE SET amount = amount + 1;
    INSERT INTO ticket_due_counts (scope, scope_id, assigned_team, due_day, amount)
    SELECT *, {DAY.format(row=row)}, 1 FROM ({_rows(_due_values(row, typed=False))})
    WHERE column2 IS NOT NULL AND {DUE.format(row=row)}
    ON CONFLICT (scope, scope_id, assigned_team, due_day) DO UPDATE SET amount = amount + 1;"""


def _sqlite_less(row: str) -> str:
    due = f"due_day = {DAY.format(row=row)} AND {DUE.format(row=row)}"
    found = [
        ("ticket_counts", f"(scope, scope_id, {COLUMNS}) = ({values})")
        for values in _values(row, typed=False)
    ] + [
        ("ticket_due_counts", f"(scope, scope_id, assigned_team) = ({values}) AND {due}")
        for values in _due_values(row, typed=False)
    ]
    # A list of all keys would not be looked up by the index.
    return "".join(
        f"UPDATE {table} SET amount = amount - 1 WHERE {key}; "
        f"DELETE FROM {table} WHERE {key} AND amount = 0; "
        for table, key in found
    )


def _postgres_triggers() -> None:
    # Names are looked up where they are now, whatever the search path of a writer.
    schema = op.get_bind().scalar(sa.text("SELECT quote_ident(current_schema())"))
    settings = f"LANGUAGE plpgsql SET search_path = {schema}, pg_temp"
    # Changes are few when vacuum comes often: a reader adds up all of them.
    op.execute(
        "ALTER TABLE ticket_count_changes SET (autovacuum_vacuum_scale_factor = 0, "
        "autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_insert_threshold = -1, "
        "autovacuum_vacuum_cost_delay = 0)"
    )
    for name in ("ticket_counts", "ticket_due_counts"):
        op.execute(
            f"ALTER TABLE {name} SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05)"
        )
    counted = (*CHANGED.split(", "), "due_date")
    old, new = (", ".join(f"{row}.{name}" for name in counted) for row in ("OLD", "NEW"))
    for change, (body, when) in {
        "insert": (APPEND.format(amount=1), "REFERENCING NEW TABLE AS changed FOR EACH STATEMENT"),
        "delete": (APPEND.format(amount=-1), "REFERENCING OLD TABLE AS changed FOR EACH STATEMENT"),
        "update": (MOVE, f"FOR EACH ROW WHEN (({old}) IS DISTINCT FROM ({new}))"),
        "truncate": (TRUNCATE, "FOR EACH STATEMENT"),
    }.items():
        columns = f" OF {', '.join(counted)}" if change == "update" else ""
        op.execute(
            f"CREATE FUNCTION count_ticket_{change}() RETURNS trigger {settings} AS $${body}$$"
        )
        op.execute(
            f"CREATE TRIGGER tickets_{change}_counted AFTER {change}{columns} ON tickets {when} "
            f"EXECUTE FUNCTION count_ticket_{change}()"
        )
    op.execute(f"CREATE FUNCTION fold_ticket_counts() RETURNS trigger {settings} AS $${FOLD}$$")
    op.execute(
        "CREATE CONSTRAINT TRIGGER ticket_count_changes_folded AFTER INSERT "
        "ON ticket_count_changes DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
        "WHEN (NEW.id % 100 = 0) EXECUTE FUNCTION fold_ticket_counts()"
    )


def _postgres_row(row: str) -> str:
    """Return the values of a change of a row, without how many."""
    names = ", ".join(f"{row}.{name}" for name in CHANGED.split(", "))
    is_open = OPEN.replace("status", f"{row}.status")
    return f"{names}, CASE WHEN {is_open} THEN date_trunc('day', {row}.due_date, 'UTC') END"


APPEND = f"""
BEGIN
  INSERT INTO ticket_count_changes ({CHANGED}, due_day, amount)
  SELECT {_postgres_row("changed")}, {{amount}} * count(*) FROM changed
  GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
  RETURN NULL;
END
"""
MOVE = f"""
BEGIN
  INSERT INTO ticket_count_changes ({CHANGED}, due_day, amount)
  VALUES ({_postgres_row("OLD")}, -1), ({_postgres_row("NEW")}, 1);
  RETURN NULL;
END
"""
TRUNCATE = """
BEGIN
  SET CONSTRAINTS ticket_count_changes_folded IMMEDIATE;
  SET CONSTRAINTS ticket_count_changes_folded DEFERRED;
  TRUNCATE ticket_counts, ticket_due_counts, ticket_count_changes;
  RETURN NULL;
END
"""
# Adds the changes whose ids it gathers in ``folded`` to the counts.
ADD_UP = f"""
  SELECT array_agg(id) INTO folded FROM ticket_count_changes;
  MERGE INTO ticket_counts AS counts USING (
    SELECT counted.*, sum(changes.amount) AS amount
    FROM ticket_count_changes AS changes
    CROSS JOIN LATERAL ({_rows(_values("changes", typed=True))})
      AS counted (scope, scope_id, {COLUMNS})
    WHERE changes.id = ANY (folded) AND counted.scope_id IS NOT NULL
    GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING sum(changes.amount) <> 0
  ) AS changed
  ON (counts.scope, counts.scope_id, counts.status, counts.priority, counts.category,
      counts.assigned_team, counts.is_assigned)
    = (changed.scope, changed.scope_id, changed.status, changed.priority, changed.category,
      changed.assigned_team, changed.is_assigned)
  WHEN MATCHED AND counts.amount + changed.amount = 0 THEN DELETE
  WHEN MATCHED THEN UPDATE SET amount = counts.amount + changed.amount
  WHEN NOT MATCHED THEN INSERT VALUES (changed.scope, changed.scope_id, changed.status,
    changed.priority, changed.category, changed.assigned_team, changed.is_assigned, changed.amount);
  MERGE INTO ticket_due_counts AS counts USING (
    SELECT counted.*, changes.due_day, sum(changes.amount) AS amount
    FROM ticket_count_changes AS changes
    CROSS JOIN LATERAL ({_rows(_due_values("changes", typed=True))})
      AS counted (scope, scope_id, assigned_team)
    WHERE changes.id = ANY (folded) AND counted.scope_id IS NOT NULL AND due_day IS NOT NULL
    GROUP BY 1, 2, 3, 4 HAVING sum(changes.amount) <> 0
  ) AS changed
  ON (counts.scope, counts.scope_id, counts.assigned_team, counts.due_day)
    = (changed.scope, changed.scope_id, changed.assigned_team, changed.due_day)
  WHEN MATCHED AND counts.amount + changed.amount = 0 THEN DELETE
  WHEN MATCHED THEN UPDATE SET amount = counts.amount + changed.amount
  WHEN NOT MATCHED THEN INSERT VALUES (changed.scope, changed.scope_id, changed.assigned_team,
    changed.due_day, changed.amount);
  DELETE FROM ticket_count_changes WHERE id = ANY (folded);
"""
# It locks rows of the counts, which nobody else does without the lock, and waits for nobody. In the
# other isolation levels it would not see what the last one to have the lock has folded.
FOLD = f"""
DECLARE
  folded bigint[];
BEGIN
  IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable')
    OR NOT pg_try_advisory_xact_lock({0x666F6C64})
    -- Folded by the row before it, where a transaction has many.
    OR NOT EXISTS (SELECT FROM ticket_count_changes WHERE id = NEW.id)
  THEN
    RETURN NULL;
  END IF;
  {ADD_UP.strip()}
  RETURN NULL;
END
"""
