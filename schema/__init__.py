"""The GraphQL face: Strawberry types and operations, each one call into the resolvers."""

from functools import cache
from inspect import isawaitable
from typing import Any, cast

from graphql import ExecutionResult as GraphQLExecutionResult
from graphql import GraphQLError
from strawberry import Schema
from strawberry.execution import optimized_is_awaitable
from strawberry.file_uploads import Upload
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext, ExecutionResult

from schema.events import TicketEvent
from schema.execution import Documents, FragmentExecutor, Known, extensions
from schema.mutations import Mutation
from schema.queries import RESOLVERS, Query
from schema.scalars import DATE_TIME, JSON, JSON_SCALAR, UPLOAD_SCALAR, DateTime
from schema.subscriptions import FOLLOWED, Subscription, not_streamed
from schema.types import Attachment, Comment, Company, Contact, Ticket, User
from schema.webhook_types import Webhook, WebhookDelivery


class DeskSchema(Schema):
    """Strawberry's schema; errors are logged where they are worded, ``schema/errors.py``."""

    documents: Documents

    async def execute_known(
        self, known: Known, variables: dict[str, Any] | None, context: object
    ) -> ExecutionResult:
        """Execute a query that was found valid before, by graphql-core at once.

        Strawberry's own way there, with its extensions, costs more than the rest of a short read.
        """
        executor = FragmentExecutor.build(
            self._schema,
            known.document,
            context_value=context,
            raw_variable_values=variables,
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
        )
        if isinstance(executor, list):
            return ExecutionResult(data=None, errors=executor)
        result = executor.execute_operation()
        # Nothing comes later: the schema has neither @defer nor @stream.
        done = cast(GraphQLExecutionResult, await result if isawaitable(result) else result)
        return ExecutionResult(data=done.data, errors=done.errors)

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log nothing here: most errors are a client's, and the others need their request's id."""


@cache
def create_schema(*, introspection: bool = True) -> DeskSchema:
    """Return the schema of a process; its document cache is its own."""
    documents = Documents()
    made = DeskSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[
            *(Ticket, Comment, Attachment, TicketEvent, Company, Contact, User),
            *(Webhook, WebhookDelivery),
        ],
        execution_context_class=FragmentExecutor,
        extensions=extensions(documents, introspection=introspection),
        config=StrawberryConfig(
            scalar_map={DateTime: DATE_TIME, JSON: JSON_SCALAR, Upload: UPLOAD_SCALAR}
        ),
    )
    made.documents = documents
    query_type = made._schema.query_type
    assert query_type is not None
    for name, resolve in RESOLVERS.items():
        query_type.fields[name].resolve = resolve
    subscription_type = made._schema.subscription_type
    assert subscription_type is not None
    for name, follow in FOLLOWED.items():
        subscription_type.fields[name].subscribe = follow
        subscription_type.fields[name].resolve = not_streamed
    return made


def sdl() -> str:
    """Return the schema as the committed ``schema/schema.graphql`` has it."""
    return create_schema().as_str() + "\n"
