"""How a root field is answered: selection → shape → plan → one statement → finished JSON.

A template is what the document alone decides; it is kept with the document's nodes, so a request
for a known document only reads its variables.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import orjson
from graphql import (
    GraphQLError,
    GraphQLInterfaceType,
    GraphQLObjectType,
    Undefined,
    get_named_type,
)

from resolvers.context import Context
from resolvers.errors import BadInput
from resolvers.query.execute import GRAPHQL, Query, QueryRoot, read_json
from resolvers.query.shapes import NO_ARGS, Args
from schema.errors.field_errors import FieldError, put_nulls, without_failed
from schema.execution.context import CoreInfo
from schema.execution.engine import Json
from schema.projection.arguments import read_args
from schema.projection.selection import Selection, Slot, WrongDirective

MAX_TEMPLATES = 1000
# Of one root field: each variable of a directive doubles them.
MAX_VARIANTS = 64


@dataclass(eq=False)
class Template:
    """What a document wants of one root field."""

    read: Query
    slots: Sequence[Slot]
    fixed: list[Args | None]
    # The variables of the arguments that are not fixed.
    variables: tuple[str, ...]
    # The arguments of the last request whose variables were numbers, with these.
    last: tuple[list[object], list[Args]] | None = None


@dataclass
class _Known:
    """The templates of one root field: one for each set of values that directives depend on.

    Holds the nodes it was made of, so that their identity can be the key.
    """

    nodes: object
    names: tuple[str, ...]
    templates: dict[tuple[object, ...], Template]


class Templates:
    """The templates of the documents of one schema; the least recently used one leaves first.

    ``TEMPLATES`` is their key in the ``extensions`` of the schema.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[object, ...], _Known] = OrderedDict()

    def get(self, info: CoreInfo, root: QueryRoot, by: str) -> Template:
        """Return the template of a field; raises ``WrongDirective``."""
        key = (by, id(info.operation), *map(id, info.field_nodes))
        known = self._known.get(key)
        if known is None:
            template, names = _make(info, root, by)
            nodes = (info.operation, tuple(info.field_nodes))
            known = self._known[key] = _Known(nodes, names, {_signature(info, names): template})
            while len(self._known) > MAX_TEMPLATES:
                self._known.popitem(last=False)
            return template
        self._known.move_to_end(key)
        signature = _signature(info, known.names)
        kept = known.templates.get(signature)
        if kept is not None:
            return kept
        template, names = _make(info, root, by)
        if not set(names) <= set(known.names):
            # A directive that an earlier one hid depends on a further variable.
            known.names = tuple(sorted({*names, *known.names}))
            known.templates.clear()
        if len(known.templates) >= MAX_VARIANTS:
            known.templates.clear()
        known.templates[_signature(info, known.names)] = template
        return template


TEMPLATES = "templates"


async def project(
    info: CoreInfo,
    root: QueryRoot,
    *,
    by: str = "id",
    given: Mapping[str, object] | None = None,
    values: Mapping[str, object] | None = None,
) -> Json | None:
    """Answer a root field with finished JSON.

    ``given`` are the field's own arguments where they are read already, ``values`` further ones of
    slot 0. Raises ``GraphQLError`` where a wrong argument leaves nothing to answer.
    """
    context = info.context.resolver_context
    template, args, wrong = _planned(info, root, by, given)
    if values:
        first = args[0]
        args[0] = replace(first, values={**first.values, **values})
    if wrong:
        return await _project_around(info, template, args, wrong)
    text = await read_json(context, template.read, args, key=template)
    return None if text is None else Json(text)


async def _project_around(
    info: CoreInfo, template: Template, args: list[Args], wrong: list[FieldError]
) -> Json | None:
    """Answer a root field some of whose inner fields failed already."""
    path = info.path.as_list()
    for error in wrong:
        if not error.way:
            raise error.at(path)
    slots = frozenset(error.slot for error in wrong)
    shapes = tuple((name, without_failed(s, slots)) for name, s in template.read.shapes)
    read = replace(template.read, shapes=shapes)
    text = await read_json(info.context.resolver_context, read, args)
    if text is None:
        return None
    value, errors = put_nulls(orjson.loads(text), info.return_type, wrong, path)
    return Json(orjson.dumps(value).decode(), errors)


