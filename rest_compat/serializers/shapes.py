"""The answers of this API, each written down once: the shape is the serializer."""

from resolvers.query.execute import REST, Query, QueryRoot
from resolvers.query.shapes import Field, Shape

# The slot of a ticket's comments, where an answer leaves some of them out.
COMMENTS_SLOT = 1


def _plain(*names: str) -> tuple[Field, ...]:
    return tuple(Field(name, name) for name in names)


def _unless_null(*names: str) -> tuple[Field, ...]:
    return tuple(Field(name, name, omit_null=True) for name in names)


# The reference's "Comment Response". A comment without an author has no author_name and no
# author_role (recorded: "comment detail").
COMMENT = Shape(
    (
        Field("id", "id"),
        Field("ticket", "ticket_id"),
        Field("author", "author_id"),
        *_unless_null("author_name", "author_role"),
        *_plain("text", "is_internal", "created_at", "updated_at"),
    )
)
# The reference's "Attachment Response".
ATTACHMENT = Shape(
    (
        Field("id", "id"),
        Field("ticket", "ticket_id"),
        *_plain("file", "name", "size"),
        Field("uploaded_by", "uploaded_by_id"),
        *_unless_null("uploaded_by_name"),
        *_plain("created_at"),
    )
)

# New here: what happened, in the feed. Ids stay also where what they name is gone.
CHANGE = Shape(
    (*_plain("field", "from", "to"), *_unless_null("excerpt_start", "from_length", "to_length"))
)
EVENT = Shape(
    (
        *_plain("id", "cursor", "type", "at"),
        Field("actor", "actor_id"),
        *_plain("actor_name", "via", "is_internal"),
        Field("ticket", "ticket_id"),
        Field("ticket_number", "ticket_number"),
        Field("comment", "comment_id"),
        Field("attachment", "attachment_id"),
        Field("changes", "changes", CHANGE),
    )
)


def _ticket(comments_slot: int | None) -> Shape:
    """Return the reference's "Ticket Response"."""
    return Shape(
        (
            *_plain("id", "ticket_number", "subject", "description"),
            *_plain("status", "priority", "category"),
            Field("company", "company_id"),
            Field("company_name", "company_name"),
            Field("contact", "contact_id"),
            Field("contact_name", "contact_name"),
            Field("assigned_to", "assigned_to_id"),
            *_plain("assigned_to_name", "assigned_team"),
            Field("created_by", "created_by_id"),
            Field("created_by_name", "created_by_name"),
            *_plain("first_response_at", "resolved_at", "closed_at", "due_date"),
            *_plain("first_response_time_hours", "resolution_time_hours", "is_overdue"),
            Field("tags", "tags_text"),
            Field("comments", "all_comments", COMMENT, comments_slot),
            Field("attachments", "attachments", ATTACHMENT),
            *_plain("comments_count", "internal_notes_count", "created_at", "updated_at"),
        )
    )


TICKET = _ticket(None)
# The reference's "Get Ticket Statistics".
STATISTICS = Shape(
    _plain("total", "by_status", "by_priority", "my_open_tickets", "unassigned", "overdue")
)
# Recorded: others' email and phone are there for Admins only ("users, not an admin").
USER = Shape(
    (
        *_plain("id", "username"),
        *_unless_null("email"),
        *_plain("first_name", "last_name", "role"),
        *_unless_null("phone"),
        *_plain("department", "is_active", "date_joined"),
    )
)
COMPANY = Shape(
    (
        *_plain("id", "name", "legal_entity_name", "country", "city", "website", "industry"),
        *_plain("billing_entity", "is_active", "notes", "created_at", "updated_at"),
    )
)
SIMPLE_COMPANY = Shape(_plain("id", "name", "country", "is_active"))
# Recorded: "contacts of a company".
CONTACT = Shape(
    (
        Field("id", "id"),
        Field("company", "company_id"),
        *_plain("company_name", "name", "email", "phone", "title", "department", "contact_type"),
        *_plain("is_primary", "is_active", "linkedin_url", "notes", "last_contacted"),
        *_plain("created_at", "updated_at"),
    )
)


def _one(entity: str, shape: Shape) -> Query:
    return Query(QueryRoot.ONE, entity, ((entity, shape),), REST)


ONE_TICKET = _one("Ticket", TICKET)
# An oddity that clients were written against (recorded: "add_comment"): the answer shows the
# comments as they were before the new one, while comments_count has it.
TICKET_BEFORE_COMMENT = _one("Ticket", _ticket(COMMENTS_SLOT))
ONE_COMMENT = _one("Comment", COMMENT)
ONE_ATTACHMENT = _one("Attachment", ATTACHMENT)
ONE_USER = _one("User", USER)
ONE_COMPANY = _one("Company", COMPANY)
ONE_CONTACT = _one("Contact", CONTACT)
TICKET_STATISTICS = Query(QueryRoot.STATISTICS, "Ticket", (("Ticket", STATISTICS),), REST)
SIMPLE_COMPANIES = Query(QueryRoot.LIST, "Company", (("Company", SIMPLE_COMPANY),), REST)
EXISTS = {
    entity: _one(entity, Shape((Field("id", "id"),))) for entity in ("Company", "User", "Ticket")
}
