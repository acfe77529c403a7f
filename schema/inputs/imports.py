"""The input of the mutation that imports tickets from a file."""

import strawberry

from resolvers.bulk.jobs import MAX_TICKETS
from resolvers.imports.formats import ImportFormat
from resolvers.imports.layout import ImportField
from schema.transport.multipart import UploadedFile
from schema.types.descriptions import argument, describe_enum, field

describe_enum(
    ImportFormat,
    "How a file that is imported is written; it is UTF-8 in any case.",
    {
        "CSV": "Values between commas, semicolons or tabs, as a spreadsheet saves them, with a "
        "header.",
        "JSONL": "JSON Lines: a line with an object for each ticket.",
    },
    name="TicketImportFormat",
)
describe_enum(
    ImportField,
    "A field of a new ticket that a column of a file can hold.",
    {
        "SUBJECT": "What it is about, at most 200 characters.",
        "DESCRIPTION": "What happened, in as many lines as it takes.",
        "STATUS": "Where it stands in the workflow; staff only.",
        "PRIORITY": "How urgent it is; MEDIUM if there is no value.",
        "CATEGORY": "What kind of request; GENERAL if there is no value.",
        "COMPANY_ID": "The UUID of the company that needs help.",
        "COMPANY_NAME": "The name of the company that needs help, exactly as it is written.",
        "CONTACT_ID": "The UUID of the person it is about.",
        "CONTACT_NAME": "The name of the person it is about, if there is no email address.",
        "CONTACT_EMAIL": "The email address of the person it is about, of the ticket's company.",
        "ASSIGNED_TO_ID": "The UUID of the user who becomes responsible; staff only.",
        "ASSIGNED_TO_USERNAME": "The username of the user who becomes responsible; staff only.",
        "ASSIGNED_TEAM": "Which team becomes responsible; staff only.",
        "TAGS": "Words to find it by: with commas between them, or a list in JSON.",
        "DUE_DATE": "When it ought to be resolved: a time of ISO 8601, or a day, in UTC unless it "
        "says otherwise.",
    },
    name="TicketImportField",
)


@strawberry.input(description="What a column of the file is, for `importTickets`.")
class ImportColumnInput:
    column: str = field("The name of the column in the header, or of the member of the objects.")
    field: ImportField | None = argument("The field that it is; null to leave it out.")


@strawberry.input(description="A value for rows that have none, for `importTickets`.")
class ImportDefaultInput:
    field: ImportField = strawberry.field(description="The field that gets the value.")
    value: str = strawberry.field(description="The value, as it would be in the file.")


@strawberry.input(description="A file with tickets, for `importTickets`.")
class ImportTicketsInput:
    file: UploadedFile = field(
        f"The file, by the GraphQL multipart request specification: at most {MAX_TICKETS} tickets."
    )
    format: ImportFormat | None = argument(
        "How it is written; by the ending of its name if absent."
    )
    mapping: list[ImportColumnInput] | None = argument(
        "What columns are whose names do not say it. Those of exports are known."
    )
    defaults: list[ImportDefaultInput] | None = argument("Values for rows that have none.")
    only_tries: bool = strawberry.field(
        name="dryRun",
        description="Whether to create no ticket, and only tell by the job what would be refused.",
        default=False,
    )
