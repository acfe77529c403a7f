"""Webhooks as the schema has them; they exist for Admins only."""

from typing import Annotated

import strawberry
from strawberry import ID

from schema.types.connections import Connection, Node
from schema.types.descriptions import field
from schema.types.enums import TicketEventType, WebhookDeliveryState
from schema.types.objects import TicketEvent, User
from schema.types.page_arguments import AfterArg, BeforeArg, FirstArg, LastArg
from schema.types.projected import projected
from schema.types.scalars import JSON, DateTime


@strawberry.type(description="One request that was made for a delivery, and what came of it.")
class WebhookAttempt:
    number: int = field("Counts the attempts of the delivery, from 1.")
    url: str = field("The address that it was sent to.")
    at: DateTime = field("When the request was sent.")
    duration_ms: int = field("How long it took, in milliseconds.")
    status: int | None = field("The HTTP status of the answer; null where there was none.")
    answer: str | None = field("The beginning of the answer's body, at most 4 kB.")
    error: str | None = field("Why there was no answer; null where there was one.")


@strawberry.type(description="An event that a webhook is sent, or a ping.")
class WebhookDelivery(Node):
    webhook: "Webhook" = field("The webhook whose address it is sent to.")
    type: str = field("The type of the message, such as `ticket.created`.")
    message_id: str = field("The header `webhook-id`, the same at every attempt.")
    event: TicketEvent | None = field("What happened, as the feed has it; null for a ping.")
    event_id: ID | None = field("The event's id; null for a ping.")
    ticket_id: ID | None = field("The id of the event's ticket; null for a ping.")
    request: str = field("The body of the request: JSON.")
    state: WebhookDeliveryState = field("What became of it so far.")
    attempt_count: int = field("How many attempts there were.")
    attempts: list[WebhookAttempt] = field("The requests that were made for it, oldest first.")
    next_attempt_at: DateTime | None = field(
        "When it is due; null while an earlier one of its ticket is, and at the end."
    )
    created_at: DateTime = field("When the event was taken from the log.")
    finished_at: DateTime | None = field("When it was delivered or failed; null until then.")


@strawberry.type(description="An address that is sent what happens to tickets. Admins only.")
class Webhook(Node):
    url: str = field("The address that events are sent to.")
    event_types: list[TicketEventType] = field(
        "The types of the events that are sent; empty for all of them."
    )
    filter: JSON | None = field(
        "Of which tickets, in the words of TicketFilter; null for all of them."
    )
    include_internal: bool = field("Whether events about internal notes are sent, too.")
    enabled: bool = field("Whether events are sent; one that is not keeps its place in the log.")
    disabled_reason: str | None = field("Why the server disabled it; null where it did not.")
    failing_since: DateTime | None = field(
        "When the first failure since the last success was; null for none."
    )
    created_by: User | None = field("The Admin who made it; null where that is no longer known.")
    created_at: DateTime = field("When the webhook was made.")
    updated_at: DateTime = field("When a field of it was last changed.")

    @projected("What it was sent, or is to be, newest first.")
    def deliveries(
        self,
        state: Annotated[
            WebhookDeliveryState | None,
            strawberry.argument(description="Only those in this state."),
        ] = None,
        first: FirstArg = None,
        after: AfterArg = None,
        last: LastArg = None,
        before: BeforeArg = None,
    ) -> Connection[WebhookDelivery]:
        raise NotImplementedError
