"""The inputs of the mutations of attachments."""

from strawberry import ID

from schema.inputs.tickets import VERSION_OF_TICKET
from schema.inputs.values import write_input
from schema.transport.multipart import UploadedFile
from schema.types.descriptions import argument, field


@write_input("A file and its ticket, for `uploadAttachment`.")
class UploadAttachmentInput:
    ticket_id: ID = field("The ticket that gets the file.")
    file: UploadedFile = field("The file, by the GraphQL multipart request specification.")
    expected_version: int | None = argument(VERSION_OF_TICKET)


@write_input("An attachment and its new name, for `updateAttachment`.")
class UpdateAttachmentInput:
    id: ID = field("The attachment that is to be changed.")
    name: str | None = argument(
        "What downloads are called from now on, at most 200 characters; of a path, its last part."
    )
    expected_version: int | None = argument(VERSION_OF_TICKET)


@write_input("Which file to delete, for `deleteAttachment`.")
class DeleteAttachmentInput:
    id: ID = field("The attachment that is to be deleted.")
    expected_version: int | None = argument(VERSION_OF_TICKET)
