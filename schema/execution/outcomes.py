"""What an operation answers where it did not simply run to its end."""

from graphql import GraphQLError, OperationDefinitionNode
from strawberry.types import ExecutionResult

from resolvers.errors import Throttled, TimedOut, Unavailable
from schema.errors.formatting import worded
from schema.execution.engine import FragmentExecutor
from schema.execution.strawberry_internals import OperationType
from schema.projection.resolve import wrong_arguments
from schema.projection.selection import WrongDirective


def argument_errors(executor: FragmentExecutor) -> list[GraphQLError]:
    """Return what is wrong with any argument of any mutation, before the first one writes."""
    try:
        mutations = executor.mutations()
    except WrongDirective as found:
        return [found.error]
    return [error for info in mutations for error in wrong_arguments(info)]


def late_result(
    node: OperationDefinitionNode,
    type_: OperationType,
    executor: FragmentExecutor,
    late: TimedOut,
    extensions: dict[str, object] | None,
) -> ExecutionResult:
    """Return what an operation answers whose time is up: what was written until then."""
    if type_ is OperationType.MUTATION:
        data = executor.stopped(late)
        if data is not None:
            errors = executor.collected_errors.errors
            return ExecutionResult(data=data, errors=errors, extensions=extensions)
    return ExecutionResult(data=None, errors=[timed_out(node, late)], extensions=extensions)


def timed_out(node: OperationDefinitionNode, late: TimedOut) -> GraphQLError:
    """Return the error of an operation whose time is up."""
    return GraphQLError(str(late), nodes=node, original_error=late)


def retry_reason(result: ExecutionResult) -> Throttled | Unavailable | None:
    """Return the error of a result that says how long to wait, the longest of several."""
    causes = [error.original_error for error in result.errors or ()]
    found = [one for one in causes if isinstance(one, Throttled | Unavailable)]
    return max(found, key=lambda one: one.seconds, default=None)


def worded_result(result: ExecutionResult, request_id: str) -> ExecutionResult:
    """Replace a result's errors by what clients may see."""
    if result.errors:
        result = type(result)(
            data=result.data,
            errors=[worded(error, request_id) for error in result.errors],
            extensions=result.extensions,
        )
    return result
