"""The GraphQL API: Strawberry types and operations, each one call into the resolvers."""

from strawberry.schema.config import StrawberryConfig

from schema.execution.limits import DEFAULT_LIMITS, Limits
from schema.execution.operation import DeskSchema
from schema.operations.mutations import Mutation
from schema.operations.queries import Query
from schema.operations.subscriptions import Subscription
from schema.transport.multipart import UploadedFile
from schema.types.objects import Attachment, Comment, Company, Contact, Ticket, TicketEvent, User
from schema.types.scalars import DATE_TIME, JSON, JSON_SCALAR, UPLOAD, DateTime
from schema.types.webhooks import Webhook, WebhookDelivery


def create_schema(*, introspection: bool = True, limits: Limits = DEFAULT_LIMITS) -> DeskSchema:
    """Return a new schema, with caches of its own of documents and templates."""
    return DeskSchema(
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
        limits=limits,
        introspection=introspection,
    )


def sdl() -> str:
    """Return the schema as the committed ``schema/snapshots/schema.graphql`` has it."""
    return create_schema().as_str() + "\n"
