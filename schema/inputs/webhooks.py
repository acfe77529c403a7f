"""The inputs of the mutations about webhooks."""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum

import strawberry
from strawberry import ID, UNSET

from models.types import time_text
from resolvers.naming import camel
from schema.inputs.filters import TicketFilter
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


@strawberry.input(description="A new webhook, for `createWebhook`.")
class CreateWebhookInput:
    url: str = field(_URL)
    event_types: list[TicketEventType] | None = argument(_TYPES)
    filter: TicketFilter | None = argument(_FILTER)
    include_internal: bool | None = argument(_INTERNAL)
    enabled: bool | None = argument(_ENABLED)


@strawberry.input(
    description="A webhook and its fields to change, for `updateWebhook`; the others stay."
)
class UpdateWebhookInput:
    id: ID = field("The webhook that is to be changed.")
    url: str | None = argument(_URL)
    event_types: list[TicketEventType] | None = argument(_TYPES)
    filter: TicketFilter | None = argument(_FILTER)
    include_internal: bool | None = argument(_INTERNAL)
    enabled: bool | None = argument(_ENABLED)


@strawberry.input(description="Which webhook to delete, for `deleteWebhook`.")
class DeleteWebhookInput:
    id: ID = field("The webhook that is to be deleted.")


@strawberry.input(description="Which webhook gets a new secret, for `rotateWebhookSecret`.")
class RotateWebhookSecretInput:
    """A webhook and how long its old secret is good."""

    id: ID = field("The webhook that gets a new secret.")
    old_secret_hours: int = strawberry.field(
        description="For how many hours the old secret signs as well: 0 to 168. 0 ends all "
        "earlier ones at once.",
        default=24,
    )


@strawberry.input(description="Which webhook to try out, for `pingWebhook`.")
class PingWebhookInput:
    id: ID = field("The webhook that the ping is sent to.")


@strawberry.input(description="Which delivery to send again, for `redeliver`.")
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
        values["filter"] = _shown(values["filter"])
    return values


def _shown(value: object) -> object:
    """Return a value of a filter as it would be written in a JSON variable; nulls say nothing."""
    if isinstance(value, list):
        return [_shown(item) for item in value]
    if isinstance(value, Enum):
        return value.name
    if isinstance(value, datetime):
        return time_text(value)
    fields: Mapping[str, object] | None = getattr(value, "__dataclass_fields__", None)
    if fields is None:
        return value
    given = {name: getattr(value, name) for name in fields}
    return {
        camel(name): _shown(part)
        for name, part in given.items()
        if part is not UNSET and part is not None
    }
