"""The catalogue: all that can be asked of each entity, defined once for both faces.

A field is a scalar (a column or an expression), an inline object of the same row, one related
row, or many. GraphQL asks by the names of its schema in snake case; REST has some names of its own
for what it shows differently, such as ``company_name``.
"""

from collections.abc import Mapping

from sqlalchemy.types import BigInteger, Integer, String

from models import Attachment, Comment, Company, Contact, Ticket, TicketEvent, User
from models.types import UtcDateTime
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
    Entity,
    Inline,
    Inside,
    Kind,
    Many,
    One,
    Order,
    Refusals,
    Scalar,
)
from resolvers.query.webhook_catalog import ATTEMPT, DELIVERY, WEBHOOK

NEWEST = (("created_at", True),)
OLDEST = (("created_at", False),)
BY_COMMIT = (("seq", False),)
_TIMES = {
    "created_at": Order("created_at", UtcDateTime),
    "updated_at": Order("updated_at", UtcDateTime),
}

TICKET = Entity(
    "Ticket",
    Ticket.__table__,  # type: ignore[attr-defined]
    {
        **columns(Kind.UUID, "id", "company_id"),
        **columns(Kind.UUID, "assigned_to_id", nullable=True),
        "contact_id": id_of(Contact, "contact_id"),
        "created_by_id": id_of(User, "created_by_id", anyone=True),
        **columns(Kind.TEXT, "ticket_number", "subject"),
        "description": long_text("description"),
        **columns(Kind.CHOICE, "status", "priority", "category"),
        **columns(Kind.CHOICE, "assigned_team", nullable=True),
        **columns(Kind.TIME, "created_at", "updated_at"),
        **columns(
            Kind.TIME, "first_response_at", "resolved_at", "closed_at", "due_date", nullable=True
        ),
        **columns(Kind.NUMBER, "version"),
        "tags": column(Kind.TAGS, "tags"),
        "tags_text": column(Kind.TEXT, "tags"),
        "company": One("Company", "company_id"),
        "contact": One("Contact", "contact_id"),
        "assigned_to": One("User", "assigned_to_id", anyone=True),
        "created_by": One("User", "created_by_id", anyone=True),
        "company_name": text_of(Company, "company_id", lambda row: row.name),
        "contact_name": text_of(Contact, "contact_id", lambda row: row.name),
        "assigned_to_name": text_of(User, "assigned_to_id", full_name, anyone=True),
        "created_by_name": text_of(User, "created_by_id", full_name, anyone=True),
        "first_response_time_hours": hours_until("first_response_at"),
        "resolution_time_hours": hours_until("resolved_at"),
        "is_overdue": Scalar(Kind.BOOL, is_overdue),
        "comments": Many("Comment", "ticket_id", OLDEST),
        "all_comments": Many("Comment", "ticket_id", OLDEST, connection=False),
        "comments_count": count_comments(internal=False),
        "internal_notes_count": count_comments(internal=True),
        "attachments": Many("Attachment", "ticket_id", NEWEST, connection=False),
        "history": Many("TicketEvent", "ticket_id", BY_COMMIT),
        "viewer_can": Inline("TicketPermissions"),
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
    Comment.__table__,  # type: ignore[attr-defined]
    {
        **columns(Kind.UUID, "id", "ticket_id"),
        "author_id": id_of(User, "author_id", anyone=True),
        "text": long_text("text"),
        **columns(Kind.BOOL, "is_internal"),
        **columns(Kind.NUMBER, "version"),
        **columns(Kind.TIME, "created_at", "updated_at"),
        "ticket": One("Ticket", "ticket_id"),
        "author": One("User", "author_id", anyone=True),
        "author_name": text_of(User, "author_id", full_name, anyone=True),
        "author_role": text_of(User, "author_id", lambda row: row.role, anyone=True),
        "viewer_can": Inline("CommentPermissions"),
        "viewer_cannot_reasons": Refusals("ViewerCannotReason"),
    },
    _TIMES,
    OLDEST,
)

COMMENT_PERMISSIONS = Entity("CommentPermissions", COMMENT.table, permissions("Comment"), {}, ())

ATTACHMENT = Entity(
    "Attachment",
    Attachment.__table__,  # type: ignore[attr-defined]
    {
        **columns(Kind.UUID, "id", "ticket_id"),
        "uploaded_by_id": id_of(User, "uploaded_by_id", anyone=True),
        **columns(Kind.TEXT, "name", "content_type", "sha256"),
        **columns(Kind.NUMBER, "size"),
        **columns(Kind.TIME, "created_at"),
        "ticket": One("Ticket", "ticket_id"),
        "uploaded_by": One("User", "uploaded_by_id", anyone=True),
        "uploaded_by_name": text_of(User, "uploaded_by_id", full_name, anyone=True),
        "download_url": Scalar(Kind.TEXT, download_url),
        "file": Scalar(Kind.TEXT, file_link),
    },
    _TIMES,
    NEWEST,
)

EVENT = Entity(
    "TicketEvent",
    TicketEvent.__table__,  # type: ignore[attr-defined]
    {
        **columns(Kind.UUID, "id", "ticket_id"),
        **columns(Kind.UUID, "comment_id", "attachment_id", nullable=True),
        "actor_id": id_of(User, "actor_id", anyone=True),
        **columns(Kind.TEXT, "ticket_number"),
        **columns(Kind.CHOICE, "type", "via"),
        **columns(Kind.BOOL, "is_internal"),
        **columns(Kind.TIME, "at"),
        "cursor": Scalar(Kind.WORD, event_cursor),
        "sequence": column(Kind.NUMBER, "seq"),
        "actor": One("User", "actor_id", anyone=True),
        "actor_name": text_of(User, "actor_id", full_name, anyone=True),
        "ticket": One("Ticket", "ticket_id"),
        "comment": One("Comment", "comment_id"),
        "attachment": One("Attachment", "attachment_id"),
        "changes": Inside("FieldChange", "changes"),
    },
    {"seq": Order("seq", BigInteger)},
    BY_COMMIT,
    MAX_PAGE_BYTES,
)

CHANGE = Entity(
    "FieldChange",
    EVENT.table,
    {
        "field": Scalar(Kind.WORD, lambda _build, row, _slot: member(row, "field")),
        "from": changed_value("from"),
        "to": changed_value("to"),
        **{name: changed_number(name) for name in ("excerpt_start", "from_length", "to_length")},
    },
    {},
    (),
)

COMPANY = Entity(
    "Company",
    Company.__table__,  # type: ignore[attr-defined]
    {
        **columns(Kind.UUID, "id"),
        **columns(Kind.TEXT, "name", "legal_entity_name", "country", "city", "website"),
        **columns(Kind.TEXT, "industry", "billing_entity"),
        **columns(Kind.BOOL, "is_active"),
        **columns(Kind.TIME, "created_at", "updated_at"),
        "notes": staff_only("notes"),
        "contacts": Many("Contact", "company_id", (("name", False),)),
        "tickets": Many("Ticket", "company_id", NEWEST),
    },
    {"name": Order("name", String)},
    (("name", False),),
)

CONTACT = Entity(
    "Contact",
    Contact.__table__,  # type: ignore[attr-defined]
    {
        **columns(Kind.UUID, "id", "company_id"),
        **columns(Kind.TEXT, "name", "email", "phone", "title", "department", "contact_type"),
        **columns(Kind.TEXT, "linkedin_url"),
        **columns(Kind.BOOL, "is_primary", "is_active"),
        **columns(Kind.TIME, "created_at", "updated_at"),
        **columns(Kind.TIME, "last_contacted", nullable=True),
        "notes": staff_only("notes"),
        "company": One("Company", "company_id"),
        "company_name": text_of(Company, "company_id", lambda row: row.name),
        "tickets": Many("Ticket", "contact_id", NEWEST),
    },
    {"name": Order("name", String)},
    (("name", False),),
)

USER = Entity(
    "User",
    User.__table__,  # type: ignore[attr-defined]
    {
        **columns(Kind.UUID, "id"),
        **columns(Kind.UUID, "company_id", nullable=True),
        **columns(Kind.TEXT, "username", "first_name", "last_name", "department"),
        **columns(Kind.CHOICE, "role"),
        **columns(Kind.BOOL, "is_active"),
        **columns(Kind.TIME, "date_joined"),
        "full_name": Scalar(Kind.TEXT, lambda _build, row, _slot: full_name(row)),
        "email": contact_detail("email"),
        "phone": contact_detail("phone"),
        "company": One("Company", "company_id"),
        "assigned_tickets": Many("Ticket", "assigned_to_id", NEWEST),
    },
    {"date_joined": Order("date_joined", UtcDateTime)},
    (("date_joined", True),),
)

ENTITIES: Mapping[str, Entity] = {
    entity.name: entity
    for entity in (
        *(TICKET, PERMISSIONS, COMMENT, COMMENT_PERMISSIONS, ATTACHMENT, EVENT, CHANGE),
        *(COMPANY, CONTACT, USER, WEBHOOK, DELIVERY, ATTEMPT),
    )
}
NODES = ("Ticket", "Comment", "Attachment", "TicketEvent", "Company", "Contact", "User")
