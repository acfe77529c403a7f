"""How compiled statements are run, and the values that any of them may need."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import UTC
from typing import Any

from sqlalchemy import SelectBase

from resolvers.context import Context
from resolvers.errors import AnswerTooLarge
from resolvers.query import binds
from resolvers.query.plans import compile_statement
from resolvers.query.shapes import Args
from resolvers.services import Services


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


def context_values(context: Context) -> dict[str, object]:
    """Return the values that any read may need, by the names of their bind parameters."""
    now = context.services.clock()
    viewer = context.viewer
    return {
        binds.NOW: now,
        binds.MIDNIGHT: now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0),
        binds.EPOCH: int(now.timestamp()),
        binds.VIEWER_ID: viewer.id if viewer else None,
        binds.VIEWER_COMPANY: viewer.company_id if viewer else None,
        binds.BASE_URL: context.base_url,
        binds.MAX_ANSWER_BYTES: context.services.max_answer_bytes,
        **context.services.signer.bind_values(now),
    }


def argument_values(args: Sequence[Args]) -> dict[str, object]:
    """Return the values of arguments by slot, by the names of their bind parameters."""
    values: dict[str, object] = {}
    for slot, one in enumerate(args):
        prefix = binds.prefix_of(slot)
        for name, value in one.values.items():
            values[prefix + name] = value
    return values
