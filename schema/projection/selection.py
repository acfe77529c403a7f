"""From a selection set to a shape: aliases, fragments, ``@include``/``@skip``, arguments.

The executor's own field collection (GraphQL, section 6.3) is repeated here for everything below a
root field, because the root field answers for all of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLIncludeDirective,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLSkipDirective,
    GraphQLUnionType,
    InlineFragmentNode,
    SelectionNode,
    get_named_type,
)
from graphql.execution.values import VariableValues, get_directive_values

from resolvers.naming import snake
from resolvers.query.shapes import Field, Shape
from schema.projection.argument_values import ArgumentReader, variables_in

# The fields that lead to a place below a root field: response keys and types.
Way = tuple[tuple[str, GraphQLOutputType], ...]


class WrongDirective(Exception):
    """A directive's argument is wrong, which is found where the fields of ``way`` are collected."""

    def __init__(self, way: Way, error: GraphQLError) -> None:
        super().__init__(str(error))
        self.way = way
        self.error = error


@dataclass(frozen=True)
class Slot:
    """A field with arguments: where they are, and which variables they have."""

    arguments: ArgumentReader
    node: FieldNode
    returns: str
    variables: frozenset[str]
    way: Way = ()


@dataclass
class Selection:
    """What was found below a root field."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: VariableValues
    slots: list[Slot] = field(default_factory=list)
    directive_variables: set[str] = field(default_factory=set)
    _way: Way = ()

    def shape(
        self, nodes: Sequence[FieldNode], type_: GraphQLObjectType | GraphQLUnionType
    ) -> Shape:
        """Return the shape of a type below some nodes with the same response key."""
        if isinstance(type_, GraphQLUnionType):
            return Shape((), tuple((one.name, self.shape(nodes, one)) for one in type_.types))
        selections = [node.selection_set.selections for node in nodes if node.selection_set]
        found = self.fields([one for each in selections for one in each], type_)
        return Shape(tuple(self._field(key, same, type_) for key, same in found.items()))

    def fields(
        self, selections: Sequence[SelectionNode], type_: GraphQLObjectType
    ) -> dict[str, list[FieldNode]]:
        """Return the nodes of each response key; raises ``WrongDirective``."""
        collected: dict[str, list[FieldNode]] = {}
        try:
            self._collect(selections, type_, collected)
        except GraphQLError as error:
            raise WrongDirective(self._way, error) from None
        return collected

    def slot(self, definition: GraphQLField, node: FieldNode) -> int:
        """Reserve a slot for the arguments of a field."""
        named = get_named_type(definition.type)
        names = (variables_in(argument.value) for argument in node.arguments or ())
        variables = frozenset[str]().union(*names)
        arguments = ArgumentReader(definition, node)
        self.slots.append(Slot(arguments, node, named.name, variables, self._way))
        return len(self.slots) - 1

    def _field(self, key: str, nodes: Sequence[FieldNode], type_: GraphQLObjectType) -> Field:
        name = nodes[0].name.value
        if name == "__typename":
            return Field(key, name)
        definition = type_.fields[name]
        outside = self._way
        self._way = (*outside, (key, definition.type))
        slot = self.slot(definition, nodes[0]) if definition.args else None
        named = get_named_type(definition.type)
        shape = None
        if isinstance(named, GraphQLObjectType | GraphQLUnionType):
            shape = self.shape(nodes, named)
        self._way = outside
        return Field(key, snake(name), shape, slot)

    def _collect(
        self,
        selections: Sequence[SelectionNode],
        type_: GraphQLObjectType,
        collected: dict[str, list[FieldNode]],
    ) -> None:
        for selection in selections:
            if not self._included(selection):
                continue
            if isinstance(selection, FieldNode):
                key = selection.alias.value if selection.alias else selection.name.value
                collected.setdefault(key, []).append(selection)
                continue
            fragment: InlineFragmentNode | FragmentDefinitionNode
            if isinstance(selection, FragmentSpreadNode):
                fragment = self.fragments[selection.name.value]
            else:
                assert isinstance(selection, InlineFragmentNode)
                fragment = selection
            if self._applies(fragment, type_):
                self._collect(fragment.selection_set.selections, type_, collected)

    def _included(self, node: SelectionNode) -> bool:
        for directive in node.directives or ():
            for argument in directive.arguments or ():
                self.directive_variables.update(variables_in(argument.value))
        skip = get_directive_values(GraphQLSkipDirective, node, self.variables)
        if skip and skip["if"]:
            return False
        include = get_directive_values(GraphQLIncludeDirective, node, self.variables)
        return not include or bool(include["if"])

    def _applies(
        self, fragment: InlineFragmentNode | FragmentDefinitionNode, type_: GraphQLObjectType
    ) -> bool:
        if fragment.type_condition is None:
            return True
        named = self.schema.get_type(fragment.type_condition.name.value)
        if isinstance(named, GraphQLInterfaceType | GraphQLUnionType):
            return self.schema.is_sub_type(named, type_)
        return named is type_
