"""What the errors and the payloads of mutations tell of changes that others made meanwhile."""

import strawberry

from resolvers.commands.conflicts import ConflictResolution
from resolvers.errors import Conflict as Found
from resolvers.errors import FieldConflict
from schema.types.descriptions import describe_enum
from schema.types.descriptions import field as described_field
from schema.types.scalars import DateTime

describe_enum(
    ConflictResolution,
    "What happens to a change of something whose version is no longer the expected one.",
    {
        "FAIL": "It is refused with CONFLICT.",
        "MERGE": (
            "It is done if nobody has changed its fields since the expected version, or only to "
            "the same values, and refused with CONFLICT otherwise. A value that the field had at "
            "that version counts as no change of it. The company and the contact of a ticket "
            "count as one field, and so do its assignee and its team."
        ),
    },
)


@strawberry.type(description="A field that the request would change and others have changed.")
class ConflictingField:
    """One field; the words of its values are those of ``FieldChange``."""

    field: str = described_field("The name of the field, such as `assigned_to`.")
    base: str | None = described_field(
        "What it was at the expected version, in the words of `FieldChange`: null for nothing, for "
        "what the viewer may not see, and where it is not known."
    )
    base_excerpt_start: int | None = described_field(
        "Where `base` begins in the text, in characters, where this was too long to be kept in "
        "full. Null where `base` is all of it."
    )
    base_length: int | None = described_field(
        "How many characters the text had, where `base` is an excerpt of it."
    )
    yours: str | None = described_field("What the request would make of it.")
    theirs: str | None = described_field(
        "What it is now, in full; null for nothing, and for what the viewer may not see."
    )
    changed_by_id: strawberry.ID | None = described_field(
        "The user who changed it last; null where it is not known, or hidden from the viewer."
    )
    changed_by_name: str | None = described_field("The full name of that user.")
    # A finished text, as in all that is read.
    changed_at: str | None = strawberry.field(
        description="When it was changed last; null where it is not known.",
        graphql_type=DateTime | None,
    )


@strawberry.type(description="What has happened to an object since the expected version.")
class Conflict:
    """What a CONFLICT is about."""

    expected_version: int = described_field("The version that the request expected.")
    actual_version: int = described_field("The version that is the current one.")
    is_explained: bool = described_field(
        "Whether it is known what has happened in between. It is not where events are no longer "
        "kept, hidden from the viewer, or of an import or an earlier release, and where more than "
        "200 versions lie in between. Then nothing can be merged."
    )
    changed_fields: list[str] = described_field(
        "The names of all fields that others have changed, the first one first."
    )
    fields: list[ConflictingField] = described_field(
        "The fields that stand against the change. None of them: `onConflict: MERGE` would do it."
    )


@strawberry.type(description="What a change was merged with (`onConflict: MERGE`).")
class Merge:
    expected_version: int = described_field("The version that the request expected.")
    actual_version: int = described_field(
        "The version that others had made by then; the change made the next one, if any."
    )
    changed_fields: list[str] = described_field(
        "The names of the fields that others have changed, the first one first."
    )


def conflict_of(found: Found) -> Conflict:
    """Return a conflict of the resolvers as its type."""
    return Conflict(
        expected_version=found.expected,
        actual_version=found.actual,
        is_explained=found.known,
        changed_fields=list(found.changed),
        fields=[_field_of(one) for one in found.fields],
    )


def _field_of(one: FieldConflict) -> ConflictingField:
    return ConflictingField(
        field=one.field,
        base=one.base,
        base_excerpt_start=one.base_start,
        base_length=one.base_length,
        yours=one.yours,
        theirs=one.theirs,
        changed_by_id=None if one.actor_id is None else strawberry.ID(one.actor_id),
        changed_by_name=one.actor_name,
        changed_at=one.at,
    )


__all__ = ["Conflict", "ConflictResolution", "ConflictingField", "Merge", "conflict_of"]