def planned(
    info: CoreInfo, root: QueryRoot, *, given: Mapping[str, object] | None = None
) -> tuple[Template, list[Args]]:
    """Return what a root field wants, and with which arguments; raises ``GraphQLError``."""
    template, args, wrong = _planned(info, root, "id", given)
    if wrong:
        raise wrong[0].before_reading(info.path.as_list())
    return template, args


def wrong_arguments(info: CoreInfo) -> list[GraphQLError]:
    """Return what is wrong with the arguments of a mutation's field and of all inside of it."""
    path = info.path.as_list()
    try:
        _, _, wrong = _planned(info, QueryRoot.PAYLOAD, "id", None)
    except GraphQLError as error:
        return [error]
    return [error.before_reading(path) for error in wrong]


def _planned(
    info: CoreInfo, root: QueryRoot, by: str, given: Mapping[str, object] | None
) -> tuple[Template, list[Args], list[FieldError]]:
    context = info.context.resolver_context
    templates: Templates = info.schema.extensions[TEMPLATES]
    try:
        template = templates.get(info, root, by)
    except WrongDirective as found:
        raise FieldError(0, found.way, None, found.error).before_reading(
            info.path.as_list()
        ) from None
    numbers = _numbers(info, template.variables)
    if template.last is not None and template.last[0] == numbers:
        return template, [*template.last[1]], []
    args: list[Args] = []
    wrong: list[FieldError] = []
    for i, (fixed, slot) in enumerate(zip(template.fixed, template.slots, strict=True)):
        try:
            args.append(fixed or _args(context, slot, info, given if i == 0 else None))
        except (BadInput, GraphQLError) as error:
            args.append(NO_ARGS)
            wrong.append(FieldError(i, slot.way, slot.node, error))
    if numbers is not None and not wrong:
        template.last = (numbers, [*args])
    return template, args, wrong


def _numbers(info: CoreInfo, names: Sequence[str]) -> list[object] | None:
    """Return the values of variables where all are numbers or not given, as sizes of pages are.

    What is made of others can depend on the time, as with cursors, or is large.
    """
    coerced = info.variable_values.coerced
    values = [coerced.get(name, Undefined) for name in names]
    return values if all(value is Undefined or type(value) is int for value in values) else None


def _args(
    context: Context,
    slot: Slot,
    info: CoreInfo,
    given: Mapping[str, object] | None = None,
) -> Args:
    if given is None:
        given = slot.arguments.read(info.variable_values)
    return read_args(given, slot.returns, context.services.signer)


def _signature(info: CoreInfo, names: Sequence[str]) -> tuple[object, ...]:
    return tuple(info.variable_values.coerced.get(name) for name in names)


def _make(info: CoreInfo, root: QueryRoot, by: str) -> tuple[Template, tuple[str, ...]]:
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
    read = Query(root, "Ticket" if root is QueryRoot.STATISTICS else entity, shapes, GRAPHQL, by)
    context = info.context.resolver_context
    fixed = [_fixed(context, slot, info) for slot in selection.slots]
    varying = (
        slot.variables for slot, args in zip(selection.slots, fixed, strict=True) if not args
    )
    variables = tuple(sorted(frozenset[str]().union(*varying)))
    directives = tuple(sorted(selection.directive_variables))
    return Template(read, selection.slots, fixed, variables), directives


def _fixed(context: Context, slot: Slot, info: CoreInfo) -> Args | None:
    """Return the arguments that are the same in all requests; wrong ones are found at each."""
    if slot.variables:
        return None
    try:
        return _args(context, slot, info)
    except (BadInput, GraphQLError):
        return None
