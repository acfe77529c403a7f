"""The answers that this process has given, each with the state of the data that it was read from.

A conditional request names an answer by its entity tag. The tag is a hash of what the answer shows,
so it says nothing of what the viewer may not see; the state is remembered here and nowhere else.
An answer that is not known here is read again and compared, which costs what reading costs.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

# How many are remembered: of each the least recently used one leaves first.
MAX_ANSWERS = 10_000
# For how long at most. A change of a ticket by hand in the database has no event.
MAX_AGE = timedelta(hours=1)


class DataState(NamedTuple):
    """What changes with every write that may change what a viewer sees.

    The id of the last event that they may see, None without any, and the mark of the data that has
    no events (``models.revisions``). Ids and marks are random: a restored database, or one that a
    failover took a step back, has no state that another past of it has had.
    """

    last_event: object
    revision: object


class StateRecorder:
    """What the statements of one request saw: the state of each, and the next due date."""

    __slots__ = ("_states", "signs", "since", "until")

    def __init__(self, now: datetime) -> None:
        """Take the time at which the request began, in UTC."""
        self._states: set[DataState | None] = set()
        self.since = now
        # Whether an answer has links that expire.
        self.signs = False
        midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        # Cursors tell the day on which they were signed.
        self.until = min(now + MAX_AGE, midnight + timedelta(days=1))

    def note(self, state: DataState | None) -> None:
        """Note the state that a statement saw; None where it read what no state tells of."""
        self._states.add(state)

    def expire(self, moment: datetime | None) -> None:
        """Note a time from which on the answer may be another one."""
        if moment is not None:
            self.until = min(self.until, moment)

    @property
    def state(self) -> DataState | None:
        """The state that all statements saw; None if there is no such one.

        Two statements may see two states. The answer is then of neither.
        """
        return next(iter(self._states)) if len(self._states) == 1 else None


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """The tag of an answer, and when it is still the answer: in this state, from then until then.

    ``compressible``: it is long enough to have a compressed form, with a tag of its own.
    ``operation`` is the name that the log has for the request, if any.
    """

    tag: str
    state: DataState
    since: datetime
    until: datetime
    compressible: bool
    operation: str | None = None


class KnownAnswers:
    """A bounded memory of answers, by a hash of what was asked and by whom."""

    def __init__(self, most: int = MAX_ANSWERS) -> None:
        self._most = most
        self._known: OrderedDict[bytes, KnownAnswer] = OrderedDict()

    def get(self, question: bytes, now: datetime) -> KnownAnswer | None:
        """Return the last answer to a question, unless its time is over."""
        known = self._known.get(question)
        # Clocks are also set back.
        if known is None or not known.since <= now < known.until:
            return None
        self._known.move_to_end(question)
        return known

    def put(self, question: bytes, answer: KnownAnswer) -> None:
        """Remember an answer."""
        self._known[question] = answer
        self._known.move_to_end(question)
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def __len__(self) -> int:
        return len(self._known)
