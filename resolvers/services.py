"""What every resolver works with: one ``Services`` a process, one ``Context`` a request."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from sqlalchemy import Dialect
from sqlmodel.ext.asyncio.session import AsyncSession

from models import Role
from resolvers.background import Compiler
from resolvers.errors import Unauthenticated

if TYPE_CHECKING:
    from resolvers.auth.passwords import Passwords
    from resolvers.auth.tokens import Tokens
    from resolvers.auth.viewers import Viewers
    from resolvers.events.broker import EventBroker
    from resolvers.query.plans import Plans
    from resolvers.rate_limits import RateLimiter
    from resolvers.signing import Signer


class Database(Protocol):
    """What resolvers need of a database."""

    @property
    def dialect(self) -> Dialect:
        """The dialect of read statements."""

    async def fetch_row(self, sql: str, values: Sequence[object], user: str | None = None) -> Any:
        """Run one finished read statement, in the turn of a user, and return its only row."""

    def transaction(self) -> AbstractAsyncContextManager[AsyncSession]:
        """Give a session that commits at the end, or rolls back on any exception."""


class FileStorage(Protocol):
    """What resolvers need of a file store."""

    async def put(
        self,
        key: str,
        chunks: AsyncIterator[bytes],
        *,
        name: str | None = None,
        content_type: str | None = None,
    ) -> None:
        """Store a stream under a key that must be new; nothing stays behind if it fails."""

    async def get(self, key: str, span: tuple[int, int] | None = None) -> AsyncIterator[bytes]:
        """Return the content, or a span of it by start and end; raises ``FileNotFoundError``."""

    async def exists(self, key: str) -> bool:
        """Tell whether there is a file."""

    async def link(self, key: str, name: str, content_type: str) -> str | None:
        """Return a short-lived address of the store that downloads a file under this name."""

    async def delete(self, key: str) -> None:
        """Remove a file; neither one that is gone already nor a failing store is an error."""


class EventSignal(Protocol):
    """What readers of the event log need: to be woken when any process may have appended.

    The order that misses nothing: take ``count``, read the log, ``wait`` for another count.
    """

    @property
    def count(self) -> int:
        """How often it has rung in this process."""

    async def wait(self, seen: int) -> int:
        """Return the count once it is no longer ``seen``, or after some seconds all the same."""


class ViewerKind(Enum):
    """What decides which rows a viewer sees, and so the SQL of a read."""

    ANONYMOUS = "nobody"
    CUSTOMER = "customer"
    STAFF = "staff"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is asking."""

    id: UUID
    role: Role
    company_id: UUID | None

    @property
    def kind(self) -> ViewerKind:
        """What the viewer is to the rules of ``access``."""
        if self.role is Role.CUSTOMER:
            return ViewerKind.CUSTOMER
        return ViewerKind.ADMIN if self.role is Role.ADMIN else ViewerKind.STAFF

    @property
    def is_customer(self) -> bool:
        """Whether the viewer is bound to one company."""
        return self.role is Role.CUSTOMER


# How much JSON the reads of one request may answer with, in bytes: a page of 1000 tickets of 32 KiB
# each, or one with imported texts. In Python a text takes up to four times as much.
MAX_ANSWER_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class Services:
    """The parts that live as long as the process."""

    database: Database
    event_signal: EventSignal
    broker: "EventBroker"
    files: FileStorage
    tokens: "Tokens"
    signer: "Signer"
    plans: "Plans"
    viewers: "Viewers"
    passwords: "Passwords"
    clock: Callable[[], datetime]
    max_upload_bytes: int
    # How long a text without a limit of its own may be, in bytes of UTF-8.
    max_text_bytes: int
    signed_media: bool
    max_answer_bytes: int = MAX_ANSWER_BYTES
    # For how long a GraphQL operation may run, in seconds.
    operation_seconds: float = 10
    compiler: Compiler = field(default_factory=Compiler)
    # None where nothing is counted.
    rates: "RateLimiter | None" = None
    # Whether webhooks may lead into networks that are not public.
    private_webhooks: bool = False
    # Set after a write that gives the deliverer of this process something to do.
    webhooks_changed: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True)
class Context:
    """One request: the desk, who asks, through which face, and the address that links start with.

    ``base_url`` has no slash at its end. ``via`` goes into the event log. ``address`` is the
    client's, as the server sees it.
    """

    services: Services
    viewer: Viewer | None
    via: str
    base_url: str = ""
    address: str = ""

    @property
    def kind(self) -> ViewerKind:
        """What the viewer, or nobody, is to the rules of ``access``."""
        return self.viewer.kind if self.viewer else ViewerKind.ANONYMOUS

    def require_viewer(self) -> Viewer:
        """Return the viewer; raises ``Unauthenticated`` where nobody is logged in."""
        if self.viewer is None:
            raise Unauthenticated
        return self.viewer
