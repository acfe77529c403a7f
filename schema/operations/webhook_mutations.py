"""Writes of webhooks."""

import strawberry

from resolvers.commands import webhooks
from resolvers.context import Context
from schema.inputs import webhooks as inputs
from schema.inputs.webhooks import webhook_values
from schema.operations import payloads
from schema.operations.mutation_field import Made, mutation
from schema.projection.arguments import known_id


@strawberry.type
class WebhookMutation:
    """The writes that only Admins may do; see ``resolvers.commands.webhooks``."""

    @mutation(
        "Create a webhook for what happens from now on. Admins only.",
        payloads.CreateWebhookPayload,
    )
    async def create_webhook(
        self, context: Context, given: inputs.CreateWebhookInput
    ) -> payloads.CreateWebhookPayload:
        """Create; the secret is in no other answer."""
        key, secret = await webhooks.create_webhook(context, webhook_values(given))
        return payloads.CreateWebhookPayload(secret=secret, webhook_id=key)

    @mutation("Change fields of a webhook. Admins only.", payloads.UpdateWebhookPayload)
    async def update_webhook(self, context: Context, given: inputs.UpdateWebhookInput) -> Made:
        key = known_id(given.id)
        await webhooks.update_webhook(context, key, webhook_values(given))
        return {"webhook": key}

    @mutation("Delete a webhook with its deliveries. Admins only.", payloads.DeleteWebhookPayload)
    async def delete_webhook(self, context: Context, given: inputs.DeleteWebhookInput) -> Made:
        key = known_id(given.id)
        await webhooks.delete_webhook(context, key)
        return {"deleted_webhook_id": key}

    @mutation(
        "Give a webhook a new secret; the old one signs as well for a while. Admins only.",
        payloads.RotateWebhookSecretPayload,
    )
    async def rotate_webhook_secret(
        self, context: Context, given: inputs.RotateWebhookSecretInput
    ) -> payloads.RotateWebhookSecretPayload:
        """Rotate; the secret is in no other answer."""
        key = known_id(given.id)
        secret = await webhooks.rotate_webhook_secret(context, key, given.old_secret_hours)
        return payloads.RotateWebhookSecretPayload(secret=secret, webhook_id=key)

    @mutation(
        "Send a ping once, also where the webhook is disabled. Admins only.",
        payloads.PingWebhookPayload,
    )
    async def ping_webhook(self, context: Context, given: inputs.PingWebhookInput) -> Made:
        return {"delivery": await webhooks.ping_webhook(context, known_id(given.id))}

    @mutation(
        "Send a delivery again, in any state, and try for another day. Admins only.",
        payloads.RedeliverPayload,
    )
    async def redeliver(self, context: Context, given: inputs.RedeliverInput) -> Made:
        key = known_id(given.id)
        await webhooks.redeliver(context, key)
        return {"delivery": key}
