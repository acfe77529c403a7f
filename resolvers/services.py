"""What resolvers work with: the ports to the outside, and the parts that a process has once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, Self

from sqlalchemy import Dialect
from sqlmodel.ext.asyncio.session import AsyncSession

from resolvers.auth.accounts import Viewers
from resolvers.auth.passwords import Passwords
from resolvers.auth.tokens import Tokens
from resolvers.background import Compiler
from resolvers.events.subscriber import FollowedEvents, Subscriber
from resolvers.query.plans import Plan, Plans
from resolvers.query.revalidation.known_answers import DataState, KnownAnswers
from resolvers.query.revalidation.shared_reads import SharedReads
from resolvers.rate_limits import RateLimiter
from resolvers.signing import Signer
from resolvers.time_limits import SharedTimer
from resolvers.write_statements import Step, Transaction, Write


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

    def write(self, *, fresh: bool = False, checks: bool = False) -> Write:
        """Give a transaction of single statements; otherwise the same.

        ``checks``: it changes nothing, so it does not begin the transaction of a unit of work.
        """

    def unit_of_work(self, claim: "Claim | None" = None) -> "UnitOfWork":
        """Return the transaction of a request, which begins with its first write.

        ``claim`` is what is done first in it.
        """


class Claim(Protocol):
    """What a unit of work needs for itself before anything is done in it."""

    @property
    def wait_seconds(self) -> float:
        """For how long it waits for others."""

    async def look(self, transaction: Transaction) -> None:
        """Raise what ``take`` would, without waiting; in a transaction that only checks."""

    async def take(self, transaction: Transaction) -> None:
        """Take it, as the first thing in the transaction of the unit."""

    def late(self) -> Exception:
        """Return the error where others had it, or the database, for too long."""


class UnitOfWork(Protocol):
    """One transaction for all writes and reads of a request: a database for its resolvers.

    It is undone at the end of its block unless it was committed.
    """

    @property
    def dialect(self) -> Dialect: ...  # noqa: D102
    async def fetch_row(  # noqa: D102
        self, sql: str, values: Sequence[object], user: str | None = None
    ) -> object: ...
    def transaction(  # noqa: D102
        self, *, fresh: bool = False
    ) -> AbstractAsyncContextManager[AsyncSession]: ...
    def write(self, *, fresh: bool = False, checks: bool = False) -> Write: ...  # noqa: D102
    def unit_of_work(self, claim: Claim | None = None) -> "UnitOfWork":
        """Return a part of this one, in which something is only tried: it is always undone."""

    async def commit(self, *last: Step) -> None:
        """Run the last statements, and commit all that was done."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...


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


class Instruments:
    """What the parts of a process report while they work; these take the reports and forget them.

    The metrics have others. All texts are names of the program, so there are few of them.
    """

    def waited(self, pool: str, seconds: float) -> None:
        """Note how long a connection of a pool was waited for: ``read``, ``write`` or ``turn``.

        ``turn`` is that of a writer on SQLite, which has one at a time.
        """

    def failed(self, part: str, operation: str) -> None:
        """Note that a use of the database or the file store failed since that is unavailable."""

    def turned(self, part: str, use: str, lost: bool) -> None:
        """Note whether a use of a part, ``read`` or ``write``, fails from now on."""

    def delivered(self, at: datetime) -> None:
        """Note that a subscriber gets an event that happened at this time."""

    def attempted(self, result: str) -> None:
        """Note what came of an attempt to deliver to a webhook."""

    def refused(self, reason: str) -> None:
        """Note that a request was refused before it reached the application."""

    def answered(self, operation: str | None, seconds: float) -> None:
        """Note how long a query or a mutation over a WebSocket took.

        Its connection is one request, which lasts for as long as its client wants.
        """


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

    @property
    def ended(self) -> bool:
        """Whether the process is about to end."""

    async def until_ended(self) -> None:
        """Wait until the process is about to end."""

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
    ) -> FollowedEvents:
        """Return the events that a plan finds; equal reads at the same time share a statement."""

    def end(self) -> None:
        """End all streams: the process is about to stop."""

    async def close(self) -> None:
        """Stop reading the log."""


# How much JSON the reads of one request may answer with, in bytes: a page of 1000 tickets of 32 KiB
# each, or one with imported texts. In Python a text takes up to four times as much.
MAX_ANSWER_BYTES = 32 * 1024 * 1024


def _now(call: Callable[[], None]) -> None:
    """Call at once: the write has been committed."""
    call()


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
    operation_timer: SharedTimer = field(default_factory=SharedTimer)
    compiler: Compiler = field(default_factory=Compiler)
    known_answers: KnownAnswers = field(default_factory=KnownAnswers)
    # Of the data, for staff (None) or for the customers of a company.
    states: SharedReads[DataState] = field(default_factory=SharedReads)
    # None where nothing is counted.
    rates: RateLimiter | None = None
    # Whether large answers are compressed for clients that take it.
    compresses: bool = False
    # For how long a write that is sent again with its idempotency key is answered as before.
    idempotency_hours: int = 24
    # For how long a write waits for another one with its idempotency key, in seconds.
    idempotency_wait_seconds: float = 5
    # For how long a change can be undone; 0: nothing is kept for it.
    undo_hours: int = 24
    # Whether webhooks may lead into networks that are not public.
    private_webhooks: bool = False
    # Set after a write that gives the deliverer of this process something to do.
    webhooks_changed: asyncio.Event = field(default_factory=asyncio.Event)
    # The same for the runner of bulk jobs.
    bulk_jobs_changed: asyncio.Event = field(default_factory=asyncio.Event)
    instruments: Instruments = field(default_factory=Instruments)
    # Calls what other requests of this process shall see only after the commit of a write.
    after_commit: Callable[[Callable[[], None]], None] = _now
