"""The GraphQL face: Strawberry types and operations, each one call into the resolvers."""

from graphql import GraphQLError
from strawberry import Schema
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from schema.execution import FragmentExecutor, extensions
from schema.mutations import Mutation
from schema.queries import Query
from schema.scalars import DATE_TIME, DateTime
from schema.types import Attachment, Comment, Company, Contact, Ticket, User


class DeskSchema(Schema):
    """Strawberry's schema; errors are logged where they are worded, ``schema/errors.py``."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log nothing here: most errors are a client's, and the others need their request's id."""


def create_schema(*, introspection: bool = True) -> DeskSchema:
    """Return a schema with a document cache of its own."""
    return DeskSchema(
        query=Query,
        mutation=Mutation,
        types=[Ticket, Comment, Attachment, Company, Contact, User],
        execution_context_class=FragmentExecutor,
        extensions=extensions(introspection=introspection),
        config=StrawberryConfig(scalar_map={DateTime: DATE_TIME}),
    )


def sdl() -> str:
    """Return the schema as the committed ``schema/schema.graphql`` has it."""
    return create_schema().as_str() + "\n"
