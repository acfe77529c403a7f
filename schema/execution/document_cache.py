"""Documents that were parsed and validated before, by their text."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    parse,
    specified_rules,
    validate,
)

from resolvers.context import Context
from resolvers.preparation_cost import draw_preparation
from resolvers.request_record import MAX_OPERATION_LENGTH, About
from schema.errors.redaction import without_names
from schema.execution.cost import Cost, Pricing
from schema.execution.limits import LimitExceeded, Limits, violations
from schema.execution.single_field import SingleField, single_field
from schema.execution.strawberry_internals import (
    BoundedOverlappingFields,
    OperationType,
    ValidationAbortedError,
)
from schema.execution.variable_values import VariableReader

MAX_DOCUMENTS = 500
# Longer documents are parsed and validated each time rather than kept.
MAX_KEPT_LENGTH = 20_000
# How many characters of a new document cost a point: 2,000 take up to 100 ms.
CHARACTERS_A_POINT = 20
# Looking for the name that was meant takes milliseconds for each wrong one.
MAX_ERRORS = 20


class KnownOperation:
    """An operation of a document, and what is found out about it when it is first run."""

    def __init__(
        self, document: DocumentNode, node: OperationDefinitionNode, pricing: Pricing
    ) -> None:
        self.document = document
        self.node = node
        self.name = node.name.value if node.name else None
        self.type = OperationType(node.operation.value)
        self._pricing = pricing
        # Of its spans.
        self.about: About = {
            "graphql.operation.type": self.type.value,
            "graphql.operation.name": self.name and self.name[:MAX_OPERATION_LENGTH],
        }

    @cached_property
    def cost(self) -> Cost:
        """What it costs, by its variables."""
        return self._pricing.cost(self.document, self.node)

    @cached_property
    def single(self) -> SingleField | None:
        """The only field of a query, where it can be answered without the executor."""
        return single_field(self._pricing.schema, self.document, self.node)

    @cached_property
    def variables(self) -> VariableReader:
        """What reads its variables."""
        return VariableReader(self._pricing.schema, self.node)


@dataclass(slots=True)
class CachedDocument:
    """A document and what is wrong with it; without operations where it cannot be parsed.

    The operation without a name is the one of ``''``.
    """

    errors: list[GraphQLError]
    operations: Mapping[str, KnownOperation] = field(default_factory=dict)

    def operation(self, name: str | None) -> KnownOperation:
        """Return the operation that is meant (GraphQL, section 6.1).

        An empty name is none. Raises ``NoChoice`` where there is none of this name, or no name
        where there is a choice.
        """
        if name:
            found = self.operations.get(name)
            if found is None:
                raise NoChoice("The document has no operation of the name that was sent.")
            return found
        if len(self.operations) != 1:
            message = "Say which of the operations is meant: `operationName`."
            raise NoChoice(message if self.operations else "The document has no operation.")
        return next(iter(self.operations.values()))


class NoChoice(GraphQLError):
    """It is not said which operation of a document is meant, or there is none of that name."""


class DocumentCache:
    """A bounded cache of the documents of one schema; the least recently used one leaves first.

    Strawberry's own caches hash a whole document at each request, which costs as much as a short
    read.
    """

    def __init__(self, schema: GraphQLSchema, limits: Limits, *, introspection: bool) -> None:
        """Take the schema; without introspection, errors do not contain its names either."""
        self._schema = schema
        self.limits = limits
        self._pricing = Pricing(schema)
        self.hides_names = not introspection
        self._rules: tuple[type[ASTValidationRule], ...] = tuple(
            BoundedOverlappingFields if rule is OverlappingFieldsCanBeMergedRule else rule
            for rule in specified_rules
        )
        if not introspection:
            self._rules = (NoSchemaIntrospectionCustomRule, *self._rules)
        self._known: OrderedDict[str, CachedDocument] = OrderedDict()
        self._trusted: dict[str, CachedDocument] = {}

    def trust(self, text: str) -> CachedDocument:
        """Examine a document of the server's own.

        It may have any size, and is known from then on; the other limits are those of all.
        """
        if text not in self._trusted:
            self._trusted[text] = self.examine(text, trusted=True)
        return self._trusted[text]

    def get(self, text: str) -> CachedDocument | None:
        """Return what is known of a text that was examined before."""
        known = self._trusted.get(text)
        if known is not None:
            return known
        known = self._known.get(text)
        if known is not None:
            self._known.move_to_end(text)
        return known

    async def read(self, text: str, context: Context) -> CachedDocument:
        """Return what is known of a text, parsing and validating it when it is new.

        That costs points by its length, drawn before; raises ``Throttled``. It takes up to a
        quarter of a second, in a thread.
        """
        known = self.get(text)
        if known is not None:
            return known
        # One that is too long is not looked into.
        if len(text) <= self.limits.document_kb * 1000:
            await draw_preparation(context, len(text) // CHARACTERS_A_POINT)

        def keep(found: CachedDocument) -> None:
            if len(text) <= MAX_KEPT_LENGTH:
                self._known[text] = found
                if len(self._known) > MAX_DOCUMENTS:
                    self._known.popitem(last=False)

        compiler, examine = context.services.compiler, partial(self.examine, text)
        return await compiler.run(context.rate_key, partial(self.get, text), examine, keep)

    def examine(self, text: str, *, trusted: bool = False) -> CachedDocument:
        """Parse and validate a text."""
        try:
            if not trusted:
                _require_short(text, self.limits)
            document = parse(text, max_tokens=None if trusted else self.limits.tokens)
        except GraphQLError as error:
            errors = self.shown([error.with_traceback(None)])
            return CachedDocument(errors)
        errors = violations(document, self.limits)
        if not errors:
            errors = validate(
                self._schema,
                document,
                self._rules,
                max_errors=MAX_ERRORS,
                hide_suggestions=self.hides_names,
            )
        operations = {
            one.name.value if one.name else "": KnownOperation(document, one, self._pricing)
            for one in document.definitions
            if isinstance(one, OperationDefinitionNode)
        }
        return CachedDocument(self.shown([_said(error) for error in errors]), operations)

    def shown(self, errors: list[GraphQLError]) -> list[GraphQLError]:
        """Return errors without names of the schema where it may not be asked for."""
        return without_names(errors) if self.hides_names else errors


def _require_short(text: str, limits: Limits) -> None:
    # A text has at least as many bytes as characters: most need not be encoded to be counted.
    most = limits.document_kb * 1000
    size = len(text)
    if size <= most and not text.isascii():
        size = len(text.encode(errors="surrogatepass"))
    if size > most:
        raise LimitExceeded(f"A document may have {most} bytes; this one has {size}.")


def _said(error: GraphQLError) -> GraphQLError:
    """Put into words where the comparison of fields was given up."""
    if isinstance(error, ValidationAbortedError) and error.message == "Validation aborted.":
        return LimitExceeded("The document asks for the same fields too often to compare them all.")
    return error
