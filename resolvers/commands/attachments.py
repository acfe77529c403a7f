"""Writes of attachments: files of tickets.

A file is stored before its row is committed, under a key that nobody can guess, and removed after
its row is gone, also from what an undo would need: a crash between the two leaves at worst a file
without a row.
"""

import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, select, union_all

from models import DELETED_ATTACHMENTS, Attachment, Ticket, TicketEventType, table_of
from models.base import new_id
from resolvers import access
from resolvers.access_rules import Action
from resolvers.commands import validation
from resolvers.commands.conflicts import Expected, settle, versioned_ticket
from resolvers.commands.ticket_rows import (
    AttachmentRow,
    TicketRow,
    locked_attachment,
    locked_ticket,
)
from resolvers.commands.undo.keeping import keep_attachment, keeps
from resolvers.context import Context
from resolvers.errors import TooLarge, Unavailable
from resolvers.events.log import EventDraft, append_events, change
from resolvers.files.media_types import HEAD_BYTES, sniff
from resolvers.files.names import file_name, key_name
from resolvers.services import FileStorage
from resolvers.signing import content_hash
from resolvers.write_statements import (
    KEY,
    Transaction,
    always,
    change_in,
    delete_from,
    insert_into,
    with_key,
)

_attachments, _tickets = table_of(Attachment), table_of(Ticket)
_INSERT, _DELETE = insert_into(_attachments), delete_from(_attachments)
_RENAME = change_in(_attachments, ["name", "updated_at"])
_LOCK_TICKET = always(select(_tickets.c.id).where(with_key(_tickets)).with_for_update())
# Also one that was deleted meanwhile, and may come back.
_WITH_FILE = always(
    union_all(
        *(
            select(table.c.id).where(table.c.key == bindparam("file"))
            for table in (_attachments, DELETED_ATTACHMENTS)
        )
    )
)


