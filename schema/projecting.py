"""The way of a root field: selection → shape → plan → one statement → finished JSON.

A template is what the document alone decides; it is kept with the document's nodes, so a request
for a known document only reads its variables.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    get_named_type,
)
from graphql.execution.values import get_argument_values

from resolvers.desk import Context
from resolvers.reading import GRAPHQL, Read, read_json
from resolvers.shapes import Args
from schema.arguments import read_args
from schema.execution import Json
from schema.selection import Selection, Slot

MOST_TEMPLATES = 1000
# Of one root field: each variable of a directive doubles them.
MOST_VARIANTS = 64


@dataclass(eq=False)
class Template:
    """What a document wants of one root field."""

    read: Read
    slots: Sequence[Slot]
    fixed: list[Args | None]


@dataclass
class _Known:
    """The templates of one root field: one for each set of values that directives depend on.

    Holds the nodes it was made of, so that their identity can be the key.
    """

    nodes: object
    names: tuple[str, ...]
    templates: dict[tuple[object, ...], Template]


_known: OrderedDict[tuple[object, ...], _Known] = OrderedDict()


async def project(
    info: GraphQLResolveInfo[Any],
    root: str,
    *,
    by: str = "id",
    given: Mapping[str, Any] | None = None,
    values: Mapping[str, object] | None = None,
) -> Json | None:
    """Answer a root field with finished JSON.

    ``given`` are the field's own arguments where they are read already, ``values`` further ones of
    slot 0. Raises ``BadInput``.
    """
    context: Context = info.context.desk_context
    template, args = planned(info, root, by=by, given=given)
    if values:
        first = args[0]
        args[0] = replace(first, values={**first.values, **values})
    text = await read_json(context, template.read, args, key=template)
    return None if text is None else Json(text)


def planned(
    info: GraphQLResolveInfo[Any],
    root: str,
    *,
    by: str = "id",
    given: Mapping[str, Any] | None = None,
) -> tuple[Template, list[Args]]:
    """Return what a root field wants, and with which arguments; raises ``BadInput``."""
    context: Context = info.context.desk_context
    template = _template(info, root, by)
    args = [
        fixed or _args(context, slot, info, given if i == 0 else None)
        for i, (fixed, slot) in enumerate(zip(template.fixed, template.slots, strict=True))
    ]
    return template, args


def _args(
    context: Context,
    slot: Slot,
    info: GraphQLResolveInfo[Any],
    given: Mapping[str, Any] | None = None,
) -> Args:
    if given is None:
        given = get_argument_values(slot.definition, slot.node, info.variable_values)
    return read_args(given, slot.returns, context.desk.signer)


def _template(info: GraphQLResolveInfo[Any], root: str, by: str) -> Template:
    key = (by, id(info.operation), *map(id, info.field_nodes))
    known = _known.get(key)
    if known is None:
        template, names = _make(info, root, by)
        nodes = (info.operation, tuple(info.field_nodes))
        known = _known[key] = _Known(nodes, names, {_signature(info, names): template})
        if len(_known) > MOST_TEMPLATES:
            _known.popitem(last=False)
        return template
    _known.move_to_end(key)
    signature = _signature(info, known.names)
    kept = known.templates.get(signature)
    if kept is not None:
        return kept
    template, names = _make(info, root, by)
    if not set(names) <= set(known.names):
        # A directive that an earlier one hid depends on a further variable.
        known.names = tuple(sorted({*names, *known.names}))
        known.templates.clear()
    if len(known.templates) >= MOST_VARIANTS:
        known.templates.clear()
    known.templates[_signature(info, known.names)] = template
    return template


def _signature(info: GraphQLResolveInfo[Any], names: Sequence[str]) -> tuple[object, ...]:
    return tuple(info.variable_values.coerced.get(name) for name in names)


def _make(info: GraphQLResolveInfo[Any], root: str, by: str) -> tuple[Template, tuple[str, ...]]:
    selection = Selection(info.schema, info.fragments, info.variable_values)
    definition = info.parent_type.fields[info.field_name]
    selection.slot(definition, info.field_nodes[0])
    named = get_named_type(definition.type)
    types: Sequence[GraphQLObjectType]
    if isinstance(named, GraphQLInterfaceType):
        types = info.schema.get_implementations(named).objects
    else:
        assert isinstance(named, GraphQLObjectType)
        types = [named]
    shapes = tuple((type_.name, selection.shape(info.field_nodes, type_)) for type_ in types)
    entity = named.name.removesuffix("Connection")
    read = Read(root, "Ticket" if root == "statistics" else entity, shapes, GRAPHQL, by)
    context: Context = info.context.desk_context
    fixed = [None if slot.varies else _args(context, slot, info) for slot in selection.slots]
    return Template(read, selection.slots, fixed), tuple(sorted(selection.directive_variables))
