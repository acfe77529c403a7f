"""The measured reads as SQL written out, in the fastest of the ways that were tried.

On PostgreSQL that is concatenation: ``json_build_object`` with ``json_agg`` took half as long
again, ``row_to_json`` over joins about twice as long. On SQLite ``json_object`` was faster than
concatenation. Limits stand in the text, because PostgreSQL plans a limit that is a parameter again
at each run.
"""

TIME = """'"', to_char({0}, 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), '"'"""


def _time(column: str) -> str:
    return TIME.format(column)


def _maybe(column: str, value: str) -> str:
    return f"CASE WHEN {column} IS NULL THEN 'null' ELSE concat({value}) END"


def _maybe_time(column: str) -> str:
    return _maybe(column, _time(column))


def _maybe_id(column: str) -> str:
    return _maybe(column, f"""'"', {column}, '"'""")


def _hours_pg(column: str) -> str:
    hours = f"round((extract(epoch FROM {column} - t.created_at) / 3600)::numeric, 2)::float8"
    return f"coalesce(({hours})::text, 'null')"


def _hours_sqlite(column: str) -> str:
    return f"round((julianday({column}) - julianday(t.created_at)) * 24, 2)"


def _bool(condition: str) -> str:
    return f"json(iif({condition}, 'true', 'false'))"


NAME = "u.first_name || ' ' || u.last_name"

NESTED_PG = f"""
SELECT concat('{{"nodes":[', string_agg(concat(
  '{{"id":"', t.id, '","ticketNumber":', to_json(t.ticket_number),
  ',"subject":', to_json(t.subject), ',"description":', to_json(t.description),
  ',"status":"', upper(t.status), '","priority":"', upper(t.priority),
  '","category":"', upper(t.category),
  '","createdAt":', {_time("t.created_at")}, ',"updatedAt":', {_time("t.updated_at")},
  ',"company":', (
    SELECT concat('{{"id":"', c.id, '","name":', to_json(c.name), ',"city":', to_json(c.city),
      ',"country":', to_json(c.country), '}}')
    FROM companies c WHERE c.id = t.company_id),
  ',"contact":', coalesce((
    SELECT concat('{{"id":"', c.id, '","name":', to_json(c.name), ',"email":', to_json(c.email),
      ',"phone":', to_json(c.phone), '}}')
    FROM contacts c WHERE c.id = t.contact_id), 'null'),
  ',"assignedTo":', coalesce((
    SELECT concat('{{"id":"', u.id, '","fullName":', to_json({NAME}),
      ',"role":"', upper(u.role), '"}}')
    FROM users u WHERE u.id = t.assigned_to_id), 'null'),
  ',"comments":{{"nodes":[', (
    SELECT string_agg(concat(
      '{{"id":"', m.id, '","text":', to_json(m.text), ',"isInternal":', to_json(m.is_internal),
      ',"createdAt":', {_time("m.created_at")},
      ',"author":', coalesce((
        SELECT concat('{{"id":"', u.id, '","fullName":', to_json({NAME}),
          ',"role":"', upper(u.role), '"}}')
        FROM users u WHERE u.id = m.author_id), 'null'), '}}'), ',')
    FROM (SELECT * FROM comments WHERE ticket_id = t.id ORDER BY created_at, id LIMIT 20) m),
  ']}},"attachments":[', (
    SELECT string_agg(concat(
      '{{"id":"', a.id, '","name":', to_json(a.name), ',"size":', a.size,
      ',"contentType":', to_json(a.content_type), ',"createdAt":', {_time("a.created_at")},
      ',"uploadedBy":', coalesce((
        SELECT concat('{{"id":"', u.id, '","fullName":', to_json({NAME}), '}}')
        FROM users u WHERE u.id = a.uploaded_by_id), 'null'), '}}'), ',')
    FROM (SELECT * FROM attachments WHERE ticket_id = t.id
      ORDER BY created_at DESC, id DESC) a),
  ']}}'), ','), ']}}')
FROM (SELECT * FROM tickets ORDER BY created_at DESC, id DESC LIMIT :limit) t
"""

