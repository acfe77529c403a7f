"""The events of imported rows: as if each row had been written here, by the same user."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import UpdateBase
from sqlalchemy.ext.asyncio import AsyncConnection

from deskgraph.importer.batch import Batch
from deskgraph.importer.inserts import Row, insert_all
from deskgraph.importer.kinds import ATTACHMENTS, COMMENTS, TICKETS
from models import TicketEvent, TicketEventType, Via, table_of
from resolvers.commands import validation
from resolvers.commands.comments import REPORTED, comment_events
from resolvers.commands.ticket_changes import ticket_events
from resolvers.commands.ticket_rows import COLUMN_OF
from resolvers.events.log import EventDraft, change, hide_events, lock_log, move_events
from resolvers.write_statements import Statement, Values

VIA = Via.IMPORT.value
_events = table_of(TicketEvent)


async def append(connection: AsyncConnection, batch: Batch) -> None:
    """Append the events of a batch that was written, as the last thing of its transaction."""
    events = [event for row in batch.new for event in _of_new(batch, row)]
    events += [event for pair in batch.changed for event in _of_changed(batch, *pair)]
    if not events:
        return
    await _follow(connection, batch)
    await lock_log(connection.dialect.name, connection.execute)
    await insert_all(connection, _events, events)


async def _follow(connection: AsyncConnection, batch: Batch) -> None:
    """Move or hide earlier events of tickets that moved and comments that became internal."""
    for before, after in batch.changed:
        if batch.kind is TICKETS and before["company_id"] != after["company_id"]:
            await _run(connection, *move_events(after["id"], after["company_id"]))
        if batch.kind is COMMENTS and after["is_internal"] and not before["is_internal"]:
            await _run(connection, *hide_events(before["ticket_id"], after["id"]))


async def _run(connection: AsyncConnection, statement: Statement, values: Values) -> None:
    built = statement.build(connection.dialect.name)
    assert isinstance(built, UpdateBase)
    await connection.execute(built, values)


def _of_new(batch: Batch, row: Row) -> list[Row]:
    if batch.kind is TICKETS:
        created = EventDraft(TicketEventType.CREATED)
        return [_event(created, row, row["id"], row["created_by_id"], row["created_at"])]
    if batch.kind is COMMENTS:
        return [_added(batch, row)]
    if batch.kind is ATTACHMENTS:
        named = [change("name", None, row["name"])]
        added = EventDraft(TicketEventType.ATTACHMENT_ADDED, named, attachment_id=row["id"])
        ticket = batch.tickets[row["ticket_id"]]
        return [_event(added, ticket, ticket["id"], row["uploaded_by_id"], row["created_at"])]
    return []


def _added(batch: Batch, row: Row) -> Row:
    ticket = batch.tickets[row["ticket_id"]]
    added = EventDraft(
        TicketEventType.COMMENT_ADDED, is_internal=row["is_internal"], comment_id=row["id"]
    )
    return _event(added, ticket, ticket["id"], row["author_id"], row["created_at"])


def _of_changed(batch: Batch, before: Row, after: Row) -> list[Row]:
    """Return the events of a change; the old tables do not say who made it."""
    if batch.kind is TICKETS:
        drafts = ticket_events(_fields(before), _fields(after))
        return [_event(one, after, after["id"], None, after["updated_at"]) for one in drafts]
    if batch.kind is COMMENTS:
        return _of_comment(batch, before, after)
    return []


def _of_comment(batch: Batch, before: Row, after: Row) -> list[Row]:
    """Return a comment's events; one that moved is deleted from one ticket and added to another."""
    if before["ticket_id"] != after["ticket_id"]:
        left = batch.tickets[before["ticket_id"]]
        deleted = EventDraft(
            TicketEventType.COMMENT_DELETED,
            # The events of a comment that is internal now are all hidden.
            is_internal=before["is_internal"] or after["is_internal"],
            comment_id=after["id"],
        )
        gone = _event(deleted, left, left["id"], None, after["updated_at"])
        return [gone, _added(batch, after)]
    ticket = batch.tickets[after["ticket_id"]]
    told = comment_events(
        after["id"],
        {name: before[name] for name in REPORTED},
        {name: after[name] for name in REPORTED},
    )
    return [_event(one, ticket, ticket["id"], None, after["updated_at"]) for one in told]


def _fields(row: Row) -> Row:
    """Return the fields of a ticket that the old system has, too."""
    columns = {name: COLUMN_OF.get(name, name) for name in validation.TICKET}
    return {name: row[column] for name, column in columns.items() if column in row}


def _event(
    draft: EventDraft, ticket: Row, ticket_id: UUID, actor_id: UUID | None, at: datetime
) -> Row:
    return {
        "id": draft.id,
        "type": draft.type,
        "ticket_id": ticket_id,
        "company_id": ticket["company_id"],
        "ticket_number": ticket["ticket_number"],
        "comment_id": draft.comment_id,
        "attachment_id": draft.attachment_id,
        "actor_id": actor_id,
        "via": VIA,
        "is_internal": draft.is_internal,
        "changes": [dict(entry) for entry in draft.changes],
        "at": at,
    }
