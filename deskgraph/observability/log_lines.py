"""How a line of the log looks: JSON, or text for people, which has colours on a terminal."""

import os
import traceback
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.typing import Processor

LogFormat = Literal["text", "json"]
# structlog's own type: the fields of one line.
Event = MutableMapping[str, Any]
# What stands before the fields of a line of text.
_HEAD = ("timestamp", "level", "logger", "event", "pid", "exception")


def add_head(_logger: object, level: str, event: Event) -> Event:
    """Put the time (UTC, RFC 3339), the level and what it is about before all other fields.

    And the process, as workers write to the same log.
    """
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    return {
        "timestamp": now.replace("+00:00", "Z"),
        "level": level,
        "logger": event.pop("logger"),
        "event": event.pop("event"),
        "pid": os.getpid(),
        **event,
    }


def add_exception(_logger: object, _method: str, event: Event) -> Event:
    """Replace an exception by one stack, and one line for each exception that it comes from."""
    found = event.pop("exc_info", None)
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event.update(_described(error))
    return event


def _described(error: BaseException) -> Event:
    """Return the stack of an exception, and its causes by type and message.

    Of a group it is the first of its exceptions: that of the group only shows who waited for them.
    """
    others: list[BaseException] = []
    while isinstance(error, BaseExceptionGroup):
        error, *more = error.exceptions
        others += more
    causes = [*_causes(error), *others]
    shown: Event = {"exception": "".join(traceback.format_exception(error, chain=False)).rstrip()}
    if causes:
        shown["caused_by"] = [f"{type(cause).__name__}: {cause}" for cause in causes]
    return shown


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in found:
        found.append(cause)
        hidden = cause.__suppress_context__
        cause = cause.__cause__ or (None if hidden else cause.__context__)
    return found[1:]


def renderer(log_format: LogFormat, *, colors: bool) -> Processor:
    """Return what turns the fields of a line into its text."""
    if log_format == "json":
        return _json
    return ConsoleRenderer(colors=True, exception_formatter=plain_traceback) if colors else _plain


def _json(_logger: object, _method: str, event: Event) -> str:
    # What others log may have any value, and halves of surrogate pairs.
    try:
        return orjson.dumps(event, default=str).decode()
    except orjson.JSONEncodeError:
        return orjson.dumps({str(name): ascii(value) for name, value in event.items()}).decode()


def _plain(_logger: object, _method: str, event: Mapping[str, Any]) -> str:
    message = _one_line(str(event["event"]).rstrip())
    about = f"{event['logger']}[{event['pid']}]"
    head = f"{event['timestamp']} {event['level']} {about}: {message}"
    fields = [f" {name}={_word(value)}" for name, value in event.items() if name not in _HEAD]
    stack = event.get("exception")
    return "".join([head, *fields] if stack is None else [head, *fields, "\n", stack])


def _one_line(text: str) -> str:
    """Return a message without what would end its line or change a terminal."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)


def _word(value: object) -> str:
    text = str(value)
    return text if text and text.isprintable() and " " not in text else repr(value)