NESTED_SQLITE = f"""
SELECT json_object('nodes', json_group_array(json_object(
  'id', t.id, 'ticketNumber', t.ticket_number, 'subject', t.subject,
  'description', t.description, 'status', upper(t.status), 'priority', upper(t.priority),
  'category', upper(t.category), 'createdAt', t.created_at, 'updatedAt', t.updated_at,
  'company', (
    SELECT json_object('id', c.id, 'name', c.name, 'city', c.city, 'country', c.country)
    FROM companies c WHERE c.id = t.company_id),
  'contact', (
    SELECT json_object('id', c.id, 'name', c.name, 'email', c.email, 'phone', c.phone)
    FROM contacts c WHERE c.id = t.contact_id),
  'assignedTo', (
    SELECT json_object('id', u.id, 'fullName', {NAME}, 'role', upper(u.role))
    FROM users u WHERE u.id = t.assigned_to_id),
  'comments', json_object('nodes', (
    SELECT json_group_array(json_object(
      'id', m.id, 'text', m.text, 'isInternal', {_bool("m.is_internal")},
      'createdAt', m.created_at, 'author', (
        SELECT json_object('id', u.id, 'fullName', {NAME}, 'role', upper(u.role))
        FROM users u WHERE u.id = m.author_id)))
    FROM (SELECT * FROM comments WHERE ticket_id = t.id ORDER BY created_at, id LIMIT 20) m)),
  'attachments', (
    SELECT json_group_array(json_object(
      'id', a.id, 'name', a.name, 'size', a.size, 'contentType', a.content_type,
      'createdAt', a.created_at, 'uploadedBy', (
        SELECT json_object('id', u.id, 'fullName', {NAME})
        FROM users u WHERE u.id = a.uploaded_by_id)))
    FROM (SELECT * FROM attachments WHERE ticket_id = t.id
      ORDER BY created_at DESC, id DESC) a))))
FROM (SELECT * FROM tickets ORDER BY created_at DESC, id DESC LIMIT :limit) t
"""

LIST_PG = f"""
SELECT (SELECT count(*) FROM tickets), concat('[', string_agg(concat(
  '{{"id":"', t.id, '","ticket_number":', to_json(t.ticket_number),
  ',"subject":', to_json(t.subject), ',"description":', to_json(t.description),
  ',"status":"', t.status, '","priority":"', t.priority, '","category":"', t.category,
  '","company":"', t.company_id, '","company_name":', to_json(c.name),
  ',"contact":', {_maybe_id("t.contact_id")},
  ',"contact_name":', coalesce(to_json(k.name)::text, 'null'),
  ',"assigned_to":', {_maybe_id("t.assigned_to_id")},
  ',"assigned_to_name":', coalesce((
    SELECT to_json({NAME})::text FROM users u WHERE u.id = t.assigned_to_id), 'null'),
  ',"assigned_team":"', t.assigned_team,
  '","created_by":', {_maybe_id("t.created_by_id")},
  ',"created_by_name":', coalesce((
    SELECT to_json({NAME})::text FROM users u WHERE u.id = t.created_by_id), 'null'),
  ',"first_response_at":', {_maybe_time("t.first_response_at")},
  ',"resolved_at":', {_maybe_time("t.resolved_at")},
  ',"closed_at":', {_maybe_time("t.closed_at")}, ',"due_date":', {_maybe_time("t.due_date")},
  ',"first_response_time_hours":', {_hours_pg("t.first_response_at")},
  ',"resolution_time_hours":', {_hours_pg("t.resolved_at")},
  ',"is_overdue":', to_json(coalesce(
    t.due_date < now() AND t.status NOT IN ('resolved', 'closed'), false)),
  ',"tags":', to_json(t.tags),
  ',"comments":[', m.listed, '],"attachments":[', (
    SELECT string_agg(concat(
      '{{"id":"', a.id, '","ticket":"', t.id, '","file":', to_json('/media/' || a.key),
      ',"name":', to_json(a.name), ',"size":', a.size,
      ',"uploaded_by":', {_maybe_id("a.uploaded_by_id")},
      ',"uploaded_by_name":' || to_json({NAME}),
      ',"created_at":', {_time("a.created_at")}, '}}'), ','
      ORDER BY a.created_at DESC, a.id DESC)
    FROM attachments a LEFT JOIN users u ON u.id = a.uploaded_by_id WHERE a.ticket_id = t.id),
  '],"comments_count":', m.public, ',"internal_notes_count":', m.internal,
  ',"created_at":', {_time("t.created_at")}, ',"updated_at":', {_time("t.updated_at")},
  '}}'), ',' ORDER BY t.created_at DESC, t.id DESC), ']')
FROM (SELECT * FROM tickets ORDER BY created_at DESC, id DESC LIMIT :limit OFFSET :offset) t
JOIN companies c ON c.id = t.company_id
LEFT JOIN contacts k ON k.id = t.contact_id
CROSS JOIN LATERAL (
  SELECT count(*) FILTER (WHERE NOT m.is_internal) AS public,
    count(*) FILTER (WHERE m.is_internal) AS internal,
    string_agg(concat(
      '{{"id":"', m.id, '","ticket":"', t.id, '","author":', {_maybe_id("m.author_id")},
      ',"author_name":' || to_json({NAME}), ',"author_role":' || to_json(u.role),
      ',"text":', to_json(m.text), ',"is_internal":', to_json(m.is_internal),
      ',"created_at":', {_time("m.created_at")}, ',"updated_at":', {_time("m.updated_at")},
      '}}'), ',' ORDER BY m.created_at, m.id) AS listed
  FROM comments m LEFT JOIN users u ON u.id = m.author_id WHERE m.ticket_id = t.id) m
"""

