"""Who sees what and who may do what: the only place that says so.

Staff see everything but webhooks, which exist for Admins only, and the bulk jobs of others; Admins
also manage users, companies and contacts. A customer sees the tickets of their company with public
comments, and changes or deletes only what is their own.
What a viewer may not see does not exist, so the answer is ``NotFound``.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, String, and_, cast, exists, false, func, or_, select, true
from sqlmodel import SQLModel

from models import Attachment, BulkJob, Comment, Contact, Role, Ticket, TicketEvent, table_of
from resolvers.access_rules import (
    CODE_OF,
    CUSTOMER_MAY_CREATE,
    OWNER,
    RULES,
    TAKES,
    AccessRule,
    Action,
    Customers,
    ReasonCode,
)
from resolvers.errors import Forbidden
from resolvers.query.binds import VIEWER_COMPANY, VIEWER_ID
from resolvers.query.sql.elements import SQL
from resolvers.viewer import Viewer, ViewerKind

# A row's columns: those of a table, an alias or a subquery.
Columns = Any
Bind = Callable[[str], SQL]
Own = TypeVar("Own", bool, ColumnElement[bool])


def _allows(rule: AccessRule, kind: ViewerKind, owns: Own) -> Own | bool:
    """Apply a rule; ``owns`` is whether the row is the viewer's, known or as a condition of SQL."""
    if kind is not ViewerKind.CUSTOMER or rule.customers is Customers.ALL:
        return True
    return owns if rule.customers is Customers.OWNER else False


def owns(entity: str, row: Columns, bind: Bind) -> ColumnElement[bool]:
    """Return the condition for rows that are the viewer's own; never NULL."""
    return func.coalesce(row[OWNER[entity]] == bind(VIEWER_ID), false())


def may(
    entity: str, action: Action, row: Columns, kind: ViewerKind, bind: Bind
) -> ColumnElement[bool]:
    """Return the condition for rows that a kind of viewer may do something with."""
    allowed = _allows(RULES[entity][action], kind, owns(entity, row, bind))
    return (true() if allowed else false()) if isinstance(allowed, bool) else allowed


def refusals(
    entity: str, kind: ViewerKind, *, own: bool
) -> Sequence[tuple[Action, ReasonCode, str]]:
    """Return what a kind of viewer may not do with a row that is theirs or not, and why."""
    return [
        (action, CODE_OF[rule.customers], rule.refusal)
        for action, rule in RULES[entity].items()
        if not _allows(rule, kind, own)
    ]


def require(viewer: Viewer, entity: str, owner_id: UUID | None, action: Action) -> None:
    """Raise ``Forbidden`` unless the viewer may do something with a row that they see.

    ``owner_id`` is the row's value of the column ``OWNER``.
    """
    rule = RULES[entity][action]
    if not _allows(rule, viewer.kind, owner_id == viewer.id):
        raise Forbidden(rule.refusal)


def visible(entity: str, row: Columns, kind: ViewerKind, bind: Bind) -> ColumnElement[bool]:
    """Return the condition for rows of an entity that a kind of viewer may see.

    ``bind`` gives the bind parameters ``viewer_id`` and ``viewer_company``.
    """
    if kind is ViewerKind.ANONYMOUS:
        return false()
    if entity in _ADMINS_ONLY:
        return true() if kind is ViewerKind.ADMIN else false()
    if entity in _own_or_admin:
        return true() if kind is ViewerKind.ADMIN else _own_or_admin[entity](row, bind)
    if kind is not ViewerKind.CUSTOMER:
        return true()
    return _customer_sees[entity](row, bind)


def _own_job(job_id: SQL, bind: Bind) -> ColumnElement[bool]:
    job = table_of(BulkJob).alias()
    own = and_(job.c.id == job_id, job.c.created_by_id == bind(VIEWER_ID))
    return exists(select(1).select_from(job).where(own))


_ADMINS_ONLY = frozenset({"Webhook", "WebhookDelivery", "WebhookAttempt"})


# What Admins see, and others if it is their own.
_own_or_admin: dict[str, Callable[[Columns, Bind], ColumnElement[bool]]] = {
    "BulkJob": lambda row, bind: row.created_by_id == bind(VIEWER_ID),
    "BulkJobError": lambda row, bind: _own_job(row.job_id, bind),
}


def _own_ticket(ticket_id: SQL, bind: Bind) -> ColumnElement[bool]:
    ticket = table_of(Ticket).alias()
    own = and_(ticket.c.id == ticket_id, ticket.c.company_id == bind(VIEWER_COMPANY))
    return exists(select(1).select_from(ticket).where(own))


_customer_sees: dict[str, Callable[[Columns, Bind], ColumnElement[bool]]] = {
    "Ticket": lambda row, bind: row.company_id == bind(VIEWER_COMPANY),
    "Comment": lambda row, bind: and_(~row.is_internal, _own_ticket(row.ticket_id, bind)),
    "Attachment": lambda row, bind: _own_ticket(row.ticket_id, bind),
    # Both columns follow what they are about (``resolvers.events.log``), also beyond its end.
    "TicketEvent": lambda row, bind: and_(row.company_id == bind(VIEWER_COMPANY), ~row.is_internal),
    "Company": lambda row, bind: row.id == bind(VIEWER_COMPANY),
    "Contact": lambda row, bind: row.company_id == bind(VIEWER_COMPANY),
    # Colleagues. Staff are seen only where a ticket or a comment leads to them.
    "User": lambda row, bind: or_(
        row.id == bind(VIEWER_ID), row.company_id == bind(VIEWER_COMPANY)
    ),
}


