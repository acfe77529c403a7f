"""The GraphQL face: Strawberry types and operations, each one call into the resolvers."""

from functools import cache

from strawberry.schema.config import StrawberryConfig

from schema.execution.document_cache import DocumentCache
from schema.execution.limits import DEFAULT_LIMITS, Limits
from schema.execution.operation import DeskSchema
from schema.execution.strawberry_internals import core_schema
from schema.operations.mutations import Mutation
from schema.operations.queries import RESOLVERS, Query
from schema.operations.subscriptions import FOLLOWED, Subscription, not_streamed
from schema.transport.multipart import UploadedFile
from schema.types.events import TicketEvent
from schema.types.objects import Attachment, Comment, Company, Contact, Ticket, User
from schema.types.scalars import DATE_TIME, JSON, JSON_SCALAR, UPLOAD, DateTime
from schema.types.webhooks import Webhook, WebhookDelivery


@cache
def create_schema(*, introspection: bool = True, limits: Limits = DEFAULT_LIMITS) -> DeskSchema:
    """Return the schema of a process; its document cache is its own."""
    made = DeskSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[
            *(Ticket, Comment, Attachment, TicketEvent, Company, Contact, User),
            *(Webhook, WebhookDelivery),
        ],
        config=StrawberryConfig(
            scalar_map={DateTime: DATE_TIME, JSON: JSON_SCALAR, UploadedFile: UPLOAD}
        ),
    )
    made.documents = DocumentCache(core_schema(made), limits, introspection=introspection)
    query_type = core_schema(made).query_type
    assert query_type is not None
    for name, resolve in RESOLVERS.items():
        query_type.fields[name].resolve = resolve
    subscription_type = core_schema(made).subscription_type
    assert subscription_type is not None
    for name, follow in FOLLOWED.items():
        subscription_type.fields[name].subscribe = follow
        subscription_type.fields[name].resolve = not_streamed
    return made


def sdl() -> str:
    """Return the schema as the committed ``schema/snapshots/schema.graphql`` has it."""
    return create_schema().as_str() + "\n"
