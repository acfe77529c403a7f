"""Documents that were parsed and validated before, by their text."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)

MOST_DOCUMENTS = 500
# Longer documents are parsed and validated each time rather than kept.
LONGEST_KEPT = 20_000
# Validation takes the square of how often a field repeats: 10,000 tokens may take it seconds.
MOST_TOKENS = 4000


@dataclass(slots=True)
class Known:
    """A document and what is wrong with it; without operations where it cannot be parsed."""

    document: DocumentNode
    errors: list[GraphQLError]
    operations: Mapping[str, OperationDefinitionNode] = field(init=False)

    def __post_init__(self) -> None:
        """Find the operations, the one without a name under ``''``."""
        self.operations = {
            one.name.value if one.name else "": one
            for one in self.document.definitions
            if isinstance(one, OperationDefinitionNode)
        }

    def operation(self, name: str | None) -> OperationDefinitionNode:
        """Return the operation that is meant (GraphQL, section 6.1).

        Raises ``GraphQLError`` where there is none of this name, or no name where there is a
        choice.
        """
        if name is not None:
            found = self.operations.get(name)
            if found is None or found.name is None:
                raise GraphQLError(f"The document has no operation named {name!r}.")
            return found
        if len(self.operations) != 1:
            message = "Say which of the operations is meant: `operationName`."
            raise GraphQLError(message if self.operations else "The document has no operation.")
        return next(iter(self.operations.values()))


class Documents:
    """A bounded cache of the documents of one schema; the least recently used one leaves first.

    Strawberry's own caches hash a whole document at each request, which costs as much as a short
    read.
    """

    def __init__(self, schema: GraphQLSchema, *, introspection: bool) -> None:
        """Take the schema; without introspection, errors do not tell of names in it either."""
        self._schema = schema
        self.hides_names = not introspection
        self._rules: tuple[type[ASTValidationRule], ...] = tuple(specified_rules)
        if not introspection:
            self._rules = (NoSchemaIntrospectionCustomRule, *self._rules)
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._trusted: dict[str, Known] = {}

    def read(self, text: str, *, trusted: bool = False) -> Known:
        """Return what is known of a text, parsing and validating it when it is new.

        A trusted one is the server's own: it may have any size, and is known from then on.
        """
        known = self._trusted.get(text)
        if known is not None:
            return known
        if trusted:
            known = self._trusted[text] = self._examine(text, None)
            return known
        known = self._known.get(text)
        if known is not None:
            self._known.move_to_end(text)
            return known
        known = self._examine(text, MOST_TOKENS)
        if len(text) <= LONGEST_KEPT:
            self._known[text] = known
            if len(self._known) > MOST_DOCUMENTS:
                self._known.popitem(last=False)
        return known

    def _examine(self, text: str, most_tokens: int | None) -> Known:
        try:
            document = parse(text, max_tokens=most_tokens)
        except GraphQLError as error:
            return Known(DocumentNode(definitions=()), [error.with_traceback(None)])
        errors = validate(self._schema, document, self._rules, hide_suggestions=self.hides_names)
        return Known(document, errors)
