"""Writes that are safe to send again (the IETF draft "The Idempotency-Key HTTP Header Field").

A write that is sent with a key is one transaction with its response, which is stored under the key
of its user. A client that sends the same request again with the key, because the first response
never arrived, gets that response, and nothing is written. A second request that comes while the
first one runs waits for it: for the row of the key on PostgreSQL, for its turn on SQLite.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import LargeBinary, bindparam, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite

from models import IdempotencyKey, table_of
from models.types import UtcDateTime
from resolvers.context import Context
from resolvers.errors import AnswerTooLarge, Contended, ServiceError
from resolvers.units.unit import unit_of_work
from resolvers.write_statements import (
    Built,
    Statement,
    Transaction,
    always,
    binds_of,
    stored_names,
)

# What a client is told to wait while another request with its key runs.
RETRY_SECONDS = 1
# How large an answer may be that is stored, in bytes.
MAX_RESPONSE_BYTES = 4 * 1024 * 1024
MAX_KEY_LENGTH = 255
# Printable ASCII, as in a string of a structured field (RFC 9651, section 3.3.3).
_KEY = re.compile(rf"[\x20-\x7e]{{1,{MAX_KEY_LENGTH}}}")

# Any number that nothing else in the database takes as an advisory lock.
TURN_LOCK = 7_205_759_403_792_796

_keys = table_of(IdempotencyKey)
_OF_KEY = (
    _keys.c.user_id == bindparam("user_id", type_=_keys.c.user_id.type),
    _keys.c.key == bindparam("key", type_=_keys.c.key.type),
)
_LOOK = always(
    select(_keys.c.fingerprint, _keys.c.response).where(
        *_OF_KEY, _keys.c.created_at > bindparam("expired", type_=UtcDateTime)
    )
)
_STORE = always(
    _keys.update().where(*_OF_KEY).values(response=bindparam("found", type_=LargeBinary))
)


# Of requests with several writes each, two could wait for each other again and again.
_TURN = Statement(
    lambda dialect: select(
        func.pg_advisory_xact_lock(TURN_LOCK) if dialect == "postgresql" else literal(1)
    )
)


def _claim_statement(dialect: str) -> Built:
    """Return the insert of a key; of one that is older than it may be, the row is taken over."""
    insert = (postgresql if dialect == "postgresql" else sqlite).insert(_keys)
    new = insert.values(binds_of(_keys, stored_names(_keys)))
    claim: Built = new.on_conflict_do_update(
        index_elements=["user_id", "key"],
        set_={name: new.excluded[name] for name in ("fingerprint", "response", "created_at")},
        where=_keys.c.created_at <= bindparam("expired", type_=UtcDateTime),
    ).returning(_keys.c.key)
    return claim


_CLAIM = Statement(_claim_statement)


class IdempotencyError(ServiceError):
    """A write with a key is refused because of the key."""


class BadKey(IdempotencyError):
    """What was sent is no key; the text is a sentence."""


class KeyReused(IdempotencyError):
    """The key belongs to another request."""

    def __str__(self) -> str:
        return "Another request was sent with this idempotency key: use a new one."


@dataclass
class KeyInUse(IdempotencyError):
    """A request with the key still runs; try again after some seconds."""

    seconds: int = RETRY_SECONDS

    def __str__(self) -> str:
        return "A request with this idempotency key is still running: send it again later."


class Replayed(IdempotencyError):
    """The request was answered before. Ends what is being done for it again."""


@dataclass(frozen=True)
class KeyedRequest:
    """A request with its key. ``fingerprint``: a hash of all that makes it another request.

    ``several``: it has more than one write; such requests are done one after the other.
    """

    key: str
    fingerprint: bytes
    several: bool = False


@dataclass(frozen=True)
class KeyedResponse:
    """What was answered, and whether that was before."""

    content: bytes
    replayed: bool


def checked_key(key: str) -> str:
    """Return a key; raises ``BadKey``."""
    if _KEY.fullmatch(key) is None:
        raise BadKey(f"An idempotency key has 1 to {MAX_KEY_LENGTH} printable ASCII characters.")
    return key


class _KeyClaim:
    """Takes a key for a request, at the beginning of its transaction."""

    def __init__(self, context: Context, request: KeyedRequest) -> None:
        self._request = request
        services = context.services
        now = services.clock()
        # An operation that waits for longer would be stopped before it is told why.
        self.wait_seconds = min(services.idempotency_wait_seconds, services.operation_seconds / 2)
        self.values = {"user_id": context.require_viewer().id, "key": request.key}
        self._row = {
            **self.values,
            "fingerprint": request.fingerprint,
            "response": b"",
            "created_at": now,
            "expired": now - timedelta(hours=services.idempotency_hours),
        }
        # What was answered before, once it is known.
        self.found: bytes | None = None

    async def look(self, transaction: Transaction) -> None:
        """Raise ``Replayed`` and ``KeyReused`` for a key that was used before."""
        row = await transaction.fetch_row(_LOOK, self._row)
        if row is None:
            return
        fingerprint, response = row
        if fingerprint != self._request.fingerprint:
            raise KeyReused
        self.found = response
        raise Replayed

    async def take(self, transaction: Transaction) -> None:
        """Take the key; raises ``Replayed``, ``KeyReused``, ``KeyInUse`` and ``Contended``."""
        if self._request.several:
            try:
                async with asyncio.timeout(self.wait_seconds):
                    await transaction.fetch_row(_TURN, {})
            except TimeoutError:
                raise Contended("database") from None
        try:
            async with asyncio.timeout(self.wait_seconds):
                taken = await transaction.fetch_row(_CLAIM, self._row)
        except TimeoutError:
            raise self.late() from None
        if taken is not None:
            return
        await self.look(transaction)
        # It was removed meanwhile, because it was too old.
        raise self.late()

    def late(self) -> KeyInUse:
        """Return the error where another request has the key for too long."""
        return KeyInUse()


async def answer_once(
    context: Context,
    request: KeyedRequest,
    respond: Callable[[Context], Awaitable[bytes | None]],
) -> KeyedResponse | None:
    """Do what a request asks for, unless that was done before; return its response.

    ``respond`` is called with the context that everything is to be done in. Where it returns None,
    all is undone and nothing is stored: the response tells of a failure of the server. Raises
    ``KeyReused``, ``KeyInUse``, ``AnswerTooLarge``, ``Unavailable`` and ``Unauthenticated``; then
    nothing was done, unless ``Unavailable`` says something else.
    """
    claim = _KeyClaim(context, request)
    try:
        async with unit_of_work(context, claim) as unit:
            content = await respond(unit.context)
            if claim.found is None:
                if content is None:
                    return None
                if len(content) > MAX_RESPONSE_BYTES:
                    raise AnswerTooLarge(MAX_RESPONSE_BYTES)
                await unit.commit((_STORE, {**claim.values, "found": content}))
                return KeyedResponse(content, replayed=False)
    except Replayed:
        pass
    assert claim.found is not None
    return KeyedResponse(claim.found, replayed=True)
