"""What we change in how a field is executed: finished JSON passes as it is."""

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any

import orjson
from graphql import (
    GraphQLError,
    GraphQLObjectType,
    OperationType,
    get_named_type,
)
from graphql.pyutils import Path
from strawberry.types import ExecutionResult

from resolvers.errors import AnswerTooLarge
from resolvers.query.shapes import TYPENAME
from resolvers.rate_levels import Level
from schema.execution.context import CoreInfo, GraphContext
from schema.execution.strawberry_internals import StrawberryGraphQLCoreExecutionContext
from schema.operations.mutation_results import payload_with_error
from schema.projection.selection import Selection


@dataclass(frozen=True, slots=True)
class Json:
    """A value as finished JSON, with the errors of what is null inside of it."""

    text: str
    errors: Sequence[GraphQLError] = ()


@dataclass
class EventResult(ExecutionResult):
    """An event of a subscription, and its place in the feed."""

    cursor: str | None = None


class FragmentExecutor(StrawberryGraphQLCoreExecutionContext):
    """Runs one operation; lets finished JSON through in place of values to be completed.

    ``finished`` are the texts that it let through, and ``answered`` is their size with that of the
    requests before in the same batch. ``made`` are the ids of what each mutation has written, by
    response keys, from its commit on. ``level`` is that of the bucket the operation was paid from.
    """

    # What is only passed on to graphql-core is `Any`, as its own values and results are.
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.finished: list[bytes] = []
        self.answered = 0
        self.level: Level | None = None
        self.made: dict[str, Mapping[str, object]] = {}
        self._answered: dict[str, object] = {}

    def complete_value(self, return_type: Any, *args: Any, **kwargs: Any) -> Any:
        """Complete a value unless it is finished; ``result`` is the fifth argument."""
        result = args[3] if len(args) > 3 else kwargs["result"]
        if isinstance(result, Json):
            text = result.text.encode()
            self._count(len(text))
            self.finished.append(text)
            self.collected_errors.errors.extend(result.errors)
            return orjson.Fragment(text)
        return super().complete_value(return_type, *args, **kwargs)

    def _count(self, size: int) -> None:
        """Raise ``AnswerTooLarge`` where the reads of a request together answer with too much."""
        context: GraphContext = self.context_value
        limit = context.resolver_context.services.max_answer_bytes
        if self.answered + size > limit:
            raise AnswerTooLarge(limit)
        self.answered += size

    def mutations(self) -> list[CoreInfo]:
        """Return the mutations of the operation; raises ``WrongDirective``."""
        type_ = self.schema.mutation_type
        assert type_ is not None
        selection = Selection(self.schema, self.fragment_definitions, self.variable_values)
        found = selection.fields(self.operation.selection_set.selections, type_)
        return [
            self.build_resolve_info(
                type_.fields[nodes[0].name.value], nodes, type_, Path(None, key, type_.name)
            )
            for key, nodes in found.items()
            if nodes[0].name.value != TYPENAME
        ]

    def execute_field(self, *args: Any) -> Any:
        """Keep each mutation's payload, which is answered even if a later one fails."""
        path: Path = args[3]
        if path.prev is not None or self.operation.operation is not OperationType.MUTATION:
            return super().execute_field(*args)
        return self._mutate(path.key, lambda: super(FragmentExecutor, self).execute_field(*args))

    async def _mutate(self, key: str | int, execute: Callable[[], object]) -> object:
        try:
            result = execute()
            if isawaitable(result):
                result = await result
        except GraphQLError as error:
            result = self._failed(str(key), error, alone=len(self.mutations()) == 1)
            if result is None:
                raise
        self._answered[str(key)] = result
        return result

    def _failed(self, key: str, error: Exception, *, alone: bool) -> dict[str, object] | None:
        """Return the payload of a mutation that failed, None where there can be none.

        One that stands alone and has written nothing is null itself, as its path says.
        """
        made = self.made.get(key)
        info = next((one for one in self.mutations() if one.path.key == key), None)
        if info is None or (alone and made is None):
            return None
        type_ = get_named_type(info.return_type)
        assert isinstance(type_, GraphQLObjectType)
        found = payload_with_error(info, type_, error, made)
        if found is None:
            return None
        self.collected_errors.errors.extend(found[1])
        return found[0]

    def stopped(self, error: Exception) -> dict[str, object] | None:
        """Return what a mutation operation answers that was stopped by an error.

        None where no mutation has written anything.
        """
        mutations = self.mutations()
        if not self._answered and not self.made:
            return None
        data = {}
        for info in mutations:
            key = str(info.path.key)
            data[key] = self._answered.get(key) or self._failed(key, error, alone=False)
            if data[key] is None:
                return None
        return data

    def build_resolve_info(self, *args: Any) -> CoreInfo:
        """Keep graphql-core's own info: Strawberry's has lost what arguments are coerced from."""
        return super(StrawberryGraphQLCoreExecutionContext, self).build_resolve_info(*args)


# The executor of the operation that the current task runs.
executing: ContextVar[FragmentExecutor] = ContextVar("executing")
