"""The rows of the world, which tests know by name: people, companies, tickets and what is in them.

What staff say among themselves contains ``SECRET``, so a trace of it can be looked for in any
answer.
"""

import functools
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlmodel import SQLModel

from models import (
    Attachment,
    BulkJob,
    BulkJobBatch,
    BulkJobError,
    BulkJobKind,
    BulkJobState,
    Comment,
    Role,
    Team,
    Ticket,
    TicketCategory,
    TicketEvent,
    TicketEventType,
    TicketPriority,
    TicketStatus,
    User,
    Webhook,
    WebhookAttempt,
    WebhookDelivery,
    WebhookDeliveryState,
)
from resolvers.auth.passwords import hash_password
from resolvers.events.log import change
from tests.support import rows
from tests.support.clock import NOON
from tests.support.rows import company, contact, key

SECRET = "between ourselves"
PASSWORD = "correct horse battery"
CONTENT = b"what is in every file"
# The role and the company of each user, in the order in which they joined.
PEOPLE: Mapping[str, tuple[Role, str | None]] = {
    "admin": (Role.ADMIN, None),
    "keith": (Role.TECH, None),
    "gone": (Role.SALES, None),
    "carla": (Role.CUSTOMER, "hilton"),
    "colin": (Role.CUSTOMER, "hilton"),
    "olga": (Role.CUSTOMER, "centara"),
}
NAMES: Mapping[str, str] = {
    str(key(name)): name
    for name in (
        *("hilton", "centara", *PEOPLE, "john", "jane", "offline", "volume", "bill"),
        *("public", "internal", "own", "note", "theirs", "photo", "scan", "receipt"),
        *("opened", "billed", "moved", "said", "whispered", "filed", "erased", "wiped"),
        *("hook", "sent", "tidied", "waiting", "hers", "refused", "denied"),
    )
}


@functools.cache
def password_hash() -> str:
    """Return the hash of everybody's password; hashing is slow on purpose, so it is done once."""
    return hash_password(PASSWORD)


def _times(days: int) -> dict[str, Any]:
    return dict.fromkeys(("created_at", "updated_at"), NOON - timedelta(days=days))


def _user(number: int, name: str) -> User:
    role, company = PEOPLE[name]
    return rows.user(
        name,
        role,
        password=password_hash(),
        first_name=name.capitalize(),
        last_name="Test",
        email=f"{name}@desk.example",
        phone=f"+{number}",
        is_active=name != "gone",
        company_id=key(company) if company else None,
        date_joined=NOON - timedelta(days=100 - number),
    )


def _ticket(name: str, number: int, creator: str, **more: Any) -> Ticket:
    texts = {"subject": f"Subject of {name}", "description": f"Description of {name}"}
    return rows.ticket(name, number, created_by_id=key(creator), **texts, **more)


def _comment(name: str, ticket: str, author: str, *, internal: bool = False) -> Comment:
    text = f"{name}, {SECRET}" if internal else f"Text of {name}"
    return rows.comment(
        name, ticket, author_id=key(author), text=text, is_internal=internal, **_times(days=1)
    )


def _attachment(name: str, ticket: str, uploader: str) -> Attachment:
    file = {"name": f"{name}.txt", "size": len(CONTENT)}
    return rows.attachment(name, ticket, uploaded_by_id=key(uploader), **file, **_times(days=1))


def _tickets() -> tuple[Ticket, ...]:
    offline = _ticket(
        "offline",
        1,
        "keith",
        category=TicketCategory.TECHNICAL,
        priority=TicketPriority.HIGH,
        status=TicketStatus.ASSIGNED,
        assigned_to_id=key("keith"),
        assigned_team=Team.TECH,
        contact_id=key("john"),
        due_date=NOON - timedelta(hours=1),
        tags="vip,zone",
    )
    bill = _ticket("bill", 3, "olga", company_id=key("centara"), contact_id=key("jane"))
    # As every ticket that was closed here; else its next write would stamp it.
    bill.status, bill.closed_at = TicketStatus.CLOSED, bill.created_at
    return offline, _ticket("volume", 2, "carla"), bill


@functools.cache
def named_rows() -> tuple[SQLModel, ...]:
    """Return the rows that every test of the world starts with, those referred to first."""
    old: dict[str, Any] = {"notes": f"Pays late, {SECRET}", **_times(days=50)}
    john = {"email": "john@hilton.example", "is_primary": True}
    return (
        company("hilton", **old | {"name": "Hilton", "country": "Thailand"}),
        company("centara", **old | {"name": "Centara"}),
        *(_user(number, name) for number, name in enumerate(PEOPLE, 1)),
        contact("john", **old | {"name": "John Smith"} | john),
        contact("jane", **old | {"name": "Jane Doe", "company_id": key("centara")}),
        *_tickets(),
        _comment("public", "offline", "keith"),
        _comment("internal", "offline", "keith", internal=True),
        _comment("own", "volume", "carla"),
        _comment("note", "volume", "admin", internal=True),
        _comment("theirs", "bill", "olga"),
        _attachment("photo", "offline", "keith"),
        _attachment("scan", "volume", "carla"),
        _attachment("receipt", "bill", "olga"),
    )


