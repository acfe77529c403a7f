"""What we change in how Strawberry executes: finished JSON passes, documents are kept."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from graphql import DocumentNode, GraphQLError, NoSchemaIntrospectionCustomRule
from strawberry.extensions import SchemaExtension
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

MOST_DOCUMENTS = 500
# Longer documents are parsed and validated each time rather than kept.
LONGEST_KEPT = 20_000


class FragmentExecutor(StrawberryGraphQLCoreExecutionContext):
    """Lets finished JSON through where a value would be completed field by field."""

    def complete_value(self, return_type: Any, *args: Any, **kwargs: Any) -> Any:
        """Complete a value unless it is finished; ``result`` is the fifth argument."""
        result = args[3] if len(args) > 3 else kwargs["result"]
        if isinstance(result, orjson.Fragment):
            return result
        return super().complete_value(return_type, *args, **kwargs)

    def build_resolve_info(self, *args: Any) -> Any:
        """Keep graphql-core's own info: Strawberry's has lost what arguments are coerced from."""
        return super(StrawberryGraphQLCoreExecutionContext, self).build_resolve_info(*args)


@dataclass
class _Known:
    document: DocumentNode
    errors: list[GraphQLError] | None = None


class Documents:
    """The documents of one schema that were parsed and validated before, by their text.

    Strawberry's own caches hash a whole document at each request, which costs as much as a short
    read.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[str, _Known] = OrderedDict()

    def get(self, text: str) -> _Known | None:
        """Return what is known of a text."""
        known = self._known.get(text)
        if known is not None:
            self._known.move_to_end(text)
        return known

    def keep(self, text: str, document: DocumentNode) -> None:
        """Remember a parsed text."""
        if len(text) <= LONGEST_KEPT:
            self._known[text] = _Known(document)
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


class WithoutIntrospection(SchemaExtension):
    """Refuses questions about the schema."""

    def on_operation(self) -> Iterator[None]:
        """Add the rule, which is the same class for every request."""
        self.execution_context.validation_rules += (NoSchemaIntrospectionCustomRule,)
        yield


def extensions(*, introspection: bool) -> list[Callable[[], SchemaExtension]]:
    """Return what the schema is extended by; the document cache is one for the schema."""
    documents = Documents()
    found: list[Callable[[], SchemaExtension]] = [lambda: KeepDocuments(documents)]
    return found if introspection else [WithoutIntrospection, *found]
