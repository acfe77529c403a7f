"""What we change in how a field is executed: finished JSON passes as it is."""

from dataclasses import dataclass
from typing import Any

import orjson
from graphql import ExecutionResult as GraphQLExecutionResult
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext


@dataclass(frozen=True, slots=True)
class Json:
    """A value as finished JSON."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """An event of a subscription with all of its answer."""

    data: dict[str, orjson.Fragment]


class FragmentExecutor(StrawberryGraphQLCoreExecutionContext):
    """Lets finished JSON through where a value would be completed field by field.

    ``finished`` are the texts that it let through.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.finished: list[bytes] = []

    def complete_value(self, return_type: Any, *args: Any, **kwargs: Any) -> Any:
        """Complete a value unless it is finished; ``result`` is the fifth argument."""
        result = args[3] if len(args) > 3 else kwargs["result"]
        if isinstance(result, Json):
            text = result.text.encode()
            self.finished.append(text)
            return orjson.Fragment(text)
        return super().complete_value(return_type, *args, **kwargs)

    def execute_operation(self, serially: bool | None = None) -> Any:
        """Execute an operation, unless this is for an event that has its answer already."""
        if isinstance(self.root_value, Finished):
            return GraphQLExecutionResult(data=self.root_value.data, errors=None)
        return super().execute_operation(serially)

    def build_resolve_info(self, *args: Any) -> Any:
        """Keep graphql-core's own info: Strawberry's has lost what arguments are coerced from."""
        return super(StrawberryGraphQLCoreExecutionContext, self).build_resolve_info(*args)
