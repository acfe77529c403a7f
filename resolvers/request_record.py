"""What is counted of one request while it is answered, for its line in the log."""

from contextvars import ContextVar
from time import perf_counter_ns
from uuid import UUID

# Names of operations are the client's; the line of a request has no more of them.
MAX_OPERATION_LENGTH = 64


class RequestRecord:
    """The counts of one request; those of a WebSocket are of all its operations together.

    ``sql_ns`` is how long statements took, in nanoseconds, with the time that they waited for a
    connection. ``cost`` is in points; None where none were drawn.
    """

    __slots__ = ("cost", "login", "operation", "refused", "request_id", "sql_ns", "user_id")

    def __init__(self, request_id: str) -> None:
        self.request_id = request_id
        self.operation: str | None = None
        self.user_id: UUID | None = None
        self.cost: int | None = None
        self.sql_ns = 0
        # The result of an attempt to log in, and the kind of bucket that refused the request.
        self.login: str | None = None
        self.refused: str | None = None

    def add_operation(self, name: str | None) -> None:
        """Note the name of an operation; several are separated by commas, each is named once."""
        if name is None or (self.operation is not None and name in self.operation.split(",")):
            return
        names = name if self.operation is None else f"{self.operation},{name}"
        self.operation = names[:MAX_OPERATION_LENGTH]

    def add_cost(self, points: int) -> None:
        """Count points that were drawn, or that were given back if negative."""
        self.cost = (self.cost or 0) + points


# The request that this task answers; None in the server's own work.
current_request: ContextVar[RequestRecord | None] = ContextVar("current_request", default=None)


class SqlTimer:
    """Adds the time of a block to the request that this task answers."""

    __slots__ = ("_started",)

    def __enter__(self) -> None:
        self._started = perf_counter_ns()

    def __exit__(self, *_: object) -> None:
        record = current_request.get()
        if record is not None:
            record.sql_ns += perf_counter_ns() - self._started
