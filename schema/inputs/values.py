"""How the inputs of mutations become values for the resolvers."""

from uuid import UUID

from strawberry import UNSET

from resolvers.errors import Problem
from schema.projection.arguments import read_id

# Input fields whose values are ids; the resolvers call them without the ending.
_REFERENCES = {"company_id", "contact_id", "assigned_to_id"}


def values_of(given: object, *, without: frozenset[str] = frozenset()) -> dict[str, object]:
    """Return the values of an input that were given, by the resolvers' names.

    In what creates something null is absent: there is nothing yet that it could clear.
    """
    creates = type(given).__name__.startswith(("Create", "Add"))
    values: dict[str, object] = {}
    for name, value in vars(given).items():
        if value is UNSET or name in without or (creates and value is None):
            continue
        if name in _REFERENCES:
            values[name.removesuffix("_id")] = None if value is None else reference(value)
        elif name == "tags":
            values[name] = None if value is None else _tags(value)
        else:
            values[name] = value
    return values


def _tags(tags: list[str]) -> str | Problem:
    """Return tags as they are stored, between commas."""
    return Problem("comma") if any("," in tag for tag in tags) else ",".join(tags)


def reference(value: object) -> UUID | Problem:
    """Read an id of an input."""
    return read_id(value) or Problem("invalid_uuid", {"value": str(value)})
