"""What resolvers work with: the ports to the outside, and the parts that a process has once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Dialect
from sqlmodel.ext.asyncio.session import AsyncSession

from resolvers.auth.accounts import Viewers
from resolvers.auth.passwords import Passwords
from resolvers.auth.tokens import Tokens
from resolvers.background import Compiler
from resolvers.events.subscriber import DeliveredEvent, Subscriber
from resolvers.query.plans import Plan, Plans
from resolvers.rate_limits import RateLimiter
from resolvers.signing import Signer
from resolvers.write_statements import Write


class Database(Protocol):
    """What resolvers need of a database."""

    @property
    def dialect(self) -> Dialect:
        """The dialect of read statements."""

    async def fetch_row(self, sql: str, values: Sequence[object], user: str | None = None) -> Any:
        """Run one finished read statement, in the turn of a user, and return its only row."""

    def transaction(self, *, fresh: bool = False) -> AbstractAsyncContextManager[AsyncSession]:
        """Give a session that commits at the end, or rolls back on any exception.

        ``fresh`` is for work that also reads outside of it: all that it sees is committed.
        """

    def write(self, *, fresh: bool = False) -> Write:
        """Give a transaction of single statements; otherwise the same."""


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
        """Store a stream under a key that must be new; nothing stays behind if it fails.

        Raises ``Unavailable``, as ``get``, ``exists`` and ``try_to_write`` do.
        """

    async def get(self, key: str, span: tuple[int, int] | None = None) -> AsyncIterator[bytes]:
        """Return the content, or a span of it by start and end; raises ``FileNotFoundError``."""

    async def exists(self, key: str) -> bool:
        """Tell whether there is a file."""

    async def link(self, key: str, name: str, content_type: str) -> str | None:
        """Return a short-lived address of the store that downloads a file under this name."""

    async def delete(self, key: str) -> None:
        """Remove a file; neither one that is gone already nor a failing store is an error."""

    async def try_to_write(self) -> None:
        """Write and remove a small file."""


class EventSignal(Protocol):
    """What readers of the event log need: to be woken when any process may have appended.

    The order that misses nothing: take ``count``, read the log, ``wait`` for another count.
    """

    @property
    def count(self) -> int:
        """How often it has rung in this process."""

    async def wait(self, seen: int) -> int:
        """Return the count once it is no longer ``seen``, or after some seconds all the same."""


class Broker(Protocol):
    """What subscriptions and transports need of ``resolvers.events.broker.EventBroker``."""

    head: int
    ended: bool

    @property
    def subscriber_count(self) -> int:
        """How many subscribers follow the log in this process."""

    async def join(
        self, services: "Services", position: int | None, types: frozenset[str] | None
    ) -> Subscriber:
        """Begin to follow after a position, or from now on."""

    def leave(self, subscriber: Subscriber) -> None:
        """Stop following."""

    async def read(
        self, services: "Services", plan: Plan, values: Mapping[str, object]
    ) -> list[DeliveredEvent]:
        """Return the events that a plan finds; equal reads at the same time share a statement."""

    def end(self) -> None:
        """End all streams: the process is about to stop."""

    async def close(self) -> None:
        """Stop reading the log."""


# How much JSON the reads of one request may answer with, in bytes: a page of 1000 tickets of 32 KiB
# each, or one with imported texts. In Python a text takes up to four times as much.
MAX_ANSWER_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class Services:
    """The parts that live as long as the process."""

    database: Database
    event_signal: EventSignal
    broker: Broker
    files: FileStorage
    tokens: Tokens
    signer: Signer
    plans: Plans
    viewers: Viewers
    passwords: Passwords
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
    rates: RateLimiter | None = None
    # Whether webhooks may lead into networks that are not public.
    private_webhooks: bool = False
    # Set after a write that gives the deliverer of this process something to do.
    webhooks_changed: asyncio.Event = field(default_factory=asyncio.Event)
