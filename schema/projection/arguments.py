"""From a field's arguments to what a read takes: windows, cursors, filters and orders."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import Any
from uuid import UUID

from resolvers.errors import BadInput
from resolvers.naming import snake
from resolvers.query import binds
from resolvers.query.catalog import ENTITIES, RESULT
from resolvers.query.cursors import decode_cursor
from resolvers.query.field_types import Entity
from resolvers.query.filters.parse import parse
from resolvers.query.search.terms import parse_search
from resolvers.query.shapes import Args
from resolvers.signing import MAX_LINK_SECONDS, Signer
from schema.types.page_arguments import DEFAULT_PAGE, MAX_PAGE_SIZE

# Arguments and inputs as graphql-core coerced them: a value has the type that the schema gives it.
Values = dict[str, object]
Given = Mapping[str, Any]
MAX_ORDERS = 6
SEARCH_TYPES = ("Ticket", "Comment", "Contact", "Company")
_ID_FIELDS = frozenset(
    {"company", "contact", "assigned_to", "created_by", "ticket", "author", "actor"}
)


def read_args(given: Given, returns: str, signer: Signer) -> Args:
    """Return the arguments of a field that returns a type of this name.

    Raises ``BadInput`` where one is out of its bounds.
    """
    if returns == "SearchResultConnection":
        return _search_args(given, signer)
    if returns.endswith("Connection"):
        return _connection_args(given, ENTITIES[returns.removesuffix("Connection")], signer)
    if returns == "TicketEvent":
        # Only the subscription takes arguments and returns one; where to begin is no condition.
        followed: dict[str, object] = {}
        chosen = {"tickets": plain_filter(given.get("filter")), "type": {"in": given.get("types")}}
        return Args(where=parse(chosen, followed), values=followed)
    if returns == "TicketStats":
        return filter_args(given.get("filter"))
    if "expiresIn" in given:
        seconds = given["expiresIn"]
        if not 1 <= seconds <= MAX_LINK_SECONDS:
            raise BadInput(f"`expiresIn` must be between 1 and {MAX_LINK_SECONDS} seconds.")
        return Args(values={binds.EXPIRES_IN: seconds})
    return Args()


def _connection_args(given: Given, entity: Entity, signer: Signer) -> Args:
    values: dict[str, object] = {}
    where = parse(_filter_of(given), values)
    order = order_of(given.get("orderBy"))
    if given.get("direction") is not None:
        order = ((entity.order[0][0], _value(given["direction"]) == "desc"),)
    first, last = given.get("first"), given.get("last")
    if first is not None and last is not None:
        raise BadInput("Give either `first` or `last`, not both.")
    backward = last is not None
    limit: int = given["last"] if backward else DEFAULT_PAGE if first is None else first
    if not 0 <= limit <= MAX_PAGE_SIZE:
        raise BadInput(
            f"`{'last' if backward else 'first'}` must be between 0 and {MAX_PAGE_SIZE}."
        )
    # An empty cursor is the same as none: the list's beginning, or its end.
    for name in ("after", "before"):
        if given.get(name):
            position = decode_cursor(given[name], entity, order or entity.order, signer)
            values.update({binds.position(name, i): value for i, value in enumerate(position)})
    return Args(
        where,
        order,
        backward,
        after=bool(given.get("after")),
        before=bool(given.get("before")),
        limit=limit,
        values=values,
    )


def _search_args(given: Given, signer: Signer) -> Args:
    page = _connection_args({name: given.get(name) for name in ("first", "after")}, RESULT, signer)
    values = dict(page.values)
    where = parse_search(given["query"], values)
    types = given.get("types")
    if types is not None and not types:
        raise BadInput("`types` takes at least one type.")
    chosen = SEARCH_TYPES if types is None else tuple(dict.fromkeys(map(_value, types)))
    return replace(page, where=where, types=chosen, values=values)


def _filter_of(given: Given) -> Values:
    """Return the filter; some lists take a part of it as an argument of its own."""
    chosen = plain_filter(given.get("filter"))
    if given.get("isInternal") is not None:
        chosen["is_internal"] = given["isInternal"]
    if given.get("state") is not None:
        chosen["state"] = {"eq": _value(given["state"])}
    if given.get("search") is not None:
        chosen["search"] = given["search"]
    return chosen


def filter_args(given: Given | None) -> Args:
    """Return a filter of tickets, with its values; raises ``BadInput``."""
    values: dict[str, object] = {}
    return Args(where=parse(plain_filter(given), values), values=values)


def plain_filter(given: Given | None) -> Values:
    """Return a filter in the words of ``resolvers.query.filters.parse``, its ids checked."""
    plain: Values = {}
    for name, value in (given or {}).items():
        key = snake(name)
        if value is None:
            continue
        if key in ("and", "or"):
            plain[key] = [plain_filter(part) for part in value]
        elif key in ("not", "tickets"):
            plain[key] = plain_filter(value)
        elif isinstance(value, Mapping):
            operands = {snake(operator): operand for operator, operand in value.items()}
            plain[key] = _with_ids(operands) if key in _ID_FIELDS else operands
        else:
            plain[key] = value
    return plain


def _with_ids(operands: Given) -> Values:
    found: Values = {}
    for operator, operand in operands.items():
        if operator == "is_null" or operand is None:
            found[operator] = operand
        elif isinstance(operand, list):
            found[operator] = [filter_id(value) for value in operand]
        else:
            found[operator] = filter_id(operand)
    return found


def filter_id(value: str) -> UUID:
    """Read an id in a filter; raises ``BadInput`` where it is none."""
    key = read_id(value)
    if key is None:
        raise BadInput("An id in the filter is not a UUID.")
    return key


def read_id(value: object) -> UUID | None:
    """Read an id in any spelling; None where it is none, which is as good as unknown."""
    try:
        return UUID(str(value))
    except ValueError:
        return None


def known_id(value: object) -> UUID:
    """Read the id of what is to be found; for one that is none, an id that no row has."""
    return read_id(value) or UUID(int=0)


def order_of(given: Sequence[Given] | None) -> tuple[tuple[str, bool], ...]:
    """Return the fields of an order, True where one descends; raises ``BadInput``."""
    chosen: dict[str, bool] = {}
    for part in given or ():
        field, direction = part["field"], part["direction"]
        chosen.setdefault(_value(field), _value(direction) == "desc")
    if len(given or ()) > MAX_ORDERS:
        raise BadInput(f"`orderBy` takes at most {MAX_ORDERS} fields.")
    return tuple(chosen.items())


def _value(choice: object) -> str:
    return str(choice.value if isinstance(choice, Enum) else choice)
