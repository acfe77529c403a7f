"""What an operation costs its user: drawn before it runs, and reported with its answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from graphql import GraphQLError, OperationDefinitionNode

from resolvers.errors import Throttled
from resolvers.preparation_cost import Preparation
from resolvers.rate_levels import Level
from resolvers.rate_limits import RateLimiter, count_objects
from schema.execution.context import GraphContext
from schema.execution.cost import Cost
from schema.execution.limits import LimitExceeded, shown_count
from schema.execution.prices import Variables
from schema.execution.strawberry_internals import PreExecutionError

# What a request costs that is refused before anything is run.
REFUSED = 10


@dataclass(slots=True)
class Reservation:
    """Points that were drawn for one operation."""

    rates: RateLimiter
    key: str
    cost: Cost
    requested: int
    others: int
    level: Level
    prepared: Preparation

    def refund(self, data: object, finished: Sequence[bytes]) -> dict[str, object]:
        """Give back what an answer did not need; returns its ``extensions``."""
        actual = self.others + sum(map(count_objects, finished))
        if isinstance(data, dict):
            actual += sum(_objects(data[key]) for key in data if key not in self.cost.free)
        if actual != self.requested:
            self.rates.give_back(self.key, self.requested - actual, self.level)
        return self.shown(actual)

    def shown(self, actual: int) -> dict[str, object]:
        """Return the ``extensions`` of an answer with this cost."""
        return _extensions(self.requested, actual, self.level, self.prepared.points)


async def reserve(
    cost: Cost,
    node: OperationDefinitionNode,
    variables: Variables,
    context: GraphContext,
    prepared: Preparation,
    most: int,
) -> Reservation | None:
    """Draw the points that an operation may cost; None where nothing is counted.

    Raises ``LimitExceeded`` for one that costs more than ``most`` in any case, and ``Throttled``
    where there are too few points now.
    """
    points = cost.of(variables)
    requested = points.total
    if requested > most:
        found = shown_count(requested)
        raise LimitExceeded(
            f"An operation may cost {most} points; this one may cost {found}.", node
        )
    rates = context.resolver_context.services.rates
    if rates is None:
        return None
    key = context.resolver_context.rate_key
    prepared.level = level = await rates.draw(key, requested)
    return Reservation(rates, key, cost, requested, points.others, level, prepared)


async def refuse(
    errors: list[GraphQLError], context: GraphContext, prepared: Preparation
) -> PreExecutionError:
    """Return the answer to a request that is refused, which costs points, too."""
    rates = context.resolver_context.services.rates
    if rates is None:
        return PreExecutionError(data=None, errors=errors)
    try:
        level = await rates.draw(context.resolver_context.rate_key, REFUSED)
    except Throttled as error:
        return throttled(error, REFUSED)
    extensions = _extensions(REFUSED, REFUSED, level, prepared.points)
    return PreExecutionError(data=None, errors=errors, extensions=extensions)


def throttled(
    error: Throttled, requested: int, node: OperationDefinitionNode | None = None
) -> PreExecutionError:
    """Return the answer to a request for which there are too few points."""
    level = {} if error.level is None else _extensions(requested, 0, error.level)
    shown = {"retryAfter": error.seconds, **level}
    refusal = GraphQLError(str(error), node, original_error=error, extensions=shown)
    return PreExecutionError(data=None, errors=[refusal])


def _extensions(
    requested: int, actual: int, level: Level, preparation: int = 0
) -> dict[str, object]:
    cost: dict[str, object] = {"requested": requested, "actual": actual}
    if preparation:
        cost["preparation"] = preparation
    cost["throttle"] = {
        "maximum": level.maximum,
        "available": level.available,
        "restoreRate": level.restore_rate,
    }
    return {"cost": cost}


def _objects(value: object) -> int:
    """Return how many objects a value is and has; finished JSON is counted elsewhere."""
    if isinstance(value, dict):
        return 1 + sum(map(_objects, value.values()))
    if isinstance(value, list):
        return sum(map(_objects, value))
    return 0