class Measured:
    """A stream that is passed on while its size, hash and beginning are taken."""

    def __init__(self, chunks: AsyncIterator[bytes], limit: int | None) -> None:
        """Take the most bytes that the stream may have; ``TooLarge`` stops it there."""
        self._chunks = chunks
        self._limit = limit
        self._hash = content_hash()
        self.size = 0
        self.head = b""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Pass the stream on."""
        async for chunk in self._chunks:
            self.size += len(chunk)
            if self._limit is not None and self.size > self._limit:
                raise TooLarge(self._limit)
            self._hash.update(chunk)
            if len(self.head) < HEAD_BYTES:
                self.head += chunk[:HEAD_BYTES]
            yield chunk

    @property
    def sha256(self) -> str:
        """The hash of what was passed on, in hex."""
        return self._hash.hexdigest()


def new_key(name: str, now: datetime) -> str:
    """Return the key of a new file, in the form of the documented path."""
    token = secrets.token_urlsafe(18)
    return f"tickets/attachments/{now.year:04}/{now.month:02}/{token}/{key_name(name)}"


async def add_attachment(
    context: Context,
    ticket_id: UUID,
    name: str,
    chunks: AsyncIterator[bytes],
    expected_version: int | None = None,
) -> UUID:
    """Store a stream as a file of a ticket.

    Raises ``NotFound`` of a Ticket before anything is read, ``Invalid`` for the name, ``TooLarge``
    when the stream passes the limit, and ``Conflict``, also where the ticket changes while the
    stream comes in; then nothing stays behind. ``expected_version`` is the ticket's.
    """
    viewer = context.require_viewer()
    services = context.services
    cleaned, problems = _clean({"name": name}, partial=False)
    async with services.database.write(checks=True) as transaction:
        ticket = await locked_ticket(transaction, viewer, ticket_id)
        access.require(viewer, "Ticket", ticket.created_by_id, Action.ATTACH_FILE)
        validation.raise_problems(problems)
        await _require_version(context, transaction, ticket, expected_version)
    key = new_key(name, services.clock())
    name = cleaned["name"]
    measured = await store_file(services.files, key, name, chunks, services.max_upload_bytes)
    try:
        return await _add_row(context, ticket_id, name, key, measured, expected_version)
    except BaseException:
        # What failed is what is told: only that says whether the row was added.
        with suppress(Unavailable):
            await _remove_unnamed(context, ticket_id, key)
        raise


def _clean(
    values: Mapping[str, object], *, partial: bool
) -> tuple[validation.Cleaned, validation.Problems]:
    """Return the values of an attachment as they are stored, and what is wrong with others."""
    name = values.get("name")
    # A null character is refused, as in any text.
    if isinstance(name, str) and "\0" not in name:
        values = {**values, "name": file_name(name)}
    return validation.clean(validation.ATTACHMENT, values, partial=partial)


async def store_file(
    files: FileStorage, key: str, name: str, chunks: AsyncIterator[bytes], limit: int | None
) -> Measured:
    """Store a stream, and return what was seen of it; raises ``TooLarge`` past the limit."""
    measured = Measured(chunks, limit)
    content = aiter(measured)
    # The store takes the type before the content, so the beginning is read first.
    beginning = await _beginning(measured, content)
    content_type = sniff(measured.head)
    await files.put(key, _chained(beginning, content), name=name, content_type=content_type)
    return measured


async def _beginning(measured: Measured, content: AsyncIterator[bytes]) -> list[bytes]:
    """Read as much as the type is found by."""
    found = []
    while len(measured.head) < HEAD_BYTES and (chunk := await anext(content, None)) is not None:
        found.append(chunk)
    return found


async def _chained(
    beginning: list[bytes], content: AsyncIterator[bytes]
) -> AsyncGenerator[bytes, None]:
    for chunk in beginning:
        yield chunk
    async for chunk in content:
        yield chunk


async def _remove_unnamed(context: Context, ticket_id: UUID, key: str) -> None:
    """Remove a file whose row could not be added.

    A commit may be done although its answer was lost. Then the row is there, and needs the file;
    and where the database does not answer at all, the file is left for the orphan cleanup.
    """
    async with context.services.database.write() as transaction:
        # Waits for a transaction that is still at it.
        await transaction.fetch_row(_LOCK_TICKET, {KEY: ticket_id})
        known = await transaction.fetch_row(_WITH_FILE, {"file": key})
    if known is None:
        await context.services.files.delete(key)


async def _require_version(
    context: Context, transaction: Transaction, ticket: TicketRow, expected: int | None
) -> None:
    await settle(context, transaction, versioned_ticket(ticket), {}, Expected(expected))


async def _add_row(
    context: Context,
    ticket_id: UUID,
    name: str,
    key: str,
    measured: Measured,
    expected_version: int | None,
) -> UUID:
    viewer = context.require_viewer()
    async with context.services.database.write() as transaction:
        # Again: it may have been deleted or changed while the file was coming in.
        ticket = await locked_ticket(transaction, viewer, ticket_id)
        await _require_version(context, transaction, ticket, expected_version)
        now = context.services.clock()
        attachment_id = new_id()
        row = {
            "id": attachment_id,
            "ticket_id": ticket.id,
            "key": key,
            "name": name,
            "size": measured.size,
            "content_type": sniff(measured.head),
            "sha256": measured.sha256,
            "uploaded_by_id": viewer.id,
            "created_at": now,
            "updated_at": now,
        }
        added = EventDraft(
            TicketEventType.ATTACHMENT_ADDED,
            [change("name", None, name)],
            attachment_id=attachment_id,
        )
        await append_events(context, transaction, ticket, [added], (_INSERT, row))
    return attachment_id


async def update_attachment(
    context: Context,
    attachment_id: UUID,
    changes: Mapping[str, object],
    expected_version: int | None = None,
) -> None:
    """Rename an attachment; ``expected_version`` is that of its ticket.

    Raises ``NotFound``, ``Forbidden``, ``Invalid`` and ``Conflict``.
    """
    viewer = context.require_viewer()
    async with context.services.database.write() as transaction:
        attachment, ticket = await locked_attachment(transaction, viewer, attachment_id)
        access.require_own(viewer, attachment.uploaded_by_id, "rename their own attachments")
        cleaned, problems = _clean(changes, partial=True)
        validation.raise_problems(problems)
        await _require_version(context, transaction, ticket, expected_version)
        name = cleaned.get("name", attachment.name)
        if name != attachment.name:
            await rename_attachment(context, transaction, attachment, ticket, name)


async def rename_attachment(
    context: Context,
    transaction: Transaction,
    attachment: AttachmentRow,
    ticket: TicketRow,
    name: str,
) -> None:
    """Store another name of an attachment with its event."""
    renamed = EventDraft(
        TicketEventType.ATTACHMENT_RENAMED,
        [change("name", attachment.name, name)],
        attachment_id=attachment.id,
    )
    row = {KEY: attachment.id, "name": name, "updated_at": context.services.clock()}
    await append_events(context, transaction, ticket, [renamed], (_RENAME, row))


async def delete_attachment(
    context: Context, attachment_id: UUID, expected_version: int | None = None
) -> None:
    """Delete an attachment; ``expected_version`` is that of its ticket.

    Its file goes when it can no longer be undone.

    Raises ``NotFound``, ``Forbidden`` and ``Conflict``.
    """
    viewer = context.require_viewer()
    async with context.services.database.write() as transaction:
        attachment, ticket = await locked_attachment(transaction, viewer, attachment_id)
        access.require_own(viewer, attachment.uploaded_by_id, "delete their own attachments")
        await _require_version(context, transaction, ticket, expected_version)
        deleted = EventDraft(
            TicketEventType.ATTACHMENT_DELETED,
            [change("name", attachment.name, None)],
            attachment_id=attachment.id,
        )
        kept = keep_attachment(context, deleted, attachment.id)
        removal = (_DELETE, {KEY: attachment.id})
        await append_events(context, transaction, ticket, [deleted], *kept, removal)
    if not keeps(context):
        await context.services.files.delete(attachment.key)
