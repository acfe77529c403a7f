"""The first tables: people, tickets and what belongs to them, the event log.

Written out on its own: the models change, what this revision once did must not.
"""

import sqlalchemy as sa
from alembic import op

from models.types import SqlColumn, SqlType

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite stores the very texts that JSON shows, see models/types.py.
ID = sa.Uuid().with_variant(sa.String(36), "sqlite")
TIME = sa.DateTime(timezone=True).with_variant(sa.String(27), "sqlite")

STATUSES = ("new", "assigned", "in_progress", "pending", "resolved", "closed")
PRIORITIES = ("low", "medium", "high", "urgent")
CATEGORIES = ("technical", "billing", "zone_config", "account", "feature_request", "general")
TEAMS = ("Sales", "Tech", "Finance", "Music", "Admin")
ROLES = (*TEAMS, "Customer")
EVENT_TYPES = (
    "created",
    "updated",
    "status_changed",
    "assigned",
    "comment_added",
    "comment_edited",
    "comment_deleted",
    "attachment_added",
    "attachment_deleted",
    "deleted",
)


def upgrade() -> None:
    """Create everything, what is referred to before what refers to it."""
    _companies()
    _contacts()
    _users()
    _refresh_tokens()
    _tickets()
    _comments()
    _attachments()
    _day_counters()
    _ticket_events()


def _companies() -> None:
    _table(
        "companies",
        _column("id", ID),
        _text("name", 255),
        _text("legal_entity_name", 255),
        _text("country", 100),
        _text("city", 100),
        _text("website", 200),
        _text("industry", 50),
        _text("billing_entity", 50),
        _column("is_active", sa.Boolean()),
        _text("notes"),
        _column("created_at", TIME),
        _column("updated_at", TIME),
        indexes=["name id"],
    )


def _contacts() -> None:
    _table(
        "contacts",
        _column("id", ID),
        _column("company_id", ID),
        _text("name", 100),
        _text("email", 254),
        _text("phone", 20),
        _text("title", 100),
        _text("department", 100),
        _text("contact_type", 20),
        _column("is_primary", sa.Boolean()),
        _column("is_active", sa.Boolean()),
        _text("linkedin_url", 200),
        _text("notes"),
        _column("last_contacted", TIME, nullable=True),
        _column("created_at", TIME),
        _column("updated_at", TIME),
        _refers("contacts", "company_id", "companies"),
        indexes=["name id", "company_id name"],
    )


def _users() -> None:
    _table(
        "users",
        _column("id", ID),
        _text("username", 150),
        _text("password", 255),
        _text("first_name", 150),
        _text("last_name", 150),
        _text("email", 254),
        _text("role", 20),
        _text("phone", 20),
        _text("department", 50),
        _column("company_id", ID, nullable=True),
        _column("is_active", sa.Boolean()),
        _column("date_joined", TIME),
        _column("last_login", TIME, nullable=True),
        _one_of("users", "role", ROLES),
        sa.CheckConstraint(
            "(role = 'Customer') = (company_id IS NOT NULL)", name=op.f("ck_users_customer_company")
        ),
        _unique("users", "username"),
        _refers("users", "company_id", "companies"),
        indexes=["date_joined id", "company_id"],
    )


def _refresh_tokens() -> None:
    _table(
        "refresh_tokens",
        _text("jti", 64),
        _column("user_id", ID),
        _column("issued_at", TIME),
        _column("expires_at", TIME),
        _column("revoked_at", TIME, nullable=True),
        _refers("refresh_tokens", "user_id", "users", ondelete="CASCADE"),
        indexes=["user_id", "expires_at"],
    )


