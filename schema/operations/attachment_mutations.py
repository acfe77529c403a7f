"""The mutations of attachments."""

from typing import Annotated

import strawberry

from resolvers.commands import attachments
from resolvers.files.names import file_name
from resolvers.services import Context
from schema.inputs import attachments as attachment_inputs
from schema.inputs.tickets import values_of
from schema.operations import payloads
from schema.operations.mutation_field import KEYS, Info, Made, given_input, on_ticket, perform
from schema.projection.arguments import known_id
from schema.transport.multipart import UploadedFile
from schema.types.descriptions import resolver


@strawberry.type
class AttachmentMutation:
    """What can be done to files."""

    @resolver("Upload a file to a ticket, as a multipart request.")
    async def upload_attachment(
        self, info: Info, given: Annotated[attachment_inputs.UploadAttachmentInput, given_input()]
    ) -> payloads.UploadAttachmentPayload:
        """Upload."""

        async def deed(context: Context) -> Made:
            file: UploadedFile = given.file  # type: ignore[assignment] # what the scalar reads
            context.require_viewer()
            # Who logs in by the same operation was nobody when it began.
            await file.receive()
            name, chunks = file_name(file.filename) or "file", file.chunks()
            ticket, attachment = await on_ticket(
                given.ticket_id,
                lambda key: attachments.add_attachment(context, key, name, chunks),
            )
            return {"attachment": attachment, "ticket": ticket}

        return await perform(info, deed)  # type: ignore[no-any-return]

    @resolver("Rename a file; customers may rename their own.")
    async def update_attachment(
        self, info: Info, given: Annotated[attachment_inputs.UpdateAttachmentInput, given_input()]
    ) -> payloads.UpdateAttachmentPayload:
        """Rename."""

        async def deed(context: Context) -> Made:
            key = known_id(given.id)
            await attachments.update_attachment(context, key, values_of(given, without=KEYS))
            return {"attachment": key}

        return await perform(info, deed)  # type: ignore[no-any-return]

    @resolver("Delete a file; customers may delete their own.")
    async def delete_attachment(
        self, info: Info, given: Annotated[attachment_inputs.DeleteAttachmentInput, given_input()]
    ) -> payloads.DeleteAttachmentPayload:
        """Delete."""

        async def deed(context: Context) -> Made:
            key = known_id(given.id)
            await attachments.delete_attachment(context, key)
            return {"deleted_attachment_id": key}

        return await perform(info, deed)  # type: ignore[no-any-return]
