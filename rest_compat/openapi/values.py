"""Shapes, forms and filters as JSON schemas: the catalog and the rules say what values can be."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from resolvers.commands.validation import FieldRule, FieldRules, Reference
from resolvers.query.catalog import ENTITIES
from resolvers.query.execute import Query, QueryRoot
from resolvers.query.field_types import Entity, FieldKind, JsonItems, Scalar, ToMany
from resolvers.query.shapes import Field, Shape
from resolvers.query.statistics import GROUPS
from rest_compat.openapi.examples import example_of
from rest_compat.openapi.operations import File
from rest_compat.serializers import shapes
from rest_compat.serializers.request_fields import Form, Input

# A JSON schema, or another part of the document.
Json = dict[str, Any]
# What the fields of an entity mean: entity, then field in snake case.
Words = Mapping[str, Mapping[str, str]]

UUID_TEXT: Json = {"type": "string", "format": "uuid"}
TIME_TEXT: Json = {"type": "string", "format": "date-time"}
# A text with something in it besides blanks, which are trimmed.
NOT_BLANK = r"[^\s\u001c-\u001f\u0085]"
# What REST shows and GraphQL does not have.
ONLY_HERE: Words = {
    "Ticket": {"tags": "Its tags, separated by commas."},
    "Attachment": {
        "file": "Where it is served: the path, which needs a token, or an absolute link that "
        "works for an hour without one, as the server is set.",
    },
    "Contact": {
        "linkedin_url": "The profile on LinkedIn; may be empty.",
        "last_contacted": "When somebody last spoke with them.",
    },
    "TicketEvent": {"cursor": "Its place in the feed: `after` goes on after it."},
    "Upload": {"file": "The file."},
    "Assignment": {"user_id": "Who becomes responsible; null unassigns."},
    "Login": {"username": "The user's name.", "password": "The user's password."},
    "RefreshToken": {"refresh": "The refresh token of a login."},
    "Logout": {"refresh": "The refresh token that is to end."},
    "Token": {"token": "A token of either kind."},
}
# The forms of texts that rules may ask for, as JSON schemas say it. Only of what is written: what
# was stored before a rule, or imported, may have another form.
FORMATS: Mapping[str, Json] = {
    "email": {"format": "email"},
    "url": {"format": "uri"},
    "username": {"pattern": r"^[\w.@+-]+$"},
}
# Where the words for a body are, if not at what creates it.
SAID_OF = {"NewComment": "AddCommentInput", "Upload": "UploadAttachmentInput"}
NAMES = {
    shape: name.title().replace("_", "")
    for name, shape in vars(shapes).items()
    if isinstance(shape, Shape)
}


class Schemas:
    """The named schemas of a document in the making, and the words for their fields."""

    def __init__(self, words: Words) -> None:
        self.named: dict[str, Json] = {}
        # Answers that many operations share.
        self.refusals: dict[str, Json] = {}
        self._words = words

    def ref(self, name: str, schema: Json) -> Json:
        """Name a schema, and return the reference to it."""
        known = self.named.setdefault(name, schema)
        assert known == schema, f"two schemas are called {name}"
        return {"$ref": f"#/components/schemas/{name}"}

    def said(self, about: str, name: str) -> Json:
        """Return the description of a field, if there are words for it."""
        base, _, last = name.rpartition("_")
        keys = (name, f"{name}_id", name.removesuffix("_id"))
        written = SAID_OF.get(about, f"Create{about}Input")
        for named in (
            ONLY_HERE.get(about, {}),
            *(self._words.get(a, {}) for a in (about, written)),
        ):
            # An id is described by what it refers to, a text about that by both.
            if text := next((named[key] for key in keys if key in named), ""):
                return {"description": text}
            if base in named:
                return {"description": f"{named[base].split(';')[0].rstrip('.')}: the {last}."}
        return {}

    # Answers

    def answer(self, read: Query) -> Json:
        """Return the schema of what a read answers with."""
        (entity, shape), *_ = read.shapes
        if read.root is QueryRoot.STATISTICS:
            return self._statistics(shape)
        row = self.row(entity, shape)
        if read.root is QueryRoot.LIST:
            return {"type": "array", "items": row}
        if read.root is QueryRoot.PAGE:
            return self.ref(f"{NAMES[shape]}Page", _page(row))
        return row

    def row(self, entity: str, shape: Shape) -> Json:
        """Return the schema of an entity's row in a shape; shapes of the same keys share one."""
        schema: Json = {
            "type": "object",
            "properties": {f.key: self._field(ENTITIES[entity], f) for f in shape.fields},
            "required": [field.key for field in shape.fields if not field.omit_null],
            "additionalProperties": False,
        }
        return self.ref(NAMES.get(shape, entity), schema)

    def _field(self, entity: Entity, field: Field) -> Json:
        definition = entity.fields[field.name]
        said = self.said(entity.name, field.key)
        if isinstance(definition, Scalar):
            nullable = definition.nullable and not field.omit_null
            return {**_scalar(entity, field, definition.kind, nullable=nullable), **said}
        assert field.shape is not None
        assert not isinstance(definition, ToMany) or not definition.connection
        row = self.row(definition.entity, field.shape)
        several = isinstance(definition, ToMany | JsonItems)
        return {"type": "array", "items": row, **said} if several else row

    def _statistics(self, shape: Shape) -> Json:
        properties = {}
        for field in shape.fields:
            counts: Json = {"type": "integer", "minimum": 0}
            if group := GROUPS.get(field.name):
                counts = members({choice.value: counts for choice in group[1]})
            properties[field.key] = {**counts, **self.said("TicketStats", field.key)}
        return self.ref(NAMES[shape], members(properties))

    # Bodies

    def body(self, about: str, form: Form, rules: FieldRules, *, partial: bool) -> Json:
        """Return the schema of a body; ``partial``: nothing is required."""
        properties = {
            name: {**_input(about, name, field, rules[name]), **self.said(about, name)}
            for name, field in form.items()
        }
        required = [name for name, field in form.items() if field.required and not partial]
        schema: Json = {"type": "object", "properties": properties}
        if required:
            schema["required"] = required
        return self.ref(f"{about}{'Changes' if partial else 'Input'}", schema)


