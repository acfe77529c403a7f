"""What can be done to attachments: files of tickets.

A file is stored before its row is committed, under a key that nobody can guess, and removed after
its row is gone: a crash between the two leaves at worst a file without a row.
"""

import hmac
import re
import secrets
import unicodedata
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, String, bindparam, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models import Attachment, Ticket, TicketEventType
from models.types import Uuid36
from resolvers import access, inputs
from resolvers.desk import Context, Viewer, ViewerKind
from resolvers.errors import NotFound, TooLarge
from resolvers.events import Happening, append_events, change
from resolvers.filters import storable
from resolvers.plans import context_values, fetch_row
from resolvers.signing import content_hash
from resolvers.sniffing import sniff
from resolvers.tickets import locked_ticket

LONGEST_STEM = 100
_attachments = Attachment.__table__  # type: ignore[attr-defined]
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True)
class OpenFile:
    """A stored file that is about to be sent; ``size`` in bytes."""

    name: str
    size: int
    content_type: str
    sha256: str
    chunks: AsyncIterator[bytes]


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
            if len(self.head) < 512:
                self.head += chunk[:512]
            yield chunk

    @property
    def sha256(self) -> str:
        """The hash of what was passed on, in hex."""
        return self._hash.hexdigest()


def clean_name(name: str) -> str:
    """Return a name that is safe in any path and URL; never empty, never starting with a dot."""
    plain = unicodedata.normalize("NFKD", name.replace("\\", "/").rsplit("/", 1)[-1])
    safe = _UNSAFE.sub("_", plain.encode("ascii", "ignore").decode()).strip("._")
    stem, dot, extension = safe.rpartition(".")
    if not dot:
        return safe[:LONGEST_STEM] or "file"
    return f"{stem[:LONGEST_STEM] or 'file'}.{extension[:20]}"


def new_key(name: str, now: datetime) -> str:
    """Return the key of a new file, in the form of the documented path."""
    token = secrets.token_urlsafe(18)
    return f"tickets/attachments/{now.year:04}/{now.month:02}/{token}/{clean_name(name)}"


async def add_attachment(
    context: Context, ticket_id: UUID, name: str, chunks: AsyncIterator[bytes]
) -> UUID:
    """Store a stream as a file of a ticket.

    Raises ``NotFound`` of a Ticket before anything is read, ``Invalid`` for the name, and
    ``TooLarge`` when the stream passes the limit; then nothing stays behind.
    """
    viewer = context.require_viewer()
    desk = context.desk
    cleaned, problems = inputs.clean(inputs.ATTACHMENT, {"name": name}, partial=False)
    async with desk.database.transaction() as session:
        await locked_ticket(session, viewer, ticket_id)
        inputs.raise_problems(problems)
    key = new_key(name, desk.clock())
    measured = Measured(chunks, desk.max_upload_bytes)
    await desk.files.put(key, aiter(measured))
    try:
        return await _add_row(context, viewer, ticket_id, cleaned["name"], key, measured)
    except BaseException:
        await desk.files.delete(key)
        raise


async def _add_row(
    context: Context, viewer: Viewer, ticket_id: UUID, name: str, key: str, measured: Measured
) -> UUID:
    async with context.desk.database.transaction() as session:
        # Again: it may have been deleted while the file was coming in.
        ticket = await locked_ticket(session, viewer, ticket_id)
        now = context.desk.clock()
        attachment = Attachment(
            ticket_id=ticket.id,
            key=key,
            name=name,
            size=measured.size,
            content_type=sniff(measured.head),
            sha256=measured.sha256,
            uploaded_by_id=viewer.id,
            created_at=now,
            updated_at=now,
        )
        session.add(attachment)
        added = Happening(
            TicketEventType.ATTACHMENT_ADDED,
            [change("name", None, name)],
            attachment_id=attachment.id,
        )
        await append_events(context, session, ticket, [added])
    return attachment.id


