"""The GraphQL API: Strawberry types and operations, each one call into the resolvers."""

from functools import cache

from graphql import DirectiveDefinitionNode, TypeDefinitionNode, parse
from strawberry import Schema
from strawberry.schema.config import StrawberryConfig

from schema.execution.limits import DEFAULT_LIMITS, Limits
from schema.execution.operation import DeskSchema
from schema.execution.strawberry_internals import core_schema
from schema.operations.idempotent import idempotent
from schema.operations.mutations import Mutation
from schema.operations.queries import Query
from schema.operations.subscriptions import Subscription
from schema.transport.multipart import UploadedFile
from schema.types.bulk_jobs import BulkJob, BulkJobError
from schema.types.objects import Attachment, Comment, Company, Contact, Ticket, TicketEvent, User
from schema.types.projected import set_roots
from schema.types.scalars import DATE_TIME, JSON, JSON_SCALAR, UPLOAD, DateTime
from schema.types.webhooks import Webhook, WebhookDelivery


def create_schema(*, introspection: bool = True, limits: Limits = DEFAULT_LIMITS) -> DeskSchema:
    """Return a new schema, with caches of its own of documents and templates."""
    return DeskSchema(_types(), limits, introspection=introspection)


@cache
def _types() -> Schema:
    """Return all types, for every schema of the process; raises as ``set_roots`` does."""
    types = Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[
            *(Ticket, Comment, Attachment, TicketEvent, Company, Contact, User),
            *(Webhook, WebhookDelivery, BulkJob, BulkJobError),
        ],
        directives=[idempotent],
        config=StrawberryConfig(
            scalar_map={DateTime: DATE_TIME, JSON: JSON_SCALAR, UploadedFile: UPLOAD}
        ),
    )
    set_roots(core_schema(types))
    return types


def sdl() -> str:
    """Return the schema as the committed ``schema/snapshots/schema.graphql`` has it.

    Definitions are in the order of their names, without regard to case.
    """
    text = create_schema().as_str()
    found = {
        one.name.value.lower(): text[one.loc.start : one.loc.end]
        for one in parse(text).definitions
        if isinstance(one, TypeDefinitionNode | DirectiveDefinitionNode) and one.loc
    }
    return "\n\n".join(found[name] for name in sorted(found)) + "\n"
