"""Payloads of mutations: what was written, read back by ids, and what became of each of several."""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

from sqlalchemy import JSON, case, cast, func, select
from sqlalchemy.types import Integer, String

from models.types import Uuid36
from resolvers.query import binds
from resolvers.query.catalog import ENTITIES
from resolvers.query.compile_context import CompileContext
from resolvers.query.expressions import member
from resolvers.query.objects import one_row, some_nodes
from resolvers.query.shapes import TYPENAME, Field, Shape
from resolvers.query.sql.elements import (
    SQL,
    JsonAgain,
    JsonArrayAgg,
    JsonEmptyArray,
    JsonNumber,
    JsonObject,
    JsonOrNull,
    JsonText,
    JsonTextOrNull,
    JsonWord,
    Plain,
    Word,
)


def payload(build: CompileContext, name: str, shape: Shape) -> SQL:
    """Return a write's answer: objects and ids by the bind parameters named as they are.

    It has no errors of its own: a write that failed has nothing to project.
    """
    return JsonObject([(field.key, _member(build, name, field)) for field in shape.fields])


def _member(build: CompileContext, name: str, field: Field) -> SQL:
    if field.name == TYPENAME:
        return Word(name)
    if field.name == "errors":
        return JsonEmptyArray()
    if field.name == "changed_count":
        return JsonNumber(build.bind(binds.of_root(field.name), Integer))
    if field.name == "secret":
        return JsonText(build.bind(binds.of_root(field.name), String))
    if field.shape is None:
        return JsonWord(Plain(build.bind(binds.of_root(field.name), Uuid36)))
    if field.name in _lists:
        return _lists[field.name](build, field.shape)
    return JsonOrNull(_made(build, field.name, field.shape))


def _written_events(build: CompileContext, shape: Shape) -> SQL:
    return some_nodes(build, [(ENTITIES["TicketEvent"], shape)])


def _made(build: CompileContext, name: str, shape: Shape) -> SQL:
    key = build.bind(binds.of_root(name), Uuid36)
    entity = ENTITIES[_ENTITY_OF.get(name) or name.title()]
    return one_row(build, entity, shape, lambda row: row.id == key)


def _merged(build: CompileContext, shape: Shape) -> SQL:
    """Return what a write was merged with, or null."""
    expected = build.bind(binds.of_root(binds.MERGED_EXPECTED), Integer)
    values: dict[str, SQL] = {
        TYPENAME: Word("Merge"),
        "expected_version": JsonNumber(expected),
        "actual_version": JsonNumber(build.bind(binds.of_root(binds.MERGED_ACTUAL), Integer)),
        "changed_fields": JsonAgain(build.bind(binds.of_root(binds.MERGED_FIELDS), String)),
    }
    merge = JsonObject([(field.key, values[field.name]) for field in shape.fields])
    return JsonOrNull(case((expected.is_not(None), merge)))


def _results(build: CompileContext, shape: Shape) -> SQL:
    """Return what became of each ticket of a batch: its object by its id, or errors."""
    each = _each(build, build.bind(binds.of_root(binds.RESULTS), String))
    pairs = [(field.key, _of_result(build, field, each.c)) for field in shape.fields]
    return select(JsonArrayAgg(JsonObject(pairs))).select_from(each).scalar_subquery()


def _of_result(build: CompileContext, field: Field, row: Any) -> SQL:
    if field.name == TYPENAME:
        return Word("BulkTicketResult")
    if field.shape is None:
        return JsonTextOrNull(member(row, field.name))
    if field.name == "errors":
        return _errors(build, field.shape, member(row, "errors"))
    key = cast(member(row, "key"), Uuid36)
    return JsonOrNull(
        one_row(build, ENTITIES["Ticket"], field.shape, lambda ticket: ticket.id == key)
    )


def _errors(build: CompileContext, shape: Shape, errors: SQL) -> SQL:
    return _told_items(build, shape, errors, "UserError")


def _told_items(build: CompileContext, shape: Shape, listed: SQL, name: str) -> SQL:
    """Return a list of objects that are told in JSON, with the members that are asked for."""
    each = _each(build, listed)
    items = select(JsonArrayAgg(_told(build, shape, each.c, name))).select_from(each)
    return items.correlate_except(each).scalar_subquery()


def _told(build: CompileContext, shape: Shape, row: Any, name: str) -> SQL:
    return JsonObject(
        [(field.key, _told_member(build, field, row, name)) for field in shape.fields]
    )


def _told_member(build: CompileContext, field: Field, row: Any, name: str) -> SQL:
    if field.name == TYPENAME:
        return Word(name)
    found = member(row, field.name)
    if field.shape is None:
        is_json = (name, field.name) in _TOLD_AS_JSON
        return JsonOrNull((JsonAgain if is_json else JsonTextOrNull)(found))
    if field.name == "fields":
        return _told_items(build, field.shape, found, "ConflictingField")
    inside = SimpleNamespace(value=found if build.dialect == "sqlite" else cast(found, JSON))
    conflict = _told(build, field.shape, inside, "Conflict")
    return JsonOrNull(case((found.is_not(None), conflict)))


# The rows of a JSON list have any column that they are asked for.
def _each(build: CompileContext, listed: SQL) -> Any:
    if build.dialect == "sqlite":
        found = func.json_each(listed)
    else:
        found = func.json_array_elements(cast(listed, JSON))
    return found.table_valued("value", name=f"e{build.next_name()}")


# The members of errors and conflicts that are no texts: numbers, booleans, lists.
_TOLD_AS_JSON = frozenset(
    {
        ("UserError", "field"),
        ("Conflict", "expected_version"),
        ("Conflict", "actual_version"),
        ("Conflict", "is_explained"),
        ("Conflict", "changed_fields"),
        ("ConflictingField", "base_excerpt_start"),
        ("ConflictingField", "base_length"),
    }
)
# Objects of payloads whose fields are not named as their types.
_ENTITY_OF = {"delivery": "WebhookDelivery", "job": "BulkJob"}
_lists: Mapping[str, Callable[[CompileContext, Shape], SQL]] = {
    "events": _written_events,
    "merged": _merged,
    "results": _results,
}
