"""How lines of the log look, for whatever a logger is given."""

import io
import logging
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from deskgraph.observability.log_lines import LogFormat
from deskgraph.observability.logs import formatter

Write = Callable[..., str]


@pytest.fixture(params=["text", "json"])
def log_format(request: pytest.FixtureRequest) -> LogFormat:
    found: LogFormat = request.param
    return found


@pytest.fixture
def written(log_format: LogFormat) -> Write:
    """Give a function that logs and returns what is written."""

    def write(message: str, *values: object, **options: Any) -> str:
        stream = io.StringIO()
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter(log_format))
        logger = logging.Logger("deskgraph.test")
        logger.addHandler(handler)
        logger.error(message, *values, **options)
        return stream.getvalue()

    return write


def fail(error: Exception) -> Exception:
    """Return an exception as it is caught."""
    try:
        raise error
    except Exception as caught:
        return caught


def chained() -> BaseException:
    try:
        try:
            raise OSError("the disk is away")
        except OSError as error:
            raise ValueError("no value") from error
    except ValueError:
        try:
            raise RuntimeError("it failed")
        except RuntimeError as error:
            return error


@pytest.mark.parametrize(
    ("error", "type_", "causes"),
    [
        (
            chained(),
            "RuntimeError: it failed",
            ["ValueError: no value", "OSError: the disk is away"],
        ),
        (
            fail(ExceptionGroup("tasks", [fail(ExceptionGroup("t", [fail(KeyError("k"))]))])),
            "KeyError: 'k'",
            [],
        ),
        (
            fail(ExceptionGroup("tasks", [fail(KeyError("k")), fail(OSError("o"))])),
            "KeyError: 'k'",
            ["OSError: o"],
        ),
    ],
    ids=["chain", "group", "several"],
)
def test_an_exception_has_one_stack(
    written: Write, error: BaseException, type_: str, causes: list[str]
) -> None:
    text = written("it failed", exc_info=error)
    assert text.count("Traceback") == 1
    assert type_ in text
    for cause in causes:
        assert text.count(cause) == 1


def test_causes_that_go_in_a_circle_end(written: Write) -> None:
    one, two = fail(ValueError("one")), fail(ValueError("two"))
    one.__cause__, two.__cause__ = two, one
    assert written("it failed", exc_info=one).count("two") >= 1


@pytest.mark.parametrize("value", ["a\nb", "a b", "", "a\x1b[31m", "a\u202eb", "\ud800"])
def test_a_value_stays_on_its_line_and_draws_nothing(written: Write, value: str) -> None:
    text = written("it failed: %s", value, extra={"username": value})
    assert text.count("\n") == 1
    assert text.endswith("\n")
    # JSON has such letters, but no terminal shows it as it is.
    assert text.startswith("{") or text[:-1].isprintable()
    assert "\x1b" not in text
    text.encode()


def test_json_has_any_value(log_format: LogFormat, written: Write) -> None:
    if log_format != "json":
        pytest.skip("text has any value in any case")
    line = orjson.loads(written("it failed", extra={"values": {1: {2}}, "half": "\ud800"}))
    assert (line["values"], line["half"]) == ("{1: {2}}", "'\\ud800'")
