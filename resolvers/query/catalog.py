"""The catalog: every entity and field that can be read, defined once for both APIs.

A field is a scalar (a column or an expression), an inline object of the same row, one related
row, or many. GraphQL asks by the names of its schema in snake case; REST has some names of its own
for what it shows differently, such as ``company_name``.
"""

from collections.abc import Mapping

from sqlalchemy.types import BigInteger, Integer, String

from models import Attachment, Comment, Company, Contact, Ticket, TicketEvent, User, table_of
from models.types import UtcDateTime
from resolvers.query.entities.bulk_jobs import (
    BULK_JOB,
    BULK_JOB_ERROR,
    CONFLICT,
    CONFLICTING_FIELD,
    USER_ERROR,
)
from resolvers.query.entities.webhooks import ATTEMPT, DELIVERY, WEBHOOK
from resolvers.query.expressions import (
    changed_number,
    changed_value,
    column,
    columns,
    contact_detail,
    count_comments,
    download_url,
    event_cursor,
    file_link,
    full_name,
    hours_until,
    id_of,
    is_overdue,
    long_text,
    member,
    permissions,
    staff_only,
    text_of,
)
from resolvers.query.field_types import (
    MAX_PAGE_BYTES,
    Embedded,
    Entity,
    FieldKind,
    JsonItems,
    Order,
    Refusals,
    Scalar,
    ToMany,
    ToOne,
    UndoRefusal,
)
from resolvers.query.undo.fields import can_undo

NEWEST = (("created_at", True),)
OLDEST = (("created_at", False),)
BY_COMMIT = (("seq", False),)
_TIMES = {
    "created_at": Order("created_at", UtcDateTime),
    "updated_at": Order("updated_at", UtcDateTime),
}

TICKET = Entity(
    "Ticket",
    table_of(Ticket),
    {
        **columns(FieldKind.UUID, "id", "company_id"),
        **columns(FieldKind.UUID, "assigned_to_id", nullable=True),
        "contact_id": id_of(Contact, "contact_id"),
        "created_by_id": id_of(User, "created_by_id", anyone=True),
        **columns(FieldKind.TEXT, "ticket_number", "subject"),
        "description": long_text("description"),
        **columns(FieldKind.CHOICE, "status", "priority", "category"),
        **columns(FieldKind.CHOICE, "assigned_team", nullable=True),
        **columns(FieldKind.TIME, "created_at", "updated_at"),
        **columns(
            FieldKind.TIME,
            "first_response_at",
            "resolved_at",
            "closed_at",
            "due_date",
            nullable=True,
        ),
        **columns(FieldKind.NUMBER, "version"),
        "tags": column(FieldKind.TAGS, "tags"),
        "tags_text": column(FieldKind.TEXT, "tags"),
        "company": ToOne("Company", "company_id"),
        "contact": ToOne("Contact", "contact_id"),
        "assigned_to": ToOne("User", "assigned_to_id", anyone=True),
        "created_by": ToOne("User", "created_by_id", anyone=True),
        "company_name": text_of(Company, "company_id", lambda row: row.name),
        "contact_name": text_of(Contact, "contact_id", lambda row: row.name),
        "assigned_to_name": text_of(User, "assigned_to_id", full_name, anyone=True),
        "created_by_name": text_of(User, "created_by_id", full_name, anyone=True),
        "first_response_time_hours": hours_until("first_response_at"),
        "resolution_time_hours": hours_until("resolved_at"),
        "is_overdue": Scalar(FieldKind.BOOL, is_overdue),
        "comments": ToMany("Comment", "ticket_id", OLDEST),
        "all_comments": ToMany("Comment", "ticket_id", OLDEST, connection=False),
        "comments_count": count_comments(internal=False),
        "internal_notes_count": count_comments(internal=True),
        "attachments": ToMany("Attachment", "ticket_id", NEWEST, connection=False),
        "history": ToMany("TicketEvent", "ticket_id", BY_COMMIT),
        "viewer_can": Embedded("TicketPermissions"),
        "viewer_cannot_reasons": Refusals("ViewerCannotReason"),
    },
    {
        **_TIMES,
        "due_date": Order("due_rank", UtcDateTime),
        "priority": Order("priority_rank", Integer),
        "status": Order("status_rank", Integer),
        "ticket_number": Order("ticket_number", String),
    },
    NEWEST,
)

PERMISSIONS = Entity("TicketPermissions", TICKET.table, permissions("Ticket"), {}, ())

COMMENT = Entity(
    "Comment",
    table_of(Comment),
    {
        **columns(FieldKind.UUID, "id", "ticket_id"),
        "author_id": id_of(User, "author_id", anyone=True),
        "text": long_text("text"),
        **columns(FieldKind.BOOL, "is_internal"),
        **columns(FieldKind.NUMBER, "version"),
        **columns(FieldKind.TIME, "created_at", "updated_at"),
        "ticket": ToOne("Ticket", "ticket_id"),
        "author": ToOne("User", "author_id", anyone=True),
        "author_name": text_of(User, "author_id", full_name, anyone=True),
        "author_role": text_of(User, "author_id", lambda row: row.role, anyone=True),
        "viewer_can": Embedded("CommentPermissions"),
        "viewer_cannot_reasons": Refusals("ViewerCannotReason"),
    },
    _TIMES,
    OLDEST,
)

COMMENT_PERMISSIONS = Entity("CommentPermissions", COMMENT.table, permissions("Comment"), {}, ())

