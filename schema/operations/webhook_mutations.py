"""Writes of webhooks."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

import strawberry

from resolvers.commands import webhooks
from resolvers.errors import ServiceError
from resolvers.services import Context
from schema.errors.formatting import failure_of
from schema.inputs import webhooks as inputs
from schema.inputs.webhooks import webhook_values
from schema.operations.mutation_field import Info, Made, given_input, perform
from schema.projection.arguments import known_id
from schema.types import webhooks as types
from schema.types.descriptions import resolver


async def _with_secret(
    info: Info, payload: type[Any], deed: Callable[[Context], Awaitable[tuple[UUID, str]]]
) -> Any:
    """Do something, and answer with the secret that came of it."""
    try:
        key, secret = await deed(info.context.resolver_context)
    except ServiceError as error:
        return payload(secret=None, errors=failure_of(error).errors)
    return payload(secret=secret, errors=[], webhook_id=key)


@strawberry.type
class WebhookMutation:
    """What Admins do; a part of ``Mutation``."""

    @resolver("Create a webhook for what happens from now on. Admins only.")
    async def create_webhook(
        self, info: Info, given: Annotated[inputs.CreateWebhookInput, given_input()]
    ) -> types.CreateWebhookPayload:
        """Create."""

        async def deed(context: Context) -> tuple[UUID, str]:
            return await webhooks.create_webhook(context, webhook_values(given))

        return await _with_secret(info, types.CreateWebhookPayload, deed)  # type: ignore[no-any-return]

    @resolver("Change fields of a webhook. Admins only.")
    async def update_webhook(
        self, info: Info, given: Annotated[inputs.UpdateWebhookInput, given_input()]
    ) -> types.UpdateWebhookPayload:
        """Change."""

        async def deed(context: Context) -> Made:
            key = known_id(given.id)
            await webhooks.update_webhook(context, key, webhook_values(given))
            return {"webhook": key}

        return await perform(info, deed)  # type: ignore[no-any-return]

    @resolver("Delete a webhook with its deliveries. Admins only.")
    async def delete_webhook(
        self, info: Info, given: Annotated[inputs.DeleteWebhookInput, given_input()]
    ) -> types.DeleteWebhookPayload:
        """Delete."""

        async def deed(context: Context) -> Made:
            key = known_id(given.id)
            await webhooks.delete_webhook(context, key)
            return {"deleted_webhook_id": key}

        return await perform(info, deed)  # type: ignore[no-any-return]

    @resolver("Give a webhook a new secret; the old one signs as well for a while. Admins only.")
    async def rotate_webhook_secret(
        self, info: Info, given: Annotated[inputs.RotateWebhookSecretInput, given_input()]
    ) -> types.RotateWebhookSecretPayload:
        """Rotate."""

        async def deed(context: Context) -> tuple[UUID, str]:
            key = known_id(given.id)
            return key, await webhooks.rotate_webhook_secret(context, key, given.old_secret_hours)

        return await _with_secret(info, types.RotateWebhookSecretPayload, deed)  # type: ignore[no-any-return]

    @resolver("Send a ping once, also where the webhook is disabled. Admins only.")
    async def ping_webhook(
        self, info: Info, given: Annotated[inputs.PingWebhookInput, given_input()]
    ) -> types.PingWebhookPayload:
        """Ping."""

        async def deed(context: Context) -> Made:
            return {"delivery": await webhooks.ping_webhook(context, known_id(given.id))}

        return await perform(info, deed)  # type: ignore[no-any-return]

    @resolver("Send a delivery again, whatever became of it, and try for another day. Admins only.")
    async def redeliver(
        self, info: Info, given: Annotated[inputs.RedeliverInput, given_input()]
    ) -> types.RedeliverPayload:
        """Send again."""

        async def deed(context: Context) -> Made:
            key = known_id(given.id)
            await webhooks.redeliver(context, key)
            return {"delivery": key}

        return await perform(info, deed)  # type: ignore[no-any-return]
