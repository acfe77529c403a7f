"""The parts of Strawberry and graphql-core that are no public API, used here and nowhere else.

Other modules import them from here. Both packages are pinned to a minor version in
``pyproject.toml``. ``tests/schema/execution/test_strawberry_internals.py`` reports which of these
parts an update has removed.
"""

from collections.abc import Mapping
from copy import copy
from typing import Any, TypeVar

import strawberry
from graphql import GraphQLField, GraphQLResolveInfo, GraphQLSchema, ValidationContext
from graphql.execution.get_variable_signature import get_variable_signature
from graphql.execution.values import (
    VariableValueSource,
    coerce_argument,
    input_is_nested_too_deeply,
)
from graphql.validation import OverlappingFieldsCanBeMergedRule
from graphql.validation.validate import ValidationAbortedError
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.execution import optimized_is_awaitable
from strawberry.http import GraphQLHTTPResponse
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.http.websocket_origin import normalize_allowed_origins
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext, StreamResult
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
)
from strawberry.types.execution import PreExecutionError
from strawberry.types.field import StrawberryField
from strawberry.types.graphql import OperationType
from strawberry.types.unset import UnsetType

__all__ = [
    "ASGIWebSocketAdapter",
    "BoundedOverlappingFields",
    "ConnectionInitMessage",
    "GraphQLHTTPResponse",
    "Message",
    "Operation",
    "OperationType",
    "PreExecutionError",
    "SocketHandler",
    "StrawberryGraphQLCoreExecutionContext",
    "SubscribeMessage",
    "UnsetType",
    "ValidationAbortedError",
    "VariableValueSource",
    "WebSocketDisconnected",
    "coerce_argument",
    "core_info",
    "core_schema",
    "field_metadata",
    "get_variable_signature",
    "input_is_nested_too_deeply",
    "normalize_allowed_origins",
    "optimized_is_awaitable",
    "share_types",
]

Asker = TypeVar("Asker")
# Comparing fields that share a name takes the square of their number: seconds for 2,000 tokens.
# graphql-core counts that work; what it allows by default takes twenty times as long.
MAX_COMPARISONS = 25_000


def core_schema(schema: strawberry.Schema) -> GraphQLSchema:
    """Return graphql-core's schema behind Strawberry's."""
    return schema._schema


def share_types(schema: strawberry.Schema, other: strawberry.Schema) -> GraphQLSchema:
    """Give another schema the types of one, which are converted once, as that takes 50 ms.

    Returns its schema of graphql-core, whose ``extensions`` are its own.
    """
    vars(other).update(vars(schema))
    core = other._schema = copy(schema._schema)
    core._strawberry_schema = other  # type: ignore[attr-defined] # as Strawberry does
    core.extensions = {**core.extensions, GraphQLCoreConverter.DEFINITION_BACKREF: other}
    return core


def core_info(info: strawberry.Info[Asker, None]) -> GraphQLResolveInfo[Asker]:
    """Return graphql-core's info behind Strawberry's."""
    return info._raw_info


def field_metadata(field: GraphQLField) -> Mapping[object, Any]:
    """Return the ``metadata`` that a field of the schema was declared with, by ``dataclasses``.

    Introspection's own fields have none.
    """
    declared: StrawberryField | None
    declared = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
    return {} if declared is None else declared.metadata


class BoundedOverlappingFields(OverlappingFieldsCanBeMergedRule):
    """The rule that fields of one name can be merged, with a bound of ours on its work."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.rule_context.remaining_complexity_budget = MAX_COMPARISONS


class SocketHandler(BaseGraphQLTransportWSHandler[Any, None]):
    """Strawberry's handler of any context, which goes on after a document that is wrong."""

    @staticmethod
    def _get_pre_execution_close_reason(_error: object) -> None:
        """Answer with an error instead of closing: the connection may have other operations."""

    async def send_results(self, operation: Operation[Any, None], results: StreamResult) -> None:
        """Send each result of an operation."""
        await self._send_result_stream(operation, results)
