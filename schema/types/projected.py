"""Fields that are answered with finished JSON by their root field, not by code of their own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import strawberry
from graphql import GraphQLObjectType, GraphQLSchema

from schema.execution.strawberry_internals import field_metadata
from schema.types.descriptions import FINISHED

Declaration = TypeVar("Declaration", bound=Callable[..., object])
# By the root value, the info, and the arguments by their names.
CoreResolver = Callable[..., object]


@dataclass(frozen=True, slots=True)
class Root:
    """What graphql-core calls for a root field, with the arguments as they were coerced.

    Strawberry's own resolver would convert the arguments once more, to its input types.
    """

    resolve: CoreResolver
    subscribe: CoreResolver | None = None


def projected(description: str, root: Root | None = None) -> Callable[[Declaration], Declaration]:
    """Declare a field by a method that has its arguments and its type, and is never called.

    Fields of the root types need ``root``: ``set_roots`` raises for one without.
    """
    declared: Callable[[Declaration], Declaration]
    declared = strawberry.field(description=description, metadata={Root: root, FINISHED: True})
    return declared


def set_roots(schema: GraphQLSchema) -> None:
    """Give the projected fields of the root types their resolvers.

    Raises ``TypeError`` for one that has none, and for a ``Root`` below the root types.
    """
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    for type_ in schema.type_map.values():
        if not isinstance(type_, GraphQLObjectType):
            continue
        for name, field in type_.fields.items():
            metadata = field_metadata(field)
            if Root not in metadata:
                continue
            root: Root | None = metadata[Root]
            if (root is None) is (type_ in roots):
                raise TypeError(
                    f"{type_.name}.{name}: the fields of the roots, and only these, need a Root"
                )
            if root is not None:
                field.resolve, field.subscribe = root.resolve, root.subscribe
