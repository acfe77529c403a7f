"""Parameters: ids in paths, and of lists the filters, the orders and the window."""

from enum import StrEnum
from uuid import UUID

from resolvers.query.catalog import ENTITIES
from rest_compat.lists.list_endpoint import BooleanFilter, Filter, ListEndpoint
from rest_compat.lists.pagination import MAX_PAGE, MAX_ROWS, PAGE_SIZE
from rest_compat.openapi.examples import ID
from rest_compat.openapi.values import UUID_TEXT, Json, Schemas

FILTER_WORDS = {
    "my_tickets": "Only tickets assigned to the user who asks.",
    "unassigned": "Only those assigned to nobody.",
    "open": "Only those that are neither resolved nor closed.",
    "search": 'Words that must all occur, in upper or lower case; "quotes" keep a phrase together.',
}
# Without defaults: generated clients would send those of both ways to page at once.
SIZE: Json = {"type": "integer", "minimum": 1, "maximum": MAX_ROWS}
USUAL = f"{PAGE_SIZE} without it."
WINDOW: dict[str, tuple[Json, str]] = {
    "page": (
        {"anyOf": [{"type": "integer", "minimum": 1, "maximum": MAX_PAGE}, {"const": "last"}]},
        "Which page, from 1; `last` is the last one.",
    ),
    "page_size": (SIZE, f"How many rows a page has; {USUAL}"),
    "limit": (SIZE, f"How many rows; not together with `page`. {USUAL}"),
    "offset": (
        {"type": "integer", "minimum": 0, "maximum": MAX_PAGE},
        "After how many rows the window begins; not together with `page`. 0 without it.",
    ),
}


def in_path(path: str) -> list[Json]:
    """Return the parameters in a path."""
    found: list[Json] = []
    if "{id}" in path:
        found.append(
            {"name": "id", "description": "Its id.", "schema": UUID_TEXT, "example": str(ID)}
        )
    if "{key}" in path:
        found.append(
            {
                "name": "key",
                "description": "The rest of the path in `file` of an attachment. Its slashes may "
                "stay as they are, which this format has no way to say.",
                "schema": {"type": "string"},
                "example": "tickets/attachments/2025/11/63tb5oea4fWjg3cmjipoC-Sj/screenshot.png",
            }
        )
    return [{**one, "in": "path", "required": True} for one in found]


def in_query(listing: ListEndpoint, schemas: Schemas, *, windowed: bool) -> list[Json]:
    """Return the parameters of a list; ``windowed``: its order and window, too."""
    found = [_filter(listing, name, one, schemas) for name, one in listing.filters.items()]
    if windowed:
        found.append(_ordering(listing))
        found += [
            {"name": name, "description": text, "schema": schema}
            for name, (schema, text) in WINDOW.items()
        ]
    return [{**one, "in": "query"} for one in found]


def after_cursor() -> list[Json]:
    """Return the parameters of a window that begins after a cursor."""
    after = "The `cursor` of the answer before, or of an event; without it from the beginning."
    return [
        {"name": "after", "in": "query", "description": after, "schema": {"type": "string"}},
        {"name": "limit", "in": "query", "description": f"How many rows; {USUAL}", "schema": SIZE},
    ]


def _filter(listing: ListEndpoint, name: str, one: Filter, schemas: Schemas) -> Json:
    text = FILTER_WORDS.get(name) or schemas.said(listing.entity, name).get("description", "")
    parameter: Json = {"name": name, "schema": _taken(one.value_type)}
    return {**parameter, "description": text} if text else parameter


def _taken(takes: type) -> Json:
    if takes is UUID:
        return UUID_TEXT
    if takes is bool:
        return {"type": "boolean"}
    if takes is BooleanFilter:
        return {"type": "string", "enum": ["true"]}
    if issubclass(takes, StrEnum):
        return {"type": "string", "enum": [choice.value for choice in takes]}
    return {"type": "string"}


def _ordering(listing: ListEndpoint) -> Json:
    fields = sorted(listing.orders)
    default = ",".join(f"{'-' * turned}{name}" for name, turned in ENTITIES[listing.entity].order)
    return {
        "name": "ordering",
        "description": f"What to sort by, most important first; `-` turns a field around. "
        f"Without it: `{default}`.",
        "schema": {
            "type": "array",
            "items": {"type": "string", "enum": [*fields, *(f"-{name}" for name in fields)]},
        },
        "style": "form",
        "explode": False,
    }