def _event(name: str, kind: TicketEventType, ticket: str, who: str, **more: Any) -> TicketEvent:
    at = NOON - timedelta(days=8)
    number = f"T-20251109-{len(ticket):04}"
    given = {"type": kind, "actor_id": key(who), "ticket_number": number, "at": at}
    return rows.event(name, ticket, **given | more)


@functools.cache
def past_events() -> tuple[TicketEvent, ...]:
    """Return what had happened before, for tests that read of it."""
    moved = [
        change("company", key("centara"), key("hilton")),
        change("contact", key("jane"), key("john")),
    ]
    # It can be undone: the comment is as it says.
    whispered = [change("text", SECRET, f"internal, {SECRET}")]
    theirs = {"company_id": key("centara")}
    kinds = TicketEventType
    return (
        _event("opened", kinds.CREATED, "offline", "keith"),
        _event("billed", kinds.CREATED, "bill", "olga", **theirs),
        _event("moved", kinds.UPDATED, "volume", "keith", changes=moved),
        _event("said", kinds.COMMENT_ADDED, "offline", "keith", comment_id=key("public")),
        _event(
            "whispered",
            kinds.COMMENT_EDITED,
            "offline",
            "admin",
            comment_id=key("internal"),
            changes=whispered,
            is_internal=True,
            at=NOON - timedelta(hours=1),
        ),
        _event("filed", kinds.ATTACHMENT_ADDED, "volume", "carla", attachment_id=key("scan")),
        # Of tickets that are gone.
        _event("erased", kinds.DELETED, "past", "keith"),
        _event("wiped", kinds.DELETED, "lost", "olga", **theirs),
    )


@functools.cache
def past_webhooks() -> tuple[SQLModel, ...]:
    """Return a webhook of the Admin that has sent something."""
    times: dict[str, Any] = {"created_at": NOON - timedelta(days=8)}
    return (
        Webhook(
            id=key("hook"),
            url=f"https://hooks.example/{SECRET}",
            # Beyond everything: the deliverer has nothing to take.
            cursor=2**62,
            salt="salt",
            created_by_id=key("admin"),
            enabled=False,
            **times | {"updated_at": NOON},
        ),
        WebhookDelivery(
            id=key("sent"),
            webhook_id=key("hook"),
            event_id=key("opened"),
            seq=1,
            ticket_id=key("offline"),
            type="ticket.created",
            message_id="message",
            body=SECRET,
            state=WebhookDeliveryState.DELIVERED,
            attempt_count=1,
            finished_at=NOON,
            **times,
        ),
        WebhookAttempt(
            delivery_id=key("sent"),
            number=1,
            url="https://hooks.example/",
            at=NOON,
            duration_ms=5,
            status=200,
            answer=SECRET,
        ),
    )


@functools.cache
def past_jobs() -> tuple[SQLModel, ...]:
    """Return bulk jobs of a technician, one of which is still to be done, and of a customer."""
    ended: dict[str, Any] = {
        "kind": BulkJobKind.UPDATE,
        "state": BulkJobState.DONE,
        "total_count": 2,
        "done_count": 2,
        "changed_count": 1,
        "failed_count": 1,
        "batch": 1,
        "created_at": NOON - timedelta(hours=1),
        "started_at": NOON - timedelta(hours=1),
        "finished_at": NOON - timedelta(hours=1),
    }
    refused = {"message": "Not yours.", "code": "FORBIDDEN", "field": None, "conflict": None}
    return (
        BulkJob(id=key("tidied"), created_by_id=key("keith"), **ended),
        BulkJob(id=key("hers"), created_by_id=key("carla"), **ended),
        BulkJob(
            id=key("waiting"),
            kind=BulkJobKind.DELETE,
            created_by_id=key("keith"),
            created_at=NOON - timedelta(hours=1),
            arguments={"listed": True},
            total_count=1,
        ),
        BulkJobBatch(job_id=key("tidied"), number=0, event_ids=[str(key("whispered"))]),
        BulkJobBatch(job_id=key("waiting"), number=0, items=[str(key("bill"))]),
        BulkJobError(
            id=key("refused"),
            job_id=key("tidied"),
            position=1,
            ticket_id=key("bill"),
            errors=[refused],
        ),
        BulkJobError(
            id=key("denied"),
            job_id=key("hers"),
            position=0,
            ticket_id=key("offline"),
            errors=[refused],
        ),
    )
