"""Texts and indexes for searches of comments, contacts and companies."""

# ruff: noqa: S608 - no value from outside is in these statements

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

from deskgraph.database.search_texts import Report, fill, insert_by_keys, report_of
from deskgraph.database.trigrams import create_extension, forget_stale_texts, require_fts5
from models import Comment, table_of

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

COLUMNS = (
    ("comments", "search_text"),
    ("contacts", "search_text"),
    ("companies", "search_text"),
    ("companies", "search_private"),
)
OF_COMPANY = "(SELECT search_name FROM companies WHERE id = {row}.company_id)"
# By what SQLite's index is of: its table, the columns that are searched, and the text in the index.
INDEXED = {
    "comment": ("comments", ("search_text",), "{row}.search_text"),
    "contact": (
        "contacts",
        ("search_text", "company_id"),
        "{row}.search_text || char(31) || " + OF_COMPANY,
    ),
    "company": (
        "companies",
        ("search_text", "search_private"),
        "{row}.search_text || char(31) || {row}.search_private",
    ),
}
OF_THE_COMPANY = (
    "FROM contacts AS t JOIN contact_search_keys AS k ON k.contact_id = t.id "
    "WHERE t.company_id = new.id;"
)
RENAMED = (
    "CREATE TRIGGER contact_search_company AFTER UPDATE OF search_name ON companies "
    "WHEN old.search_name <> new.search_name BEGIN "
    "INSERT INTO contact_search (contact_search, rowid, text) "
    f"SELECT 'delete', k.key, t.search_text || char(31) || old.search_name {OF_THE_COMPANY} "
    "INSERT INTO contact_search (rowid, text) "
    f"SELECT k.key, t.search_text || char(31) || new.search_name {OF_THE_COMPANY} END"
)


def upgrade() -> None:
    """Make the columns and the indexes; on PostgreSQL most of it is there by now."""
    connection, report = op.get_bind(), report_of(op.get_context())
    for table in ("companies", "contacts"):
        op.create_index(f"ix_{table}_created_at_id", table, ["created_at", "id"])
    if connection.dialect.name == "sqlite":
        require_fts5(connection)
        _add_column()
        fill(connection, table_of(Comment), ("search_text",), report)
        _index_on_sqlite(connection, report)
        return
    create_extension(connection)
    _add_column()
    # What servers have written since the column was filled.
    connection.exec_driver_sql("LOCK TABLE comments IN SHARE ROW EXCLUSIVE MODE")
    fill(connection, table_of(Comment), ("search_text",), report)
    forget_stale_texts(connection)
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
    for table in ("companies", "contacts"):
        op.drop_index(f"ix_{table}_created_at_id", table)
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER contact_search_company")
        for name in INDEXED:
            for change in ("insert", "update", "delete"):
                op.execute(f"DROP TRIGGER {name}_search_{change}")
            op.drop_table(f"{name}_search")
            op.drop_table(f"{name}_search_keys")
    else:
        for table, column in COLUMNS:
            op.drop_index(f"ix_{table}_{column}", table)
    op.drop_column("comments", "search_text")


def _add_column() -> None:
    connection = op.get_bind()
    there = {column["name"] for column in sa.inspect(connection).get_columns("comments")}
    if "search_text" not in there:
        column = sa.Column("search_text", sa.Text(), server_default=sa.text("''"), nullable=False)
        op.add_column("comments", column)


def _index_on_sqlite(connection: sa.Connection, report: Report) -> None:
    """Make the indexes of SQLite, and the triggers that keep them."""
    for name, (table, columns, text) in INDEXED.items():
        index, keys = f"{name}_search", f"{name}_search_keys"
        for statement in (
            f"CREATE TABLE {keys} (key INTEGER PRIMARY KEY, {name}_id VARCHAR(36) NOT NULL UNIQUE)",
            f"CREATE VIRTUAL TABLE {index} USING fts5"
            "(text, tokenize='trigram case_sensitive 1', content='', columnsize=0)",
            # In this order the index is made fastest, and what is searched most lies together.
            f"INSERT INTO {keys} ({name}_id) SELECT id FROM {table} ORDER BY created_at, id",
        ):
            connection.exec_driver_sql(statement)
        insert = (
            f"INSERT INTO {index} (rowid, text) SELECT k.key, {text.format(row='t')} "
            f"FROM {keys} AS k CROSS JOIN {table} AS t ON t.id = k.{name}_id"
        )
        insert_by_keys(connection, insert, keys, report)
        for trigger in _triggers(name, table, columns, text):
            connection.exec_driver_sql(trigger)
    connection.exec_driver_sql(RENAMED)


def _triggers(name: str, table: str, columns: tuple[str, ...], text: str) -> Iterator[str]:
    index, keys = f"{name}_search", f"{name}_search_keys"
    key = f"(SELECT key FROM {keys} WHERE {name}_id = {{row}}.id)"
    old, new = text.format(row="old"), text.format(row="new")
    remove = (
        f"INSERT INTO {index} ({index}, rowid, text) "
        f"VALUES ('delete', {key.format(row='old')}, {old});"
    )
    add = f"INSERT INTO {index} (rowid, text) VALUES ({key.format(row='new')}, {new});"
    changed = " OR ".join(f"old.{column} <> new.{column}" for column in columns)
    yield (
        f"CREATE TRIGGER {index}_insert AFTER INSERT ON {table} BEGIN "
        f"INSERT INTO {keys} ({name}_id) VALUES (new.id); {add} END"
    )
    yield (
        f"CREATE TRIGGER {index}_update AFTER UPDATE OF {', '.join(columns)} ON {table} "
        f"WHEN {changed} BEGIN {remove} {add} END"
    )
    yield (
        f"CREATE TRIGGER {index}_delete AFTER DELETE ON {table} BEGIN {remove} "
        f"DELETE FROM {keys} WHERE {name}_id = old.id; END"
    )
