"""What is counted of one request while it is answered, for its line in the log and its trace."""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from time import perf_counter_ns
from uuid import UUID

# Names of operations are the client's; the line of a request has no more of them.
MAX_OPERATION_LENGTH = 64
# What stands for a wait for a connection in the place of a statement.
CONNECT = "connect"
# What a span tells; None is left out.
About = Mapping[str, str | None]
SpanBlock = AbstractContextManager[None]
NO_SPAN: SpanBlock = nullcontext()


class RequestRecord:
    """The counts of one request; those of a WebSocket are of all its operations together.

    ``sql_ns`` is how long statements took, in nanoseconds, with the time that they waited for a
    connection. ``cost`` is in points; None where none were drawn.
    """

    __slots__ = (
        "cost",
        "follows",
        "login",
        "operation",
        "refused",
        "request_id",
        "sql_ns",
        "user_id",
    )

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.operation: str | None = None
        self.user_id: UUID | None = None
        self.cost: int | None = None
        self.sql_ns = 0
        # Whether it is a stream of events.
        self.follows = False
        # The result of an attempt to log in, and the kind of bucket that refused the request.
        self.login: str | None = None
        self.refused: str | None = None

    def add_operation(self, name: str | None) -> None:
        """Note the name of an operation; several are separated by commas, each is named once."""
        if name is None or (self.operation is not None and name in self.operation.split(",")):
            return
        names = name if self.operation is None else f"{self.operation},{name}"
        self.operation = names[:MAX_OPERATION_LENGTH]

    def sql_ended(self, texts: tuple[str, ...], started: int, error: object) -> None:
        """Count statements that have ended just now; ``started`` is of ``perf_counter_ns``.

        ``error`` is the type of the error that they ended with, if any.
        """
        self.sql_ns += perf_counter_ns() - started

    def block(self, name: str, about: About, *, operation: bool) -> SpanBlock:
        """Return a block that is a span where the request is traced."""
        return NO_SPAN

    def add_cost(self, points: int) -> None:
        """Count points that were drawn, or that were given back if negative."""
        self.cost = (self.cost or 0) + points


# The request that this task answers; None in the server's own work.
current_request: ContextVar[RequestRecord | None] = ContextVar("current_request", default=None)


def span(name: str, about: About | None = None, *, operation: bool = False) -> SpanBlock:
    """Return a block that is a span of the request that this task answers, if that is traced.

    Names and values are those of the program, and names of operations: others may be secret.
    ``operation`` is for one of GraphQL, of which a connection may have many.
    """
    record = current_request.get()
    return NO_SPAN if record is None else record.block(name, about or {}, operation=operation)


class SqlTimer:
    """Adds the time of a block to the request that this task answers.

    ``texts`` are the statements that run in it, or ``CONNECT``.
    """

    __slots__ = ("_started", "_texts")

    def __init__(self, *texts: str) -> None:
        self._texts = texts

    def __enter__(self) -> None:
        self._started = perf_counter_ns()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        record = current_request.get()
        if record is not None:
            record.sql_ended(self._texts, self._started, kind)
