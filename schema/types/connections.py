"""What all entities and all lists of them have."""

from typing import Annotated, Generic, TypeVar

import strawberry
from strawberry import ID

from schema.inputs.filters import TicketFilter, TicketOrder
from schema.types.descriptions import field

Entity = TypeVar("Entity")
FilterArg = Annotated[
    TicketFilter | None, strawberry.argument(description="Which tickets; all of them if absent.")
]
OrderArg = Annotated[
    list[TicketOrder] | None,
    strawberry.argument(description="How to sort, most important first; newest first if absent."),
]


@strawberry.interface(description="An object that `node` can fetch again by its id.")
class Node:
    id: ID = field("The object's UUID, the same as in REST.")


@strawberry.type(description="Where a page stands in its list, and whether there is more of it.")
class PageInfo:
    has_next_page: bool = field("Whether there is more after this page.")
    has_previous_page: bool = field("Whether there is more before this page.")
    start_cursor: str | None = field("The cursor of the first edge; null for an empty page.")
    end_cursor: str | None = field("The cursor of the last edge; null for an empty page.")


@strawberry.type(description="An object of a page, together with its place in the list.")
class Edge(Generic[Entity]):
    """Relay's edge; appears as ``TicketEdge`` and so on."""

    cursor: str = field("The object's place in the list, to be given as `after` or `before`.")
    node: Entity = field("The object that has this place.")


@strawberry.type(description="A page of a list, and how to get the next one.")
class Connection(Generic[Entity]):
    """Relay's connection; appears as ``TicketConnection`` and so on."""

    edges: list[Edge[Entity]] = field("The objects of the page together with their places.")
    nodes: list[Entity] = field("The objects of the page alone, in the same order as the edges.")
    page_info: PageInfo = field("Where the page stands, and the cursors of its two ends.")
    total_count: int = field("How many objects the whole list has; counted only if asked for.")
