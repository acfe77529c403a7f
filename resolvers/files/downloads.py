"""Downloads: for viewers who may see the ticket, and by signed links that expire."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from sqlalchemy import SelectBase, String, bindparam, select

from models import Attachment, table_of
from models.types import Uuid36
from resolvers import access
from resolvers.context import Context
from resolvers.errors import NotFound
from resolvers.files.media_types import TYPES, UNKNOWN
from resolvers.query.statements import context_values, fetch_row
from resolvers.services import FileStorage
from resolvers.texts import is_storable
from resolvers.viewer import ViewerKind

_attachments = table_of(Attachment)


@dataclass(frozen=True)
class OpenFile:
    """A file that may be sent; ``size`` in bytes."""

    key: str
    name: str
    size: int
    content_type: str
    sha256: str
    files: FileStorage

    async def read(self, span: tuple[int, int] | None = None) -> AsyncIterator[bytes]:
        """Return the bytes, or those from a start up to an end; raises ``NotFound``."""
        try:
            return await self.files.get(self.key, span)
        except FileNotFoundError:
            raise NotFound("Attachment") from None

    async def require(self) -> None:
        """Raise ``NotFound`` where the file is gone from the store."""
        if not await self.files.exists(self.key):
            raise NotFound("Attachment")

    async def link(self) -> str | None:
        """Return a short-lived address of the store itself, None where it gives none."""
        return await self.files.link(self.key, self.name, self.content_type)


async def open_attachment(context: Context, key: str) -> OpenFile:
    """Open the file of a key for a viewer who may see its ticket; raises ``NotFound``."""
    context.require_viewer()
    return await _open(context, key, context.kind)


async def open_signed(context: Context, key: str, expires: str, signature: str) -> OpenFile:
    """Open the file of a signed link; raises ``NotFound`` where it is altered or expired."""
    if not is_storable(key + expires):
        raise NotFound("Attachment")
    genuine = context.services.signer.is_media_signature(signature, key, expires)
    if not genuine or int(expires) < context.services.clock().timestamp():
        raise NotFound("Attachment")
    # A link shows what the viewer saw for whom it was made.
    return await _open(context, key, ViewerKind.ADMIN)


async def _open(context: Context, key: str, viewer: ViewerKind) -> OpenFile:
    def build() -> SelectBase:
        row = _attachments.c
        visible = access.visible(
            "Attachment", row, viewer, lambda name: bindparam(name, type_=Uuid36)
        )
        wanted = select(row.name, row.size, row.content_type, row.sha256)
        return wanted.where(row.key == bindparam("key", type_=String), visible)

    if not is_storable(key):
        raise NotFound("Attachment")
    values = {**context_values(context), "key": key}
    found = await fetch_row(context.services, (_open, viewer), build, values)
    if found is None:
        raise NotFound("Attachment")
    name, size, content_type, sha256 = found
    # Imported rows may have a type that was only claimed.
    kind = content_type if content_type in TYPES else UNKNOWN
    return OpenFile(key, name, size, kind, sha256, context.services.files)
