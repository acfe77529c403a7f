"""The list of what a viewer may not do with a row, and why, as JSON inside a statement.

What depends on the row is only whether it is the viewer's own, so there are two lists to choose
from, both of which are written into the SQL.
"""

from sqlalchemy import case

from resolvers import access
from resolvers.query.compile_context import CompileContext, Row
from resolvers.query.shapes import TYPENAME, Shape
from resolvers.query.sql.elements import SQL, JsonArray, JsonEmptyArray, JsonObject, Word


def refusal_list(build: CompileContext, entity: str, shape: Shape, row: Row) -> SQL:
    """Return the JSON list of an entity's refusals, each in a shape."""
    own, other = (_listed(build, entity, shape, own=own) for own in (True, False))
    if isinstance(other, JsonEmptyArray):
        return other
    return case((access.owns(entity, row, build.bind_viewer), own), else_=other)


def _listed(build: CompileContext, entity: str, shape: Shape, *, own: bool) -> SQL:
    found = [
        _refusal(shape, _name(build, action), _name(build, code), message)
        for action, code, message in access.refusals(entity, build.kind, own=own)
    ]
    return JsonArray(*found) if found else JsonEmptyArray()


def _refusal(shape: Shape, action: str, code: str, message: str) -> SQL:
    told = {TYPENAME: "ViewerCannotReason", "action": action, "code": code, "message": message}
    return JsonObject([(field.key, Word(told[field.name])) for field in shape.fields])


def _name(build: CompileContext, value: str) -> str:
    return value.upper() if build.choice_names else value
