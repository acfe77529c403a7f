"""Queries of one field that answers with finished JSON: most of what clients send.

Nothing of them is left for graphql-core's executor, which costs a fifth of a short read: it
collects fields, completes values and prepares for incremental delivery. What a client sees of both
ways is the same (GraphQL, sections 6.2 to 6.4).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import isawaitable

import orjson
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    located_error,
)
from graphql.execution.values import VariableValues
from graphql.pyutils import Path
from graphql.type import GraphQLResolveInfoHelpers, is_non_null_type

from resolvers.errors import AnswerTooLarge
from schema.execution.context import CoreInfo, GraphContext
from schema.execution.engine import Json
from schema.execution.strawberry_internals import field_metadata, optimized_is_awaitable
from schema.projection.argument_values import ArgumentReader
from schema.types.descriptions import FINISHED


def _track(_values: Sequence[object]) -> None:
    """Do without background work: there is none here."""


# A part of each info, of which no resolver here makes use.
_HELPERS = GraphQLResolveInfoHelpers(gather=lambda found: asyncio.gather(*found), track=_track)


@dataclass(slots=True)
class FieldResult:
    """What a query of one field answers: ``data`` is None where null went up to it."""

    data: dict[str, object] | None
    errors: Sequence[GraphQLError] = ()
    # The finished JSON in it.
    texts: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class SingleField:
    """The only field of a query."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]
    type: GraphQLObjectType
    node: FieldNode
    definition: GraphQLField
    arguments: ArgumentReader

    async def resolve(
        self, context: GraphContext, variables: VariableValues, max_bytes: int
    ) -> FieldResult:
        """Return the value of the field; ``max_bytes`` is how long its text may be."""
        node, definition = self.node, self.definition
        key = node.alias.value if node.alias else node.name.value
        info = self._info(context, variables, Path(None, key, self.type.name))
        try:
            found = await self._found(info, self.arguments.read(variables))
            if found is None:
                if is_non_null_type(definition.type):
                    raise TypeError(f"{self.type.name}.{node.name.value} is null")
                return FieldResult({key: None})
            text = found.text.encode()
            if len(text) > max_bytes:
                limit = context.resolver_context.services.max_answer_bytes
                raise AnswerTooLarge(limit)
        except Exception as error:
            located = located_error(error, [node], [key])
            return FieldResult(
                None if is_non_null_type(definition.type) else {key: None}, [located]
            )
        return FieldResult({key: orjson.Fragment(text)}, found.errors, [text])

    async def _found(self, info: CoreInfo, given: Mapping[str, object]) -> Json | None:
        resolve = self.definition.resolve
        assert resolve is not None
        found = resolve(None, info, **given)
        value: Json | None = await found if isawaitable(found) else found
        return value

    def _info(self, context: GraphContext, variables: VariableValues, path: Path) -> CoreInfo:
        return GraphQLResolveInfo(
            field_name=self.node.name.value,
            field_nodes=[self.node],
            return_type=self.definition.type,
            parent_type=self.type,
            path=path,
            schema=self.schema,
            fragments=self.fragments,
            root_value=None,
            operation=self.operation,
            variable_values=variables,
            context=context,
            # It says bool for a TypeGuard.
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
            abort_signal=None,
            async_helpers=_HELPERS,
        )


def single_field(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
) -> SingleField | None:
    """Return the only field of a query, None for any other operation.

    Directives at the top, and fragments, are left to the executor, and so is an empty selection,
    which the parser takes (``{}``).
    """
    type_ = schema.query_type
    selections = operation.selection_set.selections
    if operation.operation is not OperationType.QUERY or operation.directives or type_ is None:
        return None
    if len(selections) != 1:
        return None
    node = selections[0]
    if not isinstance(node, FieldNode) or node.directives:
        return None
    definition = type_.fields.get(node.name.value)
    if definition is None or FINISHED not in field_metadata(definition):
        return None
    fragments = {
        one.name.value: one
        for one in document.definitions
        if isinstance(one, FragmentDefinitionNode)
    }
    arguments = ArgumentReader(definition, node)
    return SingleField(schema, operation, fragments, type_, node, definition, arguments)
