"""The mutations of attachments."""

import strawberry

from resolvers.commands import attachments
from resolvers.context import Context
from resolvers.files.names import file_name
from schema.inputs import attachments as inputs
from schema.inputs.values import values_of
from schema.operations import payloads
from schema.operations.mutation_field import KEYS, Made, expected_version, mutation, on_ticket
from schema.projection.arguments import known_id


@strawberry.type
class AttachmentMutation:
    """Writes of attachments; see ``resolvers.commands.attachments``."""

    @mutation(
        "Upload a file to a ticket, as a multipart request.", payloads.UploadAttachmentPayload
    )
    async def upload_attachment(
        self, context: Context, given: inputs.UploadAttachmentInput
    ) -> Made:
        """Upload. Receives the file of a viewer who has logged in by the same operation."""
        file = given.file
        context.require_viewer()
        await file.receive()
        name, chunks = file_name(file.filename) or "file", file.chunks()
        version = expected_version(given)
        ticket, attachment = await on_ticket(
            given.ticket_id,
            lambda key: attachments.add_attachment(context, key, name, chunks, version),
        )
        return {"attachment": attachment, "ticket": ticket}

    @mutation("Rename a file; customers may rename their own.", payloads.UpdateAttachmentPayload)
    async def update_attachment(
        self, context: Context, given: inputs.UpdateAttachmentInput
    ) -> Made:
        key = known_id(given.id)
        changes = values_of(given, without=KEYS)
        await attachments.update_attachment(context, key, changes, expected_version(given))
        return {"attachment": key}

    @mutation("Delete a file; customers may delete their own.", payloads.DeleteAttachmentPayload)
    async def delete_attachment(
        self, context: Context, given: inputs.DeleteAttachmentInput
    ) -> Made:
        key = known_id(given.id)
        await attachments.delete_attachment(context, key, expected_version(given))
        return {"deleted_attachment_id": key}
