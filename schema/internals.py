"""The parts of Strawberry and graphql-core that are no public API, used here and nowhere else.

Both are pinned to a minor version in ``pyproject.toml``. ``tests/schema/test_internals.py`` says
which of these parts an update has removed.
"""

from graphql import ValidationContext
from graphql.validation import OverlappingFieldsCanBeMergedRule

# Comparing fields that share a name takes the square of their number: seconds for 2,000 tokens.
# graphql-core counts that work; what it allows by default takes twenty times as long.
MAX_COMPARISONS = 25_000


class BoundedOverlappingFields(OverlappingFieldsCanBeMergedRule):
    """The rule that fields of one name can be merged, with a bound of ours on its work."""

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self.rule_context.remaining_complexity_budget = MAX_COMPARISONS