def _tickets() -> None:
    due_rank = sa.Computed("coalesce(due_date, '9999-12-31T23:59:59.999999Z')", persisted=True)
    _table(
        "tickets",
        _column("id", ID),
        _text("ticket_number", 50),
        _text("subject", 200),
        _text("description"),
        _text("status", 20),
        _text("priority", 10),
        _text("category", 20),
        _column("company_id", ID),
        _column("contact_id", ID, nullable=True),
        _column("assigned_to_id", ID, nullable=True),
        _column("assigned_team", sa.String(20), nullable=True),
        _column("created_by_id", ID, nullable=True),
        _column("first_response_at", TIME, nullable=True),
        _column("resolved_at", TIME, nullable=True),
        _column("closed_at", TIME, nullable=True),
        _column("due_date", TIME, nullable=True),
        _text("tags", 500),
        _column("version", sa.Integer()),
        _column("created_at", TIME),
        _column("updated_at", TIME),
        _rank("status", STATUSES),
        _rank("priority", PRIORITIES),
        sa.Column("due_rank", TIME, due_rank, nullable=False),
        _one_of("tickets", "status", STATUSES),
        _one_of("tickets", "priority", PRIORITIES),
        _one_of("tickets", "category", CATEGORIES),
        _one_of("tickets", "assigned_team", TEAMS),
        _unique("tickets", "ticket_number"),
        _refers("tickets", "company_id", "companies"),
        _refers("tickets", "contact_id", "contacts"),
        _refers("tickets", "assigned_to_id", "users"),
        _refers("tickets", "created_by_id", "users"),
        indexes=[
            "created_at id",
            "updated_at id",
            "due_rank id",
            "priority_rank id",
            "status_rank id",
            "status created_at id",
            "priority created_at id",
            "category created_at id",
            "company_id created_at id",
            "contact_id created_at id",
            "assigned_to_id created_at id",
            "assigned_team created_at id",
            "created_by_id created_at id",
            "resolved_at",
        ],
    )


def _comments() -> None:
    _table(
        "comments",
        _column("id", ID),
        _column("ticket_id", ID),
        _column("author_id", ID, nullable=True),
        _text("text"),
        _column("is_internal", sa.Boolean()),
        _column("version", sa.Integer()),
        _column("created_at", TIME),
        _column("updated_at", TIME),
        _refers("comments", "ticket_id", "tickets", ondelete="CASCADE"),
        _refers("comments", "author_id", "users"),
        indexes=["ticket_id created_at id is_internal", "author_id", "created_at id"],
    )


def _attachments() -> None:
    _table(
        "attachments",
        _column("id", ID),
        _column("ticket_id", ID),
        _text("key", 300),
        _text("name", 200),
        _column("size", sa.BigInteger()),
        _text("content_type", 100),
        _text("sha256", 64),
        _column("uploaded_by_id", ID, nullable=True),
        _column("created_at", TIME),
        _column("updated_at", TIME),
        _refers("attachments", "ticket_id", "tickets", ondelete="CASCADE"),
        _unique("attachments", "key"),
        _refers("attachments", "uploaded_by_id", "users"),
        indexes=["ticket_id created_at id", "uploaded_by_id", "created_at id"],
    )


def _day_counters() -> None:
    _table("day_counters", _text("day", 8), _column("value", sa.Integer()), indexes=[])


def _ticket_events() -> None:
    seq = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    _table(
        "ticket_events",
        sa.Column("seq", seq, autoincrement=True, nullable=False),
        _column("id", ID),
        _text("type", 20),
        _column("ticket_id", ID),
        _column("company_id", ID),
        _text("ticket_number", 50),
        _column("comment_id", ID, nullable=True),
        _column("attachment_id", ID, nullable=True),
        _column("actor_id", ID, nullable=True),
        _text("via", 20),
        _column("is_internal", sa.Boolean()),
        _column("changes", sa.JSON()),
        _column("at", TIME),
        _one_of("ticket_events", "type", EVENT_TYPES),
        _unique("ticket_events", "id"),
        indexes=["ticket_id seq", "company_id seq"],
        sqlite_autoincrement=True,
    )


def _table(
    name: str, key: SqlColumn, *parts: sa.schema.SchemaItem, indexes: list[str], **options: bool
) -> None:
    """Create a table, whose first column is its primary key, and its indexes."""
    primary = sa.PrimaryKeyConstraint(key.name, name=op.f(f"pk_{name}"))
    op.create_table(name, key, *parts, primary, **options)
    for columns in map(str.split, indexes):
        op.create_index(op.f(f"ix_{name}_{'_'.join(columns)}"), name, columns)


def _column(name: str, kind: SqlType, *, nullable: bool = False) -> SqlColumn:
    return sa.Column(name, kind, nullable=nullable)


def _text(name: str, length: int | None = None) -> SqlColumn:
    return sa.Column(name, sa.String(length), nullable=False)


def _rank(column: str, values: tuple[str, ...]) -> SqlColumn:
    """Declare the generated column with a value's place among the values."""
    cases = " ".join(f"WHEN '{value}' THEN {place}" for place, value in enumerate(values))
    computed = sa.Computed(f"CASE {column} {cases} END", persisted=True)
    return sa.Column(f"{column}_rank", sa.SmallInteger(), computed, nullable=False)


def _one_of(table: str, column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}"))


def _unique(table: str, column: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint(column, name=op.f(f"uq_{table}_{column}"))


def _refers(
    table: str, column: str, target: str, *, ondelete: str | None = None
) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=name, ondelete=ondelete)
