"""Running checks one after the other: what one finds, or fails with, hides none of the others."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from deskgraph.database.database import Database
from deskgraph.settings import Settings


class Status(StrEnum):
    """What a check has found; the server can work with a warning."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Finding:
    """What a check has found, with a sentence."""

    status: Status
    text: str


def ok(text: str) -> Finding:
    """Return that all is well."""
    return Finding(Status.OK, text)


def warning(text: str) -> Finding:
    """Return that somebody should look at it."""
    return Finding(Status.WARNING, text)


def failed(text: str) -> Finding:
    """Return that something does not work, or will not."""
    return Finding(Status.FAILED, text)


@dataclass(frozen=True)
class Desk:
    """What is checked. ``full``: every row of the indexes for searches instead of some."""

    settings: Settings
    # Its engine only reads.
    database: Database
    now: Callable[[], datetime]
    full: bool = False


@dataclass(frozen=True)
class Check:
    """A check by its name. ``needs`` names those without which it cannot be done."""

    name: str
    look: Callable[[Desk], Awaitable[Finding]]
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Result:
    """What became of a check."""

    name: str
    status: Status
    text: str


async def run_checks(
    desk: Desk, checks: Sequence[Check], explain: Callable[[Exception], str]
) -> AsyncGenerator[Result]:
    """Yield the result of each check, in their order.

    ``explain`` makes a sentence without secrets of whatever a check raises: that has failed.
    """
    lost: set[str] = set()
    for check in checks:
        missing = next((name for name in check.needs if name in lost), None)
        if missing is not None:
            finding = Finding(Status.NOT_CHECKED, f'It needs "{missing}".')
        else:
            try:
                finding = await check.look(desk)
            except Exception as error:
                finding = failed(explain(error))
        if finding.status in (Status.FAILED, Status.NOT_CHECKED):
            lost.add(check.name)
        yield Result(check.name, finding.status, finding.text)
