"""The statements of the baseline, written out; those of reads are made of ``baseline_sql``."""

from benchmarks import baseline_sql
from resolvers.events.log import CHANNEL, EVENT_LOCK

TICKET = (
    "id, ticket_number, subject, description, status, priority, category, company_id, "
    "assigned_team, created_by_id, tags, version, created_at, updated_at, search_text"
)
COMMENT = (
    "id, ticket_id, author_id, text, is_internal, version, created_at, updated_at, search_text"
)
EVENT = (
    "id, type, ticket_id, company_id, ticket_number, comment_id, actor_id, via, is_internal, "
    "changes, at, version"
)
COMPANY = "SELECT id FROM companies WHERE id = $1"
COUNT = (
    "INSERT INTO day_counters (day, value) VALUES ($1, 1) "
    "ON CONFLICT (day) DO UPDATE SET value = day_counters.value + 1 RETURNING value"
)
LOCK = (
    "SELECT id, company_id, ticket_number, subject, description, first_response_at, version "
    "FROM tickets WHERE id = $1"
)
ANSWERED = "UPDATE tickets SET first_response_at = $2 WHERE id = $1"
CHANGE = (
    "UPDATE tickets SET subject = $2, search_text = $3, version = version + 1, updated_at = $4 "
    "WHERE id = $1"
)


def insert(table: str, columns: str) -> str:
    """Return an insert of one row."""
    marks = ", ".join(f"${number + 1}" for number in range(columns.count(",") + 1))
    return f"INSERT INTO {table} ({columns}) VALUES ({marks})"


INSERT_TICKET = insert("tickets", TICKET)
INSERT_COMMENT = insert("comments", COMMENT)
INSERT_EVENT = insert("ticket_events", EVENT)
# The row takes its ``seq`` once the lock is there.
_EVENT_VALUES = (
    "$1::uuid, $2::varchar, $3::uuid, $4::uuid, $5::varchar, $6::uuid, $7::uuid, $8::varchar, "
    "$9::boolean, $10::json, $11::timestamptz, $12::integer"
)
INSERT_EVENT_PG = (
    f"WITH locked AS MATERIALIZED (SELECT pg_advisory_xact_lock({EVENT_LOCK}), "
    f"pg_notify('{CHANNEL}', '')) "
    f"INSERT INTO ticket_events ({EVENT}) SELECT {_EVENT_VALUES} FROM locked"
)

_PAGE = "FROM (SELECT * FROM tickets ORDER BY created_at DESC, id DESC LIMIT :limit OFFSET :offset)"
_ROW = "FROM (SELECT * FROM tickets WHERE id = $1)"


def _one(page: str) -> str:
    """Make a list's statement that of one ticket; its only value is a list of one."""
    return page.replace("(SELECT count(*) FROM tickets), ", "").replace(_PAGE, _ROW)


REST_TICKET_PG = _one(baseline_sql.LIST_PG)
REST_TICKET_SQLITE = _one(baseline_sql.LIST_SQLITE)

_TIME = baseline_sql.TIME.format
_NAME = baseline_sql.NAME
REST_COMMENT_PG = f"""
SELECT concat('{{"id":"', m.id, '","ticket":"', m.ticket_id, '","author":"', m.author_id,
  '","author_name":', to_json({_NAME}), ',"author_role":', to_json(u.role),
  ',"text":', to_json(m.text), ',"is_internal":', to_json(m.is_internal),
  ',"created_at":', {_TIME("m.created_at")}, ',"updated_at":', {_TIME("m.updated_at")}, '}}')
FROM comments m JOIN users u ON u.id = m.author_id WHERE m.id = $1
"""
REST_COMMENT_SQLITE = f"""
SELECT json_object('id', m.id, 'ticket', m.ticket_id, 'author', m.author_id,
  'author_name', {_NAME}, 'author_role', u.role, 'text', m.text,
  'is_internal', json(iif(m.is_internal, 'true', 'false')),
  'created_at', m.created_at, 'updated_at', m.updated_at)
FROM comments m JOIN users u ON u.id = m.author_id WHERE m.id = $1
"""
GRAPHQL_CREATED_PG = f"""
SELECT concat('{{"id":"', t.id, '","ticketNumber":', to_json(t.ticket_number),
  ',"subject":', to_json(t.subject), ',"status":"', upper(t.status),
  '","priority":"', upper(t.priority), '","category":"', upper(t.category),
  '","createdAt":', {_TIME("t.created_at")}, ',"updatedAt":', {_TIME("t.updated_at")},
  ',"company":{{"id":"', c.id, '","name":', to_json(c.name), '}}}}')
FROM tickets t JOIN companies c ON c.id = t.company_id WHERE t.id = $1
"""
GRAPHQL_CREATED_SQLITE = """
SELECT json_object('id', t.id, 'ticketNumber', t.ticket_number, 'subject', t.subject,
  'status', upper(t.status), 'priority', upper(t.priority), 'category', upper(t.category),
  'createdAt', t.created_at, 'updatedAt', t.updated_at,
  'company', json_object('id', c.id, 'name', c.name))
FROM tickets t JOIN companies c ON c.id = t.company_id WHERE t.id = $1
"""
GRAPHQL_COMMENT_PG = f"""
SELECT concat('{{"id":"', m.id, '","text":', to_json(m.text),
  ',"isInternal":', to_json(m.is_internal), ',"createdAt":', {_TIME("m.created_at")},
  ',"author":{{"id":"', u.id, '","fullName":', to_json({_NAME}), '}}}}')
FROM comments m JOIN users u ON u.id = m.author_id WHERE m.id = $1
"""
GRAPHQL_COMMENT_SQLITE = f"""
SELECT json_object('id', m.id, 'text', m.text,
  'isInternal', json(iif(m.is_internal, 'true', 'false')), 'createdAt', m.created_at,
  'author', json_object('id', u.id, 'fullName', {_NAME}))
FROM comments m JOIN users u ON u.id = m.author_id WHERE m.id = $1
"""
GRAPHQL_CHANGED_PG = f"""
SELECT concat('{{"id":"', t.id, '","ticketNumber":', to_json(t.ticket_number),
  ',"subject":', to_json(t.subject), ',"status":"', upper(t.status),
  '","version":', t.version, ',"updatedAt":', {_TIME("t.updated_at")}, '}}')
FROM tickets t WHERE t.id = $1
"""
GRAPHQL_CHANGED_SQLITE = """
SELECT json_object('id', t.id, 'ticketNumber', t.ticket_number, 'subject', t.subject,
  'status', upper(t.status), 'version', t.version, 'updatedAt', t.updated_at)
FROM tickets t WHERE t.id = $1
"""
