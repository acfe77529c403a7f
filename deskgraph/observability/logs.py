"""Sets up the log: the lines of all loggers go to standard error in one form.

The line of a request has a logger of its own: one of ``logging`` takes three times as long.
"""

import logging
import sys
from typing import Any, Literal

import structlog
from structlog.stdlib import ExtraAdder, ProcessorFormatter, add_logger_name
from structlog.typing import FilteringBoundLogger, Processor

from deskgraph.observability.log_lines import (
    Event,
    LogFormat,
    add_exception,
    add_head,
    renderer,
)
from deskgraph.observability.request_log import HttpRecord
from resolvers.request_record import current_request

LogLevel = Literal["debug", "info", "warning", "error"]
# uvicorn's line of what is no HTTP, without its address; ours is that of the refusal.
_MALFORMED = "Invalid HTTP request received."


class LoggedError(RuntimeError):
    """Raised from an error that has been logged, so that the server ends the answer."""


def log_config(log_format: LogFormat, level: LogLevel) -> dict[str, Any]:
    """Return the log in the form of ``logging.config.dictConfig``, for any process."""
    lines = {"()": formatter, "log_format": log_format}
    number = logging.getLevelNamesMapping()[level.upper()]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": lines},
        "filters": {"new": {"()": NotLogged}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        # Not "debug": libraries would log what clients send.
        "root": {"handlers": ["stderr"], "level": max(logging.INFO, number)},
        "loggers": {
            "deskgraph": {"level": number},
            # Each request has a line of ours.
            "uvicorn.access": {"level": "WARNING"},
            "uvicorn.error": {"filters": ["new"]},
            # What it loads, at the start of each process.
            "alembic.runtime.plugins": {"level": "WARNING"},
            # Its warnings come with each attempt to send, and may have keys for the collector.
            "opentelemetry": {"level": "ERROR"},
        },
    }


def formatter(log_format: LogFormat) -> logging.Formatter:
    """Return what formats the records of ``logging``."""
    return ProcessorFormatter(
        foreign_pre_chain=[
            add_logger_name,
            add_head,
            ExtraAdder(),
            _add_request,
            add_exception,
        ],
        processors=[ProcessorFormatter.remove_processors_meta, _renderer(log_format)],
    )


def request_logger(log_format: LogFormat, level: LogLevel) -> FilteringBoundLogger:
    """Return the logger of the lines of requests."""
    wrapped = structlog.wrap_logger(
        structlog.WriteLogger(sys.stderr),
        processors=[add_head, _renderer(log_format)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
    )
    # The logger itself: what wraps it would make another one for each line.
    logger: FilteringBoundLogger = wrapped.bind()
    return logger


class NotLogged(logging.Filter):
    """Leaves out what uvicorn logs of requests and errors that have a line of ours."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is new. Those of WebSockets have whole addresses, queries included."""
        if record.exc_info and isinstance(record.exc_info[1], LoggedError):
            return False
        message = str(record.msg)
        return '"WebSocket %s"' not in message and message != _MALFORMED


def _renderer(log_format: LogFormat) -> Processor:
    return renderer(log_format, colors=sys.stderr.isatty())


def _add_request(_logger: object, _method: str, event: Event) -> Event:
    """Add which request a line is about, if it is about one."""
    # uvicorn's own text with colours.
    event.pop("color_message", None)
    record = current_request.get()
    if isinstance(record, HttpRecord):
        for name, value in record.identity().items():
            event.setdefault(name, value)
    return event
