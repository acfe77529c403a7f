"""How the inputs of mutations become values for the resolvers."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar, dataclass_transform
from uuid import UUID

import strawberry
from strawberry import UNSET

from models.types import time_text
from resolvers.errors import Problem
from resolvers.naming import camel
from schema.projection.arguments import read_id
from schema.types.descriptions import argument, field

# Input fields whose values are ids; the resolvers call them without the ending.
_REFERENCES = {"company_id", "contact_id", "assigned_to_id"}

# How each mutation is told to change nothing.
DRY_RUN = "dry_run"
Input = TypeVar("Input")


@dataclass_transform(kw_only_default=True, field_specifiers=(field, argument))
def write_input(description: str) -> Callable[[type[Input]], type[Input]]:
    """Declare the input of a write, which may also be tried: its last field is ``dryRun``."""

    def declare(type_: type[Input]) -> type[Input]:
        # Without those of a base class, which stay its own.
        type_.__annotations__ = {**inspect.get_annotations(type_), DRY_RUN: bool}
        tried = argument("Whether to change nothing, and only answer what would be.", False)
        setattr(type_, DRY_RUN, tried)
        declared: type[Input] = strawberry.input(type_, description=description)
        return declared

    return declare


def values_of(given: object, *, without: frozenset[str] = frozenset()) -> dict[str, object]:
    """Return the values of an input that were given, by the resolvers' names.

    In what creates something null is absent: there is nothing yet that it could clear.
    """
    creates = type(given).__name__.startswith(("Create", "Add", "New"))
    values: dict[str, object] = {}
    for name, value in vars(given).items():
        if value is UNSET or name == DRY_RUN or name in without or (creates and value is None):
            continue
        if name in _REFERENCES:
            values[name.removesuffix("_id")] = None if value is None else reference(value)
        elif name == "tags":
            values[name] = None if value is None else _tags(value)
        else:
            values[name] = value
    return values


def raw_values(given: object) -> Any:
    """Return an input as it was before it became an object: by names in snake case."""
    if is_dataclass(given):
        # Names that Python has for itself end with an underscore.
        values = {name.rstrip("_"): value for name, value in vars(given).items()}
        return {name: raw_values(value) for name, value in values.items() if value is not UNSET}
    if isinstance(given, list):
        return [raw_values(value) for value in given]
    return given.value if isinstance(given, Enum) else given


def _tags(tags: list[str]) -> str | Problem:
    """Return tags as they are stored, between commas."""
    return Problem("comma") if any("," in tag for tag in tags) else ",".join(tags)


def reference(value: object) -> UUID | Problem:
    """Read an id of an input."""
    return read_id(value) or Problem("invalid_uuid", {"value": str(value)})


def stored_filter(value: object) -> object:
    """Return a filter, or a value of one, as it would be written in a JSON variable.

    Nulls say nothing.
    """
    if isinstance(value, list):
        return [stored_filter(item) for item in value]
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, datetime):
        return time_text(value)
    fields: Mapping[str, object] | None = getattr(value, "__dataclass_fields__", None)
    if fields is None:
        return value
    given = {name: getattr(value, name) for name in fields}
    return {
        camel(name): stored_filter(part)
        for name, part in given.items()
        if part is not UNSET and part is not None
    }