ATTACHMENT = Entity(
    "Attachment",
    table_of(Attachment),
    {
        **columns(FieldKind.UUID, "id", "ticket_id"),
        "uploaded_by_id": id_of(User, "uploaded_by_id", anyone=True),
        **columns(FieldKind.TEXT, "name", "content_type", "sha256"),
        **columns(FieldKind.NUMBER, "size"),
        **columns(FieldKind.TIME, "created_at"),
        "ticket": ToOne("Ticket", "ticket_id"),
        "uploaded_by": ToOne("User", "uploaded_by_id", anyone=True),
        "uploaded_by_name": text_of(User, "uploaded_by_id", full_name, anyone=True),
        "download_url": Scalar(FieldKind.TEXT, download_url),
        "file": Scalar(FieldKind.TEXT, file_link),
    },
    _TIMES,
    NEWEST,
)

EVENT = Entity(
    "TicketEvent",
    table_of(TicketEvent),
    {
        **columns(FieldKind.UUID, "id", "ticket_id"),
        **columns(FieldKind.UUID, "comment_id", "attachment_id", nullable=True),
        "actor_id": id_of(User, "actor_id", anyone=True),
        **columns(FieldKind.TEXT, "ticket_number"),
        **columns(FieldKind.CHOICE, "type", "via"),
        **columns(FieldKind.BOOL, "is_internal"),
        **columns(FieldKind.TIME, "at"),
        "cursor": Scalar(FieldKind.WORD, event_cursor),
        "sequence": column(FieldKind.NUMBER, "seq"),
        "actor": ToOne("User", "actor_id", anyone=True),
        "actor_name": text_of(User, "actor_id", full_name, anyone=True),
        "ticket": ToOne("Ticket", "ticket_id"),
        "comment": ToOne("Comment", "comment_id"),
        "attachment": ToOne("Attachment", "attachment_id"),
        "changes": JsonItems("FieldChange", "changes"),
        "can_undo": Scalar(FieldKind.BOOL, can_undo),
        "undo_refusal": UndoRefusal(),
    },
    {"seq": Order("seq", BigInteger)},
    BY_COMMIT,
    MAX_PAGE_BYTES,
)

CHANGE = Entity(
    "FieldChange",
    EVENT.table,
    {
        "field": Scalar(FieldKind.WORD, lambda _build, row, _slot: member(row, "field")),
        "from": changed_value("from"),
        "to": changed_value("to"),
        **{name: changed_number(name) for name in ("excerpt_start", "from_length", "to_length")},
    },
    {},
    (),
)

COMPANY = Entity(
    "Company",
    table_of(Company),
    {
        **columns(FieldKind.UUID, "id"),
        **columns(FieldKind.TEXT, "name", "legal_entity_name", "country", "city", "website"),
        **columns(FieldKind.TEXT, "industry", "billing_entity"),
        **columns(FieldKind.BOOL, "is_active"),
        **columns(FieldKind.TIME, "created_at", "updated_at"),
        "notes": staff_only("notes"),
        "contacts": ToMany("Contact", "company_id", (("name", False),)),
        "tickets": ToMany("Ticket", "company_id", NEWEST),
    },
    {"name": Order("name", String), **_TIMES},
    (("name", False),),
)

CONTACT = Entity(
    "Contact",
    table_of(Contact),
    {
        **columns(FieldKind.UUID, "id", "company_id"),
        **columns(FieldKind.TEXT, "name", "email", "phone", "title", "department", "contact_type"),
        **columns(FieldKind.TEXT, "linkedin_url"),
        **columns(FieldKind.BOOL, "is_primary", "is_active"),
        **columns(FieldKind.TIME, "created_at", "updated_at"),
        **columns(FieldKind.TIME, "last_contacted", nullable=True),
        "notes": staff_only("notes"),
        "company": ToOne("Company", "company_id"),
        "company_name": text_of(Company, "company_id", lambda row: row.name),
        "tickets": ToMany("Ticket", "contact_id", NEWEST),
    },
    {"name": Order("name", String), **_TIMES},
    (("name", False),),
)

USER = Entity(
    "User",
    table_of(User),
    {
        **columns(FieldKind.UUID, "id"),
        **columns(FieldKind.UUID, "company_id", nullable=True),
        **columns(FieldKind.TEXT, "username", "first_name", "last_name", "department"),
        **columns(FieldKind.CHOICE, "role"),
        **columns(FieldKind.BOOL, "is_active"),
        **columns(FieldKind.TIME, "date_joined"),
        "full_name": Scalar(FieldKind.TEXT, lambda _build, row, _slot: full_name(row)),
        "email": contact_detail("email"),
        "phone": contact_detail("phone"),
        "company": ToOne("Company", "company_id"),
        "assigned_tickets": ToMany("Ticket", "assigned_to_id", NEWEST),
    },
    {"date_joined": Order("date_joined", UtcDateTime)},
    (("date_joined", True),),
)

ENTITIES: Mapping[str, Entity] = {
    entity.name: entity
    for entity in (
        *(TICKET, PERMISSIONS, COMMENT, COMMENT_PERMISSIONS, ATTACHMENT, EVENT, CHANGE),
        *(COMPANY, CONTACT, USER, WEBHOOK, DELIVERY, ATTEMPT),
        *(BULK_JOB, BULK_JOB_ERROR, USER_ERROR, CONFLICT, CONFLICTING_FIELD),
    )
}
# What searches find, of any type. The rows are those of a statement's own (``search``).
RESULT = Entity(
    "SearchResult",
    None,
    {},
    {"score": Order("score", Integer), "created_at": Order("created_at", UtcDateTime)},
    (("score", True), ("created_at", True)),
)
NODES = ("Ticket", "Comment", "Attachment", "TicketEvent", "Company", "Contact", "User")
