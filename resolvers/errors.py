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
├── CountMismatch        a filter matches another number of objects than was expected
├── Aborted              nothing was changed, because of others of the same batch
├── PreconditionFailed   it is no longer what the caller has seen of it
├── BadInput             an argument of a read is out of its bounds
│   ├── BadCursor        a cursor is not one of ours, or of another list
│   ├── CursorExpired    events after a cursor are no longer kept
│   └── AnswerTooLarge   an answer has more bytes than one may have
├── TooLarge             a file is larger than allowed
├── TimedOut             it took longer than an operation may
├── Throttled            there was too much of it for the time
└── Unavailable          the database or the file store does not work now
    └── Contended        other writes hold what this one needs
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


@dataclass(frozen=True)
class FieldConflict:
    """A field that a request wants to change, and that others have changed since it was read.

    The values are texts as in the event log, None for none. ``base`` is what the field was at the
    expected version; of a long text it is an excerpt that begins at ``base_start``, and
    ``base_length`` says how many characters the text had. ``actor_id`` and ``actor_name`` are of
    who changed it last, at the time ``at``: None of somebody whom the viewer does not see, and
    where it is not known.
    """

    field: str
    base: str | None
    yours: str | None
    theirs: str | None
    base_start: int | None = None
    base_length: int | None = None
    actor_id: str | None = None
    actor_name: str | None = None
    at: str | None = None


@dataclass
class Conflict(ServiceError):
    """The object changed since the caller read it.

    ``known``: whether the event log has all that happened since. Otherwise nothing is known of
    what others changed, and ``fields`` are those that would be changed, without ``base``.
    ``field`` is the input that named the version, or an event to undo.
    """

    expected: int
    actual: int
    known: bool = False
    changed: Sequence[str] = ()
    fields: Sequence[FieldConflict] = ()
    field: str = "expected_version"


@dataclass
class CountMismatch(ServiceError):
    """A filter matches another number of tickets, or it is just being decided by other writers."""

    expected: int
    actual: int

    def __str__(self) -> str:
        if self.expected == self.actual:
            return "Others are changing the tickets that the filter matches: try again."
        return f"The filter matches {self.actual} tickets, not {self.expected}."


class Aborted(ServiceError):
    """Nothing was changed, because something else of the same batch was refused."""

    def __str__(self) -> str:
        return "Nothing was changed, because other tickets were refused."


@dataclass
class PreconditionFailed(ServiceError):
    """What a write depends on, such as ``If-Match``, does not hold.

    ``version`` is the one that the caller has seen, and ``conflict`` what has happened since then,
    where they are known.
    """

    version: int | None = None
    conflict: Conflict | None = None


class BadInput(ServiceError):
    """An argument is out of its bounds; the text is a sentence."""


class BadCursor(BadInput):
    """A cursor was made up, altered, or belongs to another list or order."""


class CursorExpired(BadInput):
    """Events after a cursor were removed, so what follows it would have a gap."""

    def __str__(self) -> str:
        return (
            "Events after this cursor are no longer kept: take the cursor of the last event, read "
            "the tickets again, and follow from there."
        )


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


@dataclass
class Contended(Unavailable):
    """Two writes waited for each other, or one could have: this one was undone."""

    seconds: int = 1

    def __str__(self) -> str:
        return f"Others are writing the same just now. {self.changes.value}"
