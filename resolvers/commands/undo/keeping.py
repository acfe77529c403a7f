"""What a change keeps so that it can be undone, in its own transaction.

Nothing is kept where undo is turned off (``undo_hours``).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from sqlalchemy import Table, bindparam, insert, select

from models import (
    DELETED_ATTACHMENTS,
    DELETED_COMMENTS,
    DELETED_TICKETS,
    Attachment,
    Comment,
    Ticket,
    UndoRecord,
    table_of,
)
from models.types import Uuid36
from resolvers.context import Context
from resolvers.events.excerpts import is_long
from resolvers.events.log import EventDraft
from resolvers.write_statements import (
    KEY,
    Statement,
    Step,
    always,
    insert_into,
    stored_names,
)

EVENT = "event"
# What a record has of a ticket's first response: of a comment that was it, and is deleted.
ANSWERED_AT = "first_response_at"
TICKETS, COMMENTS, ATTACHMENTS = table_of(Ticket), table_of(Comment), table_of(Attachment)
_INSERT = insert_into(table_of(UndoRecord))


def _copy(source: Table, target: Table, column: str) -> Statement:
    """Return what copies rows by a column; the database does it, however long they are."""
    names = stored_names(source)
    rows = select(*(source.c[name] for name in names), bindparam(EVENT, type_=Uuid36))
    rows = rows.where(source.c[column] == bindparam(KEY, type_=Uuid36))
    copied = insert(target).from_select([*names, "event_id"], rows, include_defaults=False)
    return always(copied.inline())


_OF_TICKET = (
    _copy(TICKETS, DELETED_TICKETS, "id"),
    _copy(COMMENTS, DELETED_COMMENTS, "ticket_id"),
    _copy(ATTACHMENTS, DELETED_ATTACHMENTS, "ticket_id"),
)
_OF_COMMENT = (_copy(COMMENTS, DELETED_COMMENTS, "id"),)
_OF_ATTACHMENT = (_copy(ATTACHMENTS, DELETED_ATTACHMENTS, "id"),)


def keeps(context: Context) -> bool:
    """Whether anything is kept, and so whether files stay when what they belong to is deleted."""
    return context.services.undo_hours > 0


def keep_ticket(context: Context, event: EventDraft, key: UUID) -> list[Step]:
    """Return what keeps a ticket, its comments and its attachments, before they are deleted."""
    return _keep_rows(context, event, key, _OF_TICKET)


def keep_comment(
    context: Context, event: EventDraft, key: UUID, answered_at: datetime | None = None
) -> list[Step]:
    """Return what keeps a comment before it is deleted.

    ``answered_at``: the time of the ticket's first response, where that is forgotten with it.
    """
    texts = {} if answered_at is None else {ANSWERED_AT: {"from": answered_at.isoformat()}}
    return _keep_rows(context, event, key, _OF_COMMENT, texts)


def keep_attachment(context: Context, event: EventDraft, key: UUID) -> list[Step]:
    """Return what keeps an attachment before it is deleted."""
    return _keep_rows(context, event, key, _OF_ATTACHMENT)


def keep_texts(
    context: Context,
    events: Sequence[EventDraft],
    before: Mapping[str, object],
    after: Mapping[str, object],
) -> Iterator[Step]:
    """Yield what keeps the texts that the events of a change have only excerpts of."""
    if not keeps(context):
        return
    for event in events:
        texts = {
            name: {"from": str(before[name]), "to_sha256": text_hash(str(after[name]))}
            for name in (str(entry["field"]) for entry in event.changes)
            if is_long(before[name]) or is_long(after[name])
        }
        if texts:
            yield _record(context, event, texts)


def text_hash(text: str) -> str:
    """Return what a text that is not kept is compared by."""
    return sha256(text.encode()).hexdigest()


def _keep_rows(
    context: Context,
    event: EventDraft,
    key: UUID,
    copies: Sequence[Statement],
    texts: Mapping[str, object] | None = None,
) -> list[Step]:
    if not keeps(context):
        return []
    values = {KEY: key, EVENT: event.id}
    return [_record(context, event, texts or {}), *((copy, values) for copy in copies)]


def _record(context: Context, event: EventDraft, texts: Mapping[str, object]) -> Step:
    return _INSERT, {"event_id": event.id, "texts": texts, "at": context.services.clock()}
