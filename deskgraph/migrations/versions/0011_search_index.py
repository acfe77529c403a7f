"""Indexes of trigrams for the searches of tickets."""

# ruff: noqa: S608 - no value from outside is in these statements

from alembic import op

from deskgraph.database.search_texts import insert_by_keys, report_of
from deskgraph.database.trigrams import create_extension, require_fts5

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

COLUMNS = (("tickets", "search_text"), ("companies", "search_name"))
REMOVE = (
    "INSERT INTO ticket_search (ticket_search, rowid, text) VALUES ('delete', "
    "(SELECT key FROM ticket_search_keys WHERE ticket_id = old.id), "
    "old.search_text || char(31) || "
    "(SELECT search_name FROM companies WHERE id = old.company_id));"
)
ADD = (
    "INSERT INTO ticket_search (rowid, text) VALUES "
    "((SELECT key FROM ticket_search_keys WHERE ticket_id = new.id), "
    "new.search_text || char(31) || "
    "(SELECT search_name FROM companies WHERE id = new.company_id));"
)
OF_THE_COMPANY = (
    "FROM tickets AS t JOIN ticket_search_keys AS k ON k.ticket_id = t.id "
    "WHERE t.company_id = new.id;"
)
SQLITE = (
    "CREATE TABLE ticket_search_keys "
    "(key INTEGER PRIMARY KEY, ticket_id VARCHAR(36) NOT NULL UNIQUE)",
    "CREATE VIRTUAL TABLE ticket_search USING fts5"
    "(text, tokenize='trigram case_sensitive 1', content='', columnsize=0)",
    # In this order the index is made fastest, and what is searched most lies together.
    "INSERT INTO ticket_search_keys (ticket_id) SELECT id FROM tickets ORDER BY created_at, id",
)
INSERT = (
    "INSERT INTO ticket_search (rowid, text) "
    "SELECT k.key, t.search_text || char(31) || c.search_name FROM ticket_search_keys AS k "
    "CROSS JOIN tickets AS t ON t.id = k.ticket_id "
    "CROSS JOIN companies AS c ON c.id = t.company_id"
)
TRIGGERS = (
    "CREATE TRIGGER ticket_search_insert AFTER INSERT ON tickets BEGIN "
    f"INSERT INTO ticket_search_keys (ticket_id) VALUES (new.id); {ADD} END",
    "CREATE TRIGGER ticket_search_update AFTER UPDATE OF search_text, company_id ON tickets "
    "WHEN old.search_text <> new.search_text OR old.company_id <> new.company_id "
    f"BEGIN {REMOVE} {ADD} END",
    f"CREATE TRIGGER ticket_search_delete AFTER DELETE ON tickets BEGIN {REMOVE} "
    "DELETE FROM ticket_search_keys WHERE ticket_id = old.id; END",
    "CREATE TRIGGER ticket_search_company AFTER UPDATE OF search_name ON companies "
    "WHEN old.search_name <> new.search_name BEGIN "
    "INSERT INTO ticket_search (ticket_search, rowid, text) "
    f"SELECT 'delete', k.key, t.search_text || char(31) || old.search_name {OF_THE_COMPANY} "
    "INSERT INTO ticket_search (rowid, text) "
    f"SELECT k.key, t.search_text || char(31) || new.search_name {OF_THE_COMPANY} END",
)


def upgrade() -> None:
    """Make the indexes; on PostgreSQL those of a database in use are there by now."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        require_fts5(connection)
        for statement in SQLITE:
            connection.exec_driver_sql(statement)
        insert_by_keys(connection, INSERT, "ticket_search_keys", report_of(op.get_context()))
        for statement in TRIGGERS:
            connection.exec_driver_sql(statement)
        return
    create_extension(connection)
    for table, column in COLUMNS:
        op.create_index(
            f"ix_{table}_{column}",
            table,
            [column],
            postgresql_using="gin",
            postgresql_ops={column: "gin_trgm_ops"},
            postgresql_with={"fastupdate": "off"},
            if_not_exists=True,
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in ("insert", "update", "delete", "company"):
            op.execute(f"DROP TRIGGER ticket_search_{name}")
        op.drop_table("ticket_search")
        op.drop_table("ticket_search_keys")
        return
    for table, column in COLUMNS:
        op.drop_index(f"ix_{table}_{column}", table)