LIST_SQLITE = f"""
SELECT (SELECT count(*) FROM tickets), json_group_array(json_object(
  'id', t.id, 'ticket_number', t.ticket_number, 'subject', t.subject,
  'description', t.description, 'status', t.status, 'priority', t.priority,
  'category', t.category, 'company', t.company_id,
  'company_name', (SELECT c.name FROM companies c WHERE c.id = t.company_id),
  'contact', t.contact_id,
  'contact_name', (SELECT c.name FROM contacts c WHERE c.id = t.contact_id),
  'assigned_to', t.assigned_to_id,
  'assigned_to_name', (SELECT {NAME} FROM users u WHERE u.id = t.assigned_to_id),
  'assigned_team', coalesce(t.assigned_team, ''),
  'created_by', t.created_by_id,
  'created_by_name', (SELECT {NAME} FROM users u WHERE u.id = t.created_by_id),
  'first_response_at', t.first_response_at, 'resolved_at', t.resolved_at,
  'closed_at', t.closed_at, 'due_date', t.due_date,
  'first_response_time_hours', {_hours_sqlite("t.first_response_at")},
  'resolution_time_hours', {_hours_sqlite("t.resolved_at")},
  'is_overdue', {
    _bool('''t.due_date < strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
    AND t.status NOT IN ('resolved', 'closed')''')
},
  'tags', t.tags,
  'comments', (
    SELECT json_group_array(json_object(
      'id', m.id, 'ticket', m.ticket_id, 'author', m.author_id,
      'author_name', {NAME}, 'author_role', u.role, 'text', m.text,
      'is_internal', {_bool("m.is_internal")},
      'created_at', m.created_at, 'updated_at', m.updated_at))
    FROM (SELECT * FROM comments WHERE ticket_id = t.id ORDER BY created_at, id) m
    LEFT JOIN users u ON u.id = m.author_id),
  'attachments', (
    SELECT json_group_array(json_object(
      'id', a.id, 'ticket', a.ticket_id, 'file', '/media/' || a.key, 'name', a.name,
      'size', a.size, 'uploaded_by', a.uploaded_by_id, 'uploaded_by_name', {NAME},
      'created_at', a.created_at))
    FROM (SELECT * FROM attachments WHERE ticket_id = t.id
      ORDER BY created_at DESC, id DESC) a
    LEFT JOIN users u ON u.id = a.uploaded_by_id),
  'comments_count', (
    SELECT count(*) FROM comments m WHERE m.ticket_id = t.id AND NOT m.is_internal),
  'internal_notes_count', (
    SELECT count(*) FROM comments m WHERE m.ticket_id = t.id AND m.is_internal),
  'created_at', t.created_at, 'updated_at', t.updated_at))
FROM (SELECT * FROM tickets ORDER BY created_at DESC, id DESC LIMIT :limit OFFSET :offset) t
"""
