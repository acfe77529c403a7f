"""What a search of several types finds."""

from enum import Enum
from typing import Annotated

import strawberry

from resolvers.query.search.results import CANDIDATES
from schema.types.connections import PageInfo
from schema.types.descriptions import field
from schema.types.descriptions import field as described_field
from schema.types.objects import Comment, Company, Contact, Ticket

SearchResult = Annotated[
    Ticket | Comment | Contact | Company,
    strawberry.union("SearchResult", description="An object that a search can find."),
]


@strawberry.enum(description="A type of objects that a search can look at.")
class SearchType(Enum):
    """The values are the names of entities."""

    TICKET = strawberry.enum_value(
        "Ticket",
        description="Tickets, by number, subject, description and the name of their company.",
    )
    COMMENT = strawberry.enum_value("Comment", description="Comments, by their text.")
    CONTACT = strawberry.enum_value(
        "Contact",
        description="Contacts, by name, email, phone, title and the name of their company.",
    )
    COMPANY = strawberry.enum_value(
        "Company",
        description="Companies, by name, website, country and, for staff, notes.",
    )


@strawberry.type(description="A piece of a snippet: a term of the search, or what is around terms.")
class SearchSnippetPart:
    text: str = field("The characters as they are stored, never HTML.")
    highlighted: bool = field("Whether it is a term of the search.")


@strawberry.type(description="The place in a field where a term of the search occurs first.")
class SearchSnippet:
    field: str = described_field(
        "The field of the node, such as `subject`, or `company.name` for its company's."
    )
    parts: list[SearchSnippetPart] = described_field(
        "The text around that place in pieces, at most 160 characters together."
    )


@strawberry.type(description="An object that a search has found, and where its terms occur.")
class SearchResultEdge:
    cursor: str = field("The object's place in the results, to be given as `after`.")
    node: SearchResult = field("The object that has this place.")
    snippets: list[SearchSnippet] = field("One for each field in which a term occurs.")


@strawberry.type(
    description="A page of what a search has found. There is no `totalCount`, since of each type "
    f"only the newest {CANDIDATES} objects that are found are looked at."
)
class SearchResultConnection:
    edges: list[SearchResultEdge] = field("The objects of the page with places and snippets.")
    nodes: list[SearchResult] = field("The objects of the page alone, in the same order.")
    page_info: PageInfo = field("Where the page stands, and the cursors of its two ends.")
