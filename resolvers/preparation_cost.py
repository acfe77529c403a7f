"""What new documents and plans cost: work that is done once for all who ask for the same."""

from contextvars import ContextVar
from dataclasses import dataclass

from resolvers.context import Context
from resolvers.rate_levels import Level


@dataclass(slots=True)
class Preparation:
    """The points that new documents and plans cost one operation.

    ``level`` is that of the bucket since the operation's own points were drawn.
    """

    points: int = 0
    level: Level | None = None


# Of the operation that runs.
preparation: ContextVar[Preparation | None] = ContextVar("preparation", default=None)


async def draw_preparation(context: Context, points: int) -> None:
    """Draw the points for what is to be prepared; raises ``Throttled``."""
    if context.services.rates is not None:
        await context.services.rates.draw(context.rate_key, points)
    counted = preparation.get()
    if counted is not None:
        counted.points += points


def charge_preparation(context: Context, points: int) -> None:
    """Take the points for what has been prepared."""
    counted = preparation.get()
    if context.services.rates is not None:
        level = None if counted is None else counted.level
        context.services.rates.take(context.rate_key, points, level)
    if counted is not None:
        counted.points += points
