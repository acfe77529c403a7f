"""Who sees what and who may do what: the only place that says so.

Staff see everything but webhooks, which exist for Admins only; Admins also manage users, companies
and contacts. A customer sees the tickets of their company with public comments, and changes or
deletes only what is their own.
What a viewer may not see does not exist, so the answer is ``NotFound``.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, String, and_, cast, exists, false, or_, select, true

from models import Comment, Contact, Role, Ticket
from resolvers.desk import Viewer, ViewerKind
from resolvers.errors import Forbidden

# A row's columns: those of a table, an alias or a subquery.
Columns = Any
Bind = Callable[[str], ColumnElement[Any]]

# The fields of a ticket that a customer may set when creating it, and change in one of theirs.
CUSTOMER_MAY_CREATE = frozenset(
    {"subject", "description", "company", "contact", "priority", "category", "tags", "due_date"}
)
CUSTOMER_MAY_CHANGE = frozenset({"subject", "description", "contact", "tags"})


def visible(entity: str, row: Columns, kind: ViewerKind, bind: Bind) -> ColumnElement[bool]:
    """Return the condition for rows of an entity that a kind of viewer may see.

    ``bind`` gives the bind parameters ``viewer_id`` and ``viewer_company``.
    """
    if kind is ViewerKind.NOBODY:
        return false()
    if entity in _ADMINS_ONLY:
        return true() if kind is ViewerKind.ADMIN else false()
    if kind is not ViewerKind.CUSTOMER:
        return true()
    return _customer_sees[entity](row, bind)


_ADMINS_ONLY = frozenset({"Webhook", "WebhookDelivery", "WebhookAttempt"})


def _own_ticket(ticket_id: ColumnElement[Any], bind: Bind) -> ColumnElement[bool]:
    ticket = Ticket.__table__.alias()  # type: ignore[attr-defined]
    own = and_(ticket.c.id == ticket_id, ticket.c.company_id == bind("viewer_company"))
    return exists(select(1).select_from(ticket).where(own))


_customer_sees: dict[str, Callable[[Columns, Bind], ColumnElement[bool]]] = {
    "Ticket": lambda row, bind: row.company_id == bind("viewer_company"),
    "Comment": lambda row, bind: and_(~row.is_internal, _own_ticket(row.ticket_id, bind)),
    "Attachment": lambda row, bind: _own_ticket(row.ticket_id, bind),
    # Both columns follow what they are about (``resolvers.events``), also beyond its end.
    "TicketEvent": lambda row, bind: and_(
        row.company_id == bind("viewer_company"), ~row.is_internal
    ),
    "Company": lambda row, bind: row.id == bind("viewer_company"),
    "Contact": lambda row, bind: row.company_id == bind("viewer_company"),
    # Colleagues. Staff are seen only where a ticket or a comment leads to them.
    "User": lambda row, bind: or_(
        row.id == bind("viewer_id"), row.company_id == bind("viewer_company")
    ),
}


def sees_contact_details(row: Columns, kind: ViewerKind, bind: Bind) -> ColumnElement[bool]:
    """Return the condition for a user's email and phone: one's own, and everybody's for Admins."""
    return true() if kind is ViewerKind.ADMIN else row.id == bind("viewer_id")


def sees_changed(
    field: ColumnElement[Any], value: ColumnElement[Any], kind: ViewerKind, bind: Bind
) -> ColumnElement[bool]:
    """Return the condition for showing what a field was or became.

    A ticket that came from another company does not tell its new one whose it was.
    """
    if kind is not ViewerKind.CUSTOMER:
        return true()
    company = cast(bind("viewer_company"), String)
    contact = Contact.__table__.alias()  # type: ignore[attr-defined]
    own = and_(cast(contact.c.id, String) == value, contact.c.company_id == bind("viewer_company"))
    return and_(
        or_(field != "company", value == company),
        or_(field != "contact", exists(select(1).select_from(contact).where(own))),
    )


def can_see_internal(viewer: Viewer) -> bool:
    """Whether internal notes, or any trace of them, may be shown."""
    return not viewer.is_customer


def can_see_webhooks(viewer: Viewer) -> bool:
    """Whether there are webhooks for a viewer."""
    return viewer.role is Role.ADMIN


def can_see_ticket(viewer: Viewer, ticket: Ticket) -> bool:
    """Whether a ticket exists for a viewer."""
    return not viewer.is_customer or ticket.company_id == viewer.company_id


def can_see_comment(viewer: Viewer, comment: Comment, ticket: Ticket) -> bool:
    """Whether a comment exists for a viewer."""
    return can_see_ticket(viewer, ticket) and (can_see_internal(viewer) or not comment.is_internal)


def can_see_company(viewer: Viewer, company_id: UUID) -> bool:
    """Whether a company, or what belongs to it, exists for a viewer."""
    return not viewer.is_customer or company_id == viewer.company_id


def require_ticket_change(viewer: Viewer, ticket: Ticket, fields: set[str]) -> None:
    """Raise ``Forbidden`` unless the viewer may change these fields of a ticket they see."""
    if not viewer.is_customer:
        return
    if ticket.created_by_id != viewer.id:
        raise Forbidden("Customers may only change tickets that they created.")
    _require_subset(fields, CUSTOMER_MAY_CHANGE)


def require_ticket_create(viewer: Viewer, fields: set[str]) -> None:
    """Raise ``Forbidden`` unless the viewer may set these fields of a new ticket."""
    if viewer.is_customer:
        _require_subset(fields, CUSTOMER_MAY_CREATE)


def _require_subset(fields: set[str], allowed: frozenset[str]) -> None:
    refused = sorted(fields - allowed)
    if refused:
        raise Forbidden(f"Customers may not set {', '.join(refused)}.")


def require_staff(viewer: Viewer, deed: str) -> None:
    """Raise ``Forbidden`` for customers; ``deed`` completes "Only staff may …"."""
    if viewer.is_customer:
        raise Forbidden(f"Only staff may {deed}.")


def require_admin(viewer: Viewer, deed: str) -> None:
    """Raise ``Forbidden`` for all but Admins; ``deed`` completes "Only Admins may …"."""
    if viewer.role is not Role.ADMIN:
        raise Forbidden(f"Only Admins may {deed}.")


def require_internal_note(viewer: Viewer, is_internal: bool) -> None:
    """Raise ``Forbidden`` for customers who write internal notes."""
    if is_internal and viewer.is_customer:
        raise Forbidden("Only staff may write internal notes.")


def require_own(viewer: Viewer, owner_id: UUID | None, deed: str) -> None:
    """Raise ``Forbidden`` for customers where something is not theirs; ``deed`` says what."""
    if viewer.is_customer and owner_id != viewer.id:
        raise Forbidden(f"Customers may only {deed}.")