def members(properties: Mapping[str, Json]) -> Json:
    """Return the schema of an object that always has exactly these members."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _page(row: Json) -> Json:
    """Return the schema of a window of a list."""
    link: Json = {"type": ["string", "null"], "format": "uri"}
    return members(
        {
            "count": {
                "type": "integer",
                "minimum": 0,
                "description": "How many rows the whole list has.",
            },
            "next": {**link, "description": "The address of the next window; null at the end."},
            "previous": {**link, "description": "The address of the window before; null at first."},
            "results": {"type": "array", "items": row, "description": "The rows of this window."},
        }
    )


def _scalar(entity: Entity, field: Field, kind: FieldKind, *, nullable: bool) -> Json:
    schema: Json
    sort = ""
    match kind:
        case FieldKind.UUID:
            schema, sort = dict(UUID_TEXT), "id"
        case FieldKind.TIME:
            schema, sort = dict(TIME_TEXT), "time"
        case FieldKind.BOOL:
            schema, sort = {"type": "boolean"}, "boolean"
        case FieldKind.NUMBER:
            schema, sort = {"type": "integer", "minimum": 0}, "integer"
        case FieldKind.HOURS:
            schema, sort = {"type": "number", "minimum": 0}, "number"
        case FieldKind.CHOICE:
            values = [choice.value for choice in entity.table.c[field.name].type.choices]
            # None of them is an empty text here, not null.
            return {"type": "string", "enum": [*values, ""] if nullable else values}
        case _:
            schema = {"type": "string"}
    if nullable:
        schema["type"] = [schema["type"], "null"]
    return {**schema, "examples": [example_of(entity.name, field.key, sort)]}


def _input(about: str, name: str, field: Input, rule: FieldRule) -> Json:
    """Return the schema of what a field takes."""
    empty = rule.blank or (rule.nullable and rule.kind is not datetime)
    if issubclass(rule.kind, StrEnum):
        choices = [choice.value for choice in rule.kind]
        return {"type": "string", "enum": [*choices, ""] if empty else choices}
    if rule.kind is File:
        # The word of OpenAPI 3.0: generators know no other one yet.
        return {"type": "string", "format": "binary"}
    schema, sort = _typed(rule, empty=empty)
    if field.nullable:
        schema["type"] = [schema["type"], "null"]
    if empty and "format" in schema:
        schema = {"anyOf": [schema, {"const": ""}]}
    return {**schema, "examples": [example_of(about, name, sort)]}


def _typed(rule: FieldRule, *, empty: bool) -> tuple[Json, str]:
    if rule.kind is Reference:
        return dict(UUID_TEXT), "id"
    if rule.kind is datetime:
        return dict(TIME_TEXT), "time"
    if rule.kind is bool:
        return {"type": "boolean"}, "boolean"
    schema: Json = {"type": "string", **FORMATS.get(rule.format or "", {})}
    if rule.max_length is not None:
        schema["maxLength"] = rule.max_length
    if rule.min_length is not None:
        inside = rf"[\s\S]{{{rule.min_length - 2},}}"
        schema |= {"minLength": rule.min_length, "pattern": f"{NOT_BLANK}{inside}{NOT_BLANK}"}
    elif not empty:
        schema = {"minLength": 1, "pattern": NOT_BLANK, **schema}
    return schema, ""