async def update_attachment(
    context: Context, attachment_id: UUID, changes: Mapping[str, object]
) -> None:
    """Rename an attachment. Raises ``NotFound``, ``Forbidden`` and ``Invalid``."""
    viewer = context.require_viewer()
    async with context.desk.database.transaction() as session:
        attachment, ticket = await _locked(session, viewer, attachment_id)
        access.require_own(viewer, attachment.uploaded_by_id, "rename their own attachments")
        cleaned, problems = inputs.clean(inputs.ATTACHMENT, changes, partial=True)
        inputs.raise_problems(problems)
        name = cleaned.get("name", attachment.name)
        if "name" in cleaned:
            attachment.updated_at = context.desk.clock()
        if name != attachment.name:
            renamed = Happening(
                TicketEventType.ATTACHMENT_RENAMED,
                [change("name", attachment.name, name)],
                attachment_id=attachment.id,
            )
            attachment.name = name
            await append_events(context, session, ticket, [renamed])


async def delete_attachment(context: Context, attachment_id: UUID) -> None:
    """Delete an attachment, then its file. Raises ``NotFound`` and ``Forbidden``."""
    viewer = context.require_viewer()
    async with context.desk.database.transaction() as session:
        attachment, ticket = await _locked(session, viewer, attachment_id)
        access.require_own(viewer, attachment.uploaded_by_id, "delete their own attachments")
        await session.delete(attachment)
        deleted = Happening(
            TicketEventType.ATTACHMENT_DELETED,
            [change("name", attachment.name, None)],
            attachment_id=attachment.id,
        )
        await append_events(context, session, ticket, [deleted])
    await context.desk.files.delete(attachment.key)


async def _locked(
    session: AsyncSession, viewer: Viewer, attachment_id: UUID
) -> tuple[Attachment, Ticket]:
    attachment = await session.get(Attachment, attachment_id)
    if attachment is None:
        raise NotFound("Attachment")
    ticket = await session.get(Ticket, attachment.ticket_id, with_for_update=True)
    if ticket is None or not access.can_see_ticket(viewer, ticket):
        raise NotFound("Attachment")
    # Somebody may have deleted it while we waited for the ticket.
    current = await session.get(
        Attachment, attachment_id, with_for_update=True, populate_existing=True
    )
    if current is None:
        raise NotFound("Attachment")
    return current, ticket


async def open_attachment(context: Context, key: str) -> OpenFile:
    """Open the file of a key for whoever may see its ticket; raises ``NotFound``."""
    context.require_viewer()
    return await _open(context, key, context.kind)


async def open_signed(context: Context, key: str, expires: str, signature: str) -> OpenFile:
    """Open the file of a signed link; raises ``NotFound`` where it is altered or expired."""
    if storable(key + expires) != key + expires:
        raise NotFound("Attachment")
    expected = context.desk.signer.media_signature(key, expires)
    genuine = hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))
    if not genuine or int(expires) < context.desk.clock().timestamp():
        raise NotFound("Attachment")
    # Whoever was given the link sees what its giver saw.
    return await _open(context, key, ViewerKind.ADMIN)


async def _open(context: Context, key: str, kind: ViewerKind) -> OpenFile:
    def build() -> Select[Any]:
        row = _attachments.c
        visible = access.visible(
            "Attachment", row, kind, lambda name: bindparam(name, type_=Uuid36)
        )
        wanted = select(row.name, row.content_type, row.sha256)
        return wanted.where(row.key == bindparam("key", type_=String), visible)

    if storable(key) != key:
        raise NotFound("Attachment")
    values = {**context_values(context), "key": key}
    found = await fetch_row(context.desk, (_open, kind), build, values)
    if found is None:
        raise NotFound("Attachment")
    try:
        size, chunks = await context.desk.files.get(key)
    except FileNotFoundError:
        raise NotFound("Attachment") from None
    name, content_type, sha256 = found
    return OpenFile(name, size, content_type, sha256, chunks)
