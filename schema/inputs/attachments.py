"""The inputs of the mutations of attachments."""

import strawberry
from strawberry import ID

from schema.transport.multipart import UploadedFile
from schema.types.descriptions import argument, field


@strawberry.input(description="A file and its ticket, for `uploadAttachment`.")
class UploadAttachmentInput:
    ticket_id: ID = field("The ticket that gets the file.")
    file: UploadedFile = field("The file, by the GraphQL multipart request specification.")


@strawberry.input(description="An attachment and its new name, for `updateAttachment`.")
class UpdateAttachmentInput:
    id: ID = field("The attachment that is to be changed.")
    name: str | None = argument(
        "What downloads are called from now on, at most 200 characters; of a path, its last part."
    )


@strawberry.input(description="Which file to delete, for `deleteAttachment`.")
class DeleteAttachmentInput:
    id: ID = field("The attachment that is to be deleted.")