def shows_person(row: Columns, kind: ViewerKind, bind: Bind) -> ColumnElement[bool]:
    """Return the condition for users whose names a viewer sees because of what they did.

    Customers see the names of staff and of their own company. A ticket that came from another
    company does not show the people there.
    """
    if kind is not ViewerKind.CUSTOMER:
        return true()
    return or_(row.role != Role.CUSTOMER, row.company_id == bind(VIEWER_COMPANY))


def fetchable(entity: str, row: Columns, kind: ViewerKind, bind: Bind) -> ColumnElement[bool]:
    """Return the condition for rows that a kind of viewer may fetch by their id.

    Besides what they see, these are the users whom something that they see leads to (``anyone`` in
    the catalog): an assignee, an author, an uploader, an actor.
    """
    seen = visible(entity, row, kind, bind)
    if entity != "User" or kind is not ViewerKind.CUSTOMER:
        return seen
    leading = or_(*(_leads_to(row, *path, kind, bind) for path in _LEADING_TO_USERS))
    return or_(seen, and_(shows_person(row, kind, bind), leading))


_LEADING_TO_USERS: Sequence[tuple[type[SQLModel], str]] = (
    (Ticket, "assigned_to_id"),
    (Ticket, "created_by_id"),
    (Comment, "author_id"),
    (Attachment, "uploaded_by_id"),
    (TicketEvent, "actor_id"),
)


def _leads_to(
    user: Columns, model: type[SQLModel], column: str, kind: ViewerKind, bind: Bind
) -> ColumnElement[bool]:
    other = table_of(model).alias()
    shown = visible(model.__name__, other.c, kind, bind)
    leading = select(1).select_from(other).where(other.c[column] == user.id, shown)
    return exists(leading.correlate_except(other))


def sees_contact_details(row: Columns, kind: ViewerKind, bind: Bind) -> ColumnElement[bool]:
    """Return the condition for a user's email and phone: one's own, and everybody's for Admins."""
    return true() if kind is ViewerKind.ADMIN else row.id == bind(VIEWER_ID)


def may_search_private_text(
    entity: str, row: Columns, kind: ViewerKind, bind: Bind
) -> ColumnElement[bool]:
    """Return the condition for finding a row by its ``search_private``.

    A search finds nothing by texts that the viewer is not shown: notes of a company, the email of
    a user.
    """
    if entity == "User":
        return sees_contact_details(row, kind, bind)
    return false() if kind is ViewerKind.CUSTOMER else true()


def sees_changed(field: SQL, value: SQL, kind: ViewerKind, bind: Bind) -> ColumnElement[bool]:
    """Return the condition for showing what a field was or became.

    A ticket that came from another company does not tell its new one whose it was.
    """
    if kind is not ViewerKind.CUSTOMER:
        return true()
    company = cast(bind(VIEWER_COMPANY), String)
    contact = table_of(Contact).alias()
    own = and_(cast(contact.c.id, String) == value, contact.c.company_id == bind(VIEWER_COMPANY))
    return and_(
        or_(field != "company", value == company),
        or_(field != "contact", exists(select(1).select_from(contact).where(own))),
    )


def may_hide_changed(viewer: Viewer, field: str) -> bool:
    """Whether ``sees_changed`` may hide what a field was or became."""
    return viewer.is_customer and field in ("company", "contact")


def can_see_internal(viewer: Viewer) -> bool:
    """Whether internal notes, or any trace of them, may be shown."""
    return not viewer.is_customer


def can_see_webhooks(viewer: Viewer) -> bool:
    """Whether there are webhooks for a viewer."""
    return viewer.role is Role.ADMIN


def can_see_bulk_job(viewer: Viewer, creator_id: UUID | None) -> bool:
    """Whether a bulk job exists for a viewer, who may then cancel and undo it."""
    return viewer.role is Role.ADMIN or creator_id == viewer.id


def can_see_company(viewer: Viewer, company_id: UUID) -> bool:
    """Whether a company, or what belongs to it, such as a ticket, exists for a viewer."""
    return not viewer.is_customer or company_id == viewer.company_id


def require_ticket_change(viewer: Viewer, owner_id: UUID | None, fields: set[str]) -> None:
    """Raise ``Forbidden`` unless the viewer may change these fields of a ticket they see."""
    require(viewer, "Ticket", owner_id, Action.UPDATE)
    owned = owner_id == viewer.id
    _refuse(
        field
        for field in fields & TAKES.keys()
        if not _allows(RULES["Ticket"][TAKES[field]], viewer.kind, owned)
    )


def require_ticket_create(viewer: Viewer, fields: set[str]) -> None:
    """Raise ``Forbidden`` unless the viewer may set these fields of a new ticket."""
    if viewer.is_customer:
        _refuse(fields - CUSTOMER_MAY_CREATE)


def _refuse(fields: Iterable[str]) -> None:
    refused = sorted(fields)
    if refused:
        raise Forbidden(f"Customers may not set {', '.join(refused)}.")


def require_admin(viewer: Viewer, operation: str) -> None:
    """Raise ``Forbidden`` for all but Admins; ``operation`` completes "Only Admins may …"."""
    if viewer.role is not Role.ADMIN:
        raise Forbidden(f"Only Admins may {operation}.")


def require_own(viewer: Viewer, owner_id: UUID | None, operation: str) -> None:
    """Raise ``Forbidden`` for customers where something is not theirs; ``operation`` says what."""
    if viewer.is_customer and owner_id != viewer.id:
        raise Forbidden(f"Customers may only {operation}.")
