"""What GraphQL calls the fields of a shape, as the selection that asks for the same ones."""

from resolvers.naming import camel
from resolvers.query.catalog import ENTITIES
from resolvers.query.field_types import Entity, ToOne
from resolvers.query.shapes import Field, Shape
from schema.types.page_arguments import MAX_PAGE_SIZE

# Where GraphQL has another name for it than the catalog, or none.
OTHER_NAMES = {"tags_text": "tags", "file": "downloadUrl"}
NOT_THERE = frozenset({"linkedin_url", "last_contacted"})
# They outlive the row that they refer to, so GraphQL has them as fields beside the relations.
OF_EVENTS = frozenset({"ticket_id", "ticket_number", "comment_id", "attachment_id"})
COUNTS = {"by_status": "status", "by_priority": "priority"}


def place_of(entity: Entity, field: Field) -> tuple[str, ...]:
    """Return where GraphQL has a field of a shape: its name, or those of a relation and its field.

    Empty where GraphQL does not have it.
    """
    name = field.name
    if name in NOT_THERE:
        return ()
    if name == "all_comments":
        return ("comments", "nodes")
    if entity.name == "TicketEvent" and name in OF_EVENTS:
        return (camel(name),)
    base, _, last = name.rpartition("_")
    relation = entity.fields.get(base)
    if isinstance(relation, ToOne):
        return (camel(base), "fullName" if (relation.entity, last) == ("User", "name") else last)
    return (OTHER_NAMES.get(name, camel(name)),)


def selection(entity: str, shape: Shape) -> str:
    """Return the selection set, in braces, for the fields of a shape."""
    plain: list[str] = []
    related: dict[str, list[str]] = {}
    for field in shape.fields:
        place = place_of(ENTITIES[entity], field)
        inner = ""
        if field.shape is not None:
            definition = ENTITIES[entity].fields[field.name]
            inner = " " + selection(definition.entity, field.shape)  # type: ignore[union-attr] # only relations have a shape
        if len(place) == 1:
            plain.append(place[0] + inner)
        elif place:
            related.setdefault(place[0], []).append(place[1] + inner)
    for name, inside in related.items():
        arguments = f"(first: {MAX_PAGE_SIZE})" if inside[0].startswith("nodes") else ""
        plain.append(f"{name}{arguments} {{ {' '.join(inside)} }}")
    return f"{{ {' '.join(plain)} }}"


def counts(shape: Shape) -> str:
    """Return the selection set for the statistics."""
    asked = [
        f"{camel(f.name)} {{ {COUNTS[f.name]} count }}" if f.name in COUNTS else camel(f.name)
        for f in shape.fields
    ]
    return f"{{ {' '.join(asked)} }}"
