"""What we change in how Strawberry executes: finished JSON passes, documents are kept."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from graphql import (
    DocumentNode,
    GraphQLError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OperationType,
)
from graphql import (
    ExecutionResult as GraphQLExecutionResult,
)
from strawberry.extensions import MaxTokensLimiter, SchemaExtension
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.types import ExecutionResult

from schema.errors import worded

MOST_DOCUMENTS = 500
# Longer documents are parsed and validated each time rather than kept.
LONGEST_KEPT = 20_000
# Validation takes the square of how often a field repeats: 10,000 tokens may take it seconds.
MOST_TOKENS = 4000


@dataclass(frozen=True, slots=True)
class Finished:
    """An event of a subscription with all of its answer."""

    data: dict[str, orjson.Fragment]


class FragmentExecutor(StrawberryGraphQLCoreExecutionContext):
    """Lets finished JSON through where a value would be completed field by field."""

    def complete_value(self, return_type: Any, *args: Any, **kwargs: Any) -> Any:
        """Complete a value unless it is finished; ``result`` is the fifth argument."""
        result = args[3] if len(args) > 3 else kwargs["result"]
        if isinstance(result, orjson.Fragment):
            return result
        return super().complete_value(return_type, *args, **kwargs)

    def execute_operation(self, serially: bool | None = None) -> Any:
        """Execute an operation, unless this is for an event that has its answer already."""
        if isinstance(self.root_value, Finished):
            return GraphQLExecutionResult(data=self.root_value.data, errors=None)
        return super().execute_operation(serially)

    def build_resolve_info(self, *args: Any) -> Any:
        """Keep graphql-core's own info: Strawberry's has lost what arguments are coerced from."""
        return super(StrawberryGraphQLCoreExecutionContext, self).build_resolve_info(*args)


@dataclass
class Known:
    """A parsed document and, once it was validated, what is wrong with it."""

    document: DocumentNode
    errors: list[GraphQLError] | None = None
    query: OperationDefinitionNode | None = field(init=False)

    def __post_init__(self) -> None:
        """Find the only operation, if it is a query."""
        found = [x for x in self.document.definitions if isinstance(x, OperationDefinitionNode)]
        only = found[0] if len(found) == 1 else None
        self.query = only if only and only.operation is OperationType.QUERY else None

    def is_just(self, operation_name: str | None) -> bool:
        """Tell whether this is one valid query and the one that is meant."""
        if self.query is None or self.errors != []:
            return False
        named = self.query.name
        return operation_name is None or (named is not None and named.value == operation_name)


class Documents:
    """The documents of one schema that were parsed and validated before, by their text.

    Strawberry's own caches hash a whole document at each request, which costs as much as a short
    read.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[str, Known] = OrderedDict()

    def get(self, text: str) -> Known | None:
        """Return what is known of a text."""
        known = self._known.get(text)
        if known is not None:
            self._known.move_to_end(text)
        return known

    def keep(self, text: str, document: DocumentNode) -> None:
        """Remember a parsed text."""
        if len(text) <= LONGEST_KEPT:
            self._known[text] = Known(document)
            if len(self._known) > MOST_DOCUMENTS:
                self._known.popitem(last=False)


class KeepDocuments(SchemaExtension):
    """Takes parsing and validation from ``Documents``."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents

    def on_parse(self) -> Iterator[None]:
        """Skip parsing where the text is known."""
        execution = self.execution_context
        text = execution.query or ""
        known = self._documents.get(text)
        if known is not None:
            execution.graphql_document = known.document
        yield
        if known is None and execution.graphql_document is not None:
            self._documents.keep(text, execution.graphql_document)

    def on_validate(self) -> Iterator[None]:
        """Skip validation where the text was validated."""
        execution = self.execution_context
        known = self._documents.get(execution.query or "")
        if known is not None and known.errors is not None:
            execution.pre_execution_errors = known.errors
        yield
        if known is not None and known.errors is None:
            known.errors = execution.pre_execution_errors or []


class OneOperation(SchemaExtension):
    """Refuses to guess which of several operations is meant; Strawberry takes the first one."""

    def on_execute(self) -> Iterator[None]:
        """Require a name where there is a choice (GraphQL, section 6.1)."""
        execution = self.execution_context
        definitions = execution.graphql_document.definitions if execution.graphql_document else ()
        operations = sum(isinstance(one, OperationDefinitionNode) for one in definitions)
        if operations > 1 and execution._provided_operation_name is None:
            message = "Say which of the operations is meant: `operationName`."
            execution.result = ExecutionResult(data=None, errors=[GraphQLError(message)])
        yield


class WordErrors(SchemaExtension):
    """Words the errors of streams, whose transports would show them as they were raised."""

    def on_stream_result(self, result: Any) -> Iterator[None]:
        """Replace a result's errors by what clients may see."""
        if result.errors:
            request_id = self.execution_context.context.request_id
            result.errors = [worded(error, request_id) for error in result.errors]
        yield


class WithoutIntrospection(SchemaExtension):
    """Refuses questions about the schema."""

    def on_operation(self) -> Iterator[None]:
        """Add the rule, which is the same class for every request."""
        self.execution_context.validation_rules += (NoSchemaIntrospectionCustomRule,)
        yield


def extensions(documents: Documents, *, introspection: bool) -> list[Callable[[], SchemaExtension]]:
    """Return what the schema is extended by; ``documents`` is kept for it alone."""
    found: list[Callable[[], SchemaExtension]] = [
        lambda: MaxTokensLimiter(MOST_TOKENS),
        lambda: KeepDocuments(documents),
        OneOperation,
        WordErrors,
    ]
    return found if introspection else [WithoutIntrospection, *found]
