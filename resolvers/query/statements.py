"""How compiled statements are run, and the values that any of them may need."""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import SelectBase

from resolvers.context import Context
from resolvers.errors import AnswerTooLarge
from resolvers.query import binds
from resolvers.query.plans import compile_statement
from resolvers.query.shapes import Args
from resolvers.services import Services
from resolvers.signing import SIGNING_NAMES


def _signing(name: str, context: Context, now: datetime) -> object:
    return context.services.signer.bind_values(now)[name]


_VALUES: Mapping[str, Callable[[Context, datetime], object]] = {
    binds.NOW: lambda _context, now: now,
    binds.MIDNIGHT: lambda _context, now: now.astimezone(UTC).replace(
        hour=0, minute=0, second=0, microsecond=0
    ),
    binds.UNDO_SINCE: lambda context, now: now - timedelta(hours=context.services.undo_hours),
    binds.EPOCH: lambda _context, now: int(now.timestamp()),
    binds.VIEWER_ID: lambda context, _now: context.viewer and context.viewer.id,
    binds.VIEWER_COMPANY: lambda context, _now: context.viewer and context.viewer.company_id,
    binds.BASE_URL: lambda context, _now: context.base_url,
    binds.MAX_ANSWER_BYTES: lambda context, _now: context.services.max_answer_bytes,
    **{name: partial(_signing, name) for name in SIGNING_NAMES},
}
ALL_NAMES = tuple(_VALUES)


async def fetch_row(
    services: Services,
    key: Hashable,
    build: Callable[[], SelectBase],
    values: Mapping[str, object],
) -> Any:
    """Run a small read outside any transaction; returns the driver's row, or None.

    It is one of a few that this program consists of, which are compiled at their first use.
    """
    database = services.database
    plan = services.plans.get(key)
    if plan is None:
        plan = compile_statement(build(), database.dialect)
        services.plans.put(key, plan)
    return await database.fetch_row(plan.sql, plan.values(values))


def checked_row(services: Services, row: Any) -> Any:
    """Return the row, or None, of a plan of ``compile_plan``; raises ``AnswerTooLarge``."""
    text = None if row is None else row[-1]
    # No JSON text is empty.
    if text is not None and not 0 < len(text) <= services.max_answer_bytes:
        raise AnswerTooLarge(services.max_answer_bytes)
    return row


def context_values(context: Context, names: Iterable[str] = ALL_NAMES) -> dict[str, object]:
    """Return those of the values that any read may need whose bind parameters have these names."""
    found: dict[str, object] = {}
    now = None
    for name in names:
        value_of = _VALUES.get(name)
        if value_of is not None:
            now = now or context.services.clock()
            found[name] = value_of(context, now)
    return found


def argument_values(args: Sequence[Args]) -> dict[str, object]:
    """Return the values of arguments by slot, by the names of their bind parameters."""
    values: dict[str, object] = {}
    for slot, one in enumerate(args):
        prefix = binds.prefix_of(slot)
        for name, value in one.values.items():
            values[prefix + name] = value
    return values
