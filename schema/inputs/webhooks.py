"""The inputs of the mutations about webhooks."""

import strawberry
from strawberry import ID, UNSET

from schema.inputs.filters import TicketFilter
from schema.inputs.values import stored_filter, write_input
from schema.types.descriptions import argument, field
from schema.types.enums import TicketEventType

_URL = (
    "Where to: https://…, without user name and password, at most 2000 characters. Where the "
    "server allows private addresses, http://… as well."
)
_TYPES = "Which events; all of them if absent or empty."
_FILTER = "Of which tickets, as they are when the event is taken; every DELETED passes. No `mine`."
_INTERNAL = "Whether events about internal notes are sent, too; not if absent."
_ENABLED = "Whether events are sent; one that is enabled again goes on where it stopped."


@write_input("A new webhook, for `createWebhook`.")
class CreateWebhookInput:
    url: str = field(_URL)
    event_types: list[TicketEventType] | None = argument(_TYPES)
    filter: TicketFilter | None = argument(_FILTER)
    include_internal: bool | None = argument(_INTERNAL)
    enabled: bool | None = argument(_ENABLED)


@write_input("A webhook and its fields to change, for `updateWebhook`; the others stay.")
class UpdateWebhookInput:
    id: ID = field("The webhook that is to be changed.")
    url: str | None = argument(_URL)
    event_types: list[TicketEventType] | None = argument(_TYPES)
    filter: TicketFilter | None = argument(_FILTER)
    include_internal: bool | None = argument(_INTERNAL)
    enabled: bool | None = argument(_ENABLED)


@write_input("Which webhook to delete, for `deleteWebhook`.")
class DeleteWebhookInput:
    id: ID = field("The webhook that is to be deleted.")


@write_input("Which webhook gets a new secret, for `rotateWebhookSecret`.")
class RotateWebhookSecretInput:
    """A webhook and how long its old secret is good."""

    id: ID = field("The webhook that gets a new secret.")
    old_secret_hours: int = strawberry.field(
        description="For how many hours the old secret signs as well: 0 to 168. 0 ends all "
        "earlier ones at once.",
        default=24,
    )


@write_input("Which webhook to try out, for `pingWebhook`.")
class PingWebhookInput:
    id: ID = field("The webhook that the ping is sent to.")


@write_input("Which delivery to send again, for `redeliver`.")
class RedeliverInput:
    id: ID = field("The delivery that is to be sent again.")


def webhook_values(given: CreateWebhookInput | UpdateWebhookInput) -> dict[str, object]:
    """Return the values of an input that were given, the filter as JSON in its own words.

    In what creates a webhook null is absent.
    """
    creates = isinstance(given, CreateWebhookInput)
    values: dict[str, object] = {
        name: value
        for name in ("url", "event_types", "filter", "include_internal", "enabled")
        if (value := getattr(given, name)) is not UNSET and not (creates and value is None)
    }
    if "filter" in values:
        values["filter"] = stored_filter(values["filter"])
    return values
