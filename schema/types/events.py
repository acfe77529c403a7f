"""The parts of the events, which ``schema.types.objects`` has."""

from typing import Annotated

import strawberry

from schema.types.descriptions import field as described_field

EventsAfterArg = Annotated[
    str | None,
    strawberry.argument(
        description="Only what follows this cursor of the feed; an empty text is its beginning."
    ),
]


@strawberry.type(description="A field that changed, in the words of REST.")
class FieldChange:
    field: str = described_field("The name of the field, such as `assigned_to`.")
    from_: str | None = strawberry.field(
        name="from", description="What it was: the value, or the id of a related object."
    )
    to: str | None = described_field("What it became: the value, or the id of a related object.")
    excerpt_start: int | None = described_field(
        "Where `from` and `to` begin in the texts, in characters, where these are too long to be "
        "kept in full: then both are the part that changed, with a little around it, and at most "
        "2000 characters of it. Null where both are in full."
    )
    from_length: int | None = described_field(
        "How many characters the text had, where `from` is an excerpt of it."
    )
    to_length: int | None = described_field(
        "How many characters the text has, where `to` is an excerpt of it."
    )
