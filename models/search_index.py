"""The index of what a search of tickets finds, which the database keeps with every write.

A ticket is found by its ``search_text`` and by the ``search_name`` of its company, which SQLite has
as one text in an index of trigrams (FTS5), and PostgreSQL in indexes of both columns (pg_trgm).
"""

# ruff: noqa: S608 - no value from outside is in these statements

from sqlalchemy import Connection, Index, MetaData, Table, event
from sqlmodel import SQLModel

POSTGRES_EXTENSION = "CREATE EXTENSION IF NOT EXISTS pg_trgm"

# The keys of FTS5 are integers, and SQLite may renumber those that no column names.
SQLITE_INDEX = (
    "CREATE TABLE ticket_search_keys "
    "(key INTEGER PRIMARY KEY, ticket_id VARCHAR(36) NOT NULL UNIQUE)",
    "CREATE VIRTUAL TABLE ticket_search USING fts5"
    "(text, tokenize='trigram case_sensitive 1', content='', columnsize=0)",
)
_NAME = "(SELECT search_name FROM companies WHERE id = {row}.company_id)"
_TEXT = f"{{row}}.search_text || char(31) || {_NAME}"
_KEY = "(SELECT key FROM ticket_search_keys WHERE ticket_id = {row}.id)"
# An index without the texts has to be told what it had.
_REMOVE = (
    "INSERT INTO ticket_search (ticket_search, rowid, text) VALUES ('delete', "
    f"{_KEY.format(row='old')}, {_TEXT.format(row='old')});"
)
_ADD = (
    "INSERT INTO ticket_search (rowid, text) VALUES "
    f"({_KEY.format(row='new')}, {_TEXT.format(row='new')});"
)
_OF_THE_COMPANY = (
    "FROM tickets AS t JOIN ticket_search_keys AS k ON k.ticket_id = t.id "
    "WHERE t.company_id = new.id;"
)
SQLITE_TRIGGERS = (
    "CREATE TRIGGER ticket_search_insert AFTER INSERT ON tickets BEGIN "
    f"INSERT INTO ticket_search_keys (ticket_id) VALUES (new.id); {_ADD} END",
    "CREATE TRIGGER ticket_search_update AFTER UPDATE OF search_text, company_id ON tickets "
    "WHEN old.search_text <> new.search_text OR old.company_id <> new.company_id "
    f"BEGIN {_REMOVE} {_ADD} END",
    f"CREATE TRIGGER ticket_search_delete AFTER DELETE ON tickets BEGIN {_REMOVE} "
    "DELETE FROM ticket_search_keys WHERE ticket_id = old.id; END",
    "CREATE TRIGGER ticket_search_company AFTER UPDATE OF search_name ON companies "
    "WHEN old.search_name <> new.search_name BEGIN "
    "INSERT INTO ticket_search (ticket_search, rowid, text) "
    f"SELECT 'delete', k.key, t.search_text || char(31) || old.search_name {_OF_THE_COMPANY} "
    "INSERT INTO ticket_search (rowid, text) "
    f"SELECT k.key, t.search_text || char(31) || new.search_name {_OF_THE_COMPANY} END",
)


def trigram_index(column: str) -> Index:
    """Declare PostgreSQL's index for LIKE on a column.

    Every write updates it at once: a list of pending entries would make searches slower and, when
    it is full, one writer wait for the entries of all.
    """
    index = Index(
        None,
        column,
        postgresql_using="gin",
        postgresql_ops={column: "gin_trgm_ops"},
        postgresql_with={"fastupdate": "off"},
    )
    return index.ddl_if(dialect="postgresql")


def index_searches(tickets: Table) -> None:
    """Have the index made with the table, by ``create_all``."""
    # The metadata's own event: companies are made before tickets, and have such an index, too.
    _listen(SQLModel.metadata, "before_create", "postgresql", POSTGRES_EXTENSION)
    for statement in (*SQLITE_INDEX, *SQLITE_TRIGGERS):
        _listen(tickets, "after_create", "sqlite", statement)


def _listen(target: MetaData | Table, moment: str, dialect: str, statement: str) -> None:
    def run(_target: object, connection: Connection, **_: object) -> None:
        if connection.dialect.name == dialect:
            connection.exec_driver_sql(statement)

    event.listen(target, moment, run)
