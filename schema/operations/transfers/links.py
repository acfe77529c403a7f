"""Links to files, as the schema has them."""

from typing import Annotated

import strawberry

from models.types import time_text
from resolvers.context import Context
from resolvers.files.sealed_links import Link
from resolvers.signing import MAX_LINK_SECONDS
from schema.types.descriptions import field
from schema.types.scalars import DateTime

ExpiresInArg = Annotated[
    int,
    strawberry.argument(
        description=f"For how many seconds the link works: 1 to {MAX_LINK_SECONDS}."
    ),
]


@strawberry.type(description="Where a file can be downloaded that is made at the download.")
class DownloadLink:
    url: str = field(
        "An absolute link that works without a token. It shows what the viewer may see when it is "
        "used, and ends with their sessions."
    )
    expires_at: DateTime = field("Until when the download can begin.")
    file_name: str = field("What the file will be called.")


def link_of(link: Link) -> DownloadLink:
    """Return a link as the schema has it."""
    until = time_text(link.expires_at)
    return DownloadLink(
        url=link.url,
        expires_at=until,  # type: ignore[arg-type] # written as all times are
        file_name=link.file_name,
    )


def never_the_same(context: Context) -> None:
    """Let no answer to a query by GET be confirmed by 304: another link is made each time."""
    if context.recorder is not None:
        context.recorder.note(None)
