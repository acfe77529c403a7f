"""The errors of the resolvers, without GraphQL or HTTP; each API has its own messages for them.

ServiceError
├── Unauthenticated      nobody is logged in, or the token is no good
│   ├── BadCredentials   the username and password do not match an active user
│   ├── SessionEnded     the token was good: only another login helps
│   │   └── Deactivated  its user, or their company, is deactivated
│   └── TokenExpired     the token was good: a new one of the session helps
├── Forbidden            the viewer may see it but not do this
├── NotFound             there is no such thing, or the viewer may not see it
├── Invalid              values are wrong, by field
├── Conflict             somebody else has changed it
├── PreconditionFailed   it is no longer what the caller has seen of it
├── BadInput             an argument of a read is out of its bounds
│   ├── BadCursor        a cursor is not one of ours, or of another list
│   └── AnswerTooLarge   an answer has more bytes than one may have
├── TooLarge             a file is larger than allowed
├── TimedOut             it took longer than an operation may
├── Throttled            there was too much of it for the time
└── Unavailable          the database or the file store does not work now
"""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import Enum

from resolvers.rate_levels import Level


class ServiceError(Exception):
    """The root of all that a caller may be told."""


class Unauthenticated(ServiceError):
    """Nobody is logged in."""


class BadCredentials(Unauthenticated):
    """Deliberately the same for an unknown user, a wrong password and a deactivated user."""


class SessionEnded(Unauthenticated):
    """The token was good, but its user is deactivated now or has ended the session."""


class Deactivated(SessionEnded):
    """The token's user or their company is deactivated, or there is no such user any more."""


class TokenExpired(Unauthenticated):
    """The token was good until it expired."""


class Forbidden(ServiceError):
    """The viewer may not do this; the text says what, in words for the viewer."""


@dataclass
class NotFound(ServiceError):
    """No such thing for this viewer; ``kind`` is the entity's name, ``field`` the input's."""

    kind: str
    field: str | None = None


@dataclass(frozen=True)
class Problem:
    """What is wrong with one value: a stable code and what its sentence needs."""

    code: str
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass
class Invalid(ServiceError):
    """Values are wrong: every problem of every field at once."""

    problems: Mapping[str, Sequence[Problem]]


@dataclass
class Conflict(ServiceError):
    """The object changed since the caller read it."""

    expected: int
    actual: int


class PreconditionFailed(ServiceError):
    """What a write depends on, such as ``If-Match``, does not hold."""


class BadInput(ServiceError):
    """An argument is out of its bounds; the text is a sentence."""


class BadCursor(BadInput):
    """A cursor was made up, altered, or belongs to another list or order."""


@dataclass
class AnswerTooLarge(BadInput):
    """An answer would exceed the limit, in bytes; nothing of it was sent."""

    limit: int

    def __str__(self) -> str:
        return f"The answer has more than {self.limit} bytes: ask for fewer rows, or less of each."


@dataclass
class TooLarge(ServiceError):
    """A file exceeds the limit, in bytes."""

    limit: int


@dataclass
class TimedOut(ServiceError):
    """An operation was stopped; its limit is in seconds."""

    limit: float

    def __str__(self) -> str:
        return f"This took longer than {self.limit:g} seconds and was stopped."


@dataclass
class Throttled(ServiceError):
    """There is too much to do; try again after some seconds. ``level``: of a bucket's points."""

    seconds: int
    level: Level | None = None

    def __str__(self) -> str:
        plural = "" if self.seconds == 1 else "s"
        return f"This is too much for now: try again in {self.seconds} second{plural}."


class Changes(Enum):
    """What is known of the changes of a request that failed; each with a sentence for clients."""

    NONE = "Nothing was changed, try again later."
    UNKNOWN = "It is not known whether the change was made: read it before you repeat it."
    DONE = "The change was made, but it cannot be read now."


# Of the current task: what its last transaction has changed. A task that does several things one
# after the other sets it to NONE before each.
CHANGES: ContextVar[Changes] = ContextVar("CHANGES", default=Changes.NONE)


@dataclass
class Unavailable(ServiceError):
    """A part of the server is away, full or read-only; try again after some seconds."""

    part: str
    changes: Changes = Changes.NONE
    seconds: int = 5

    def __str__(self) -> str:
        return f"The {self.part} is not available. {self.changes.value}"
