"""The query that answers with the link of an export.

It is a query: nothing is stored, so there is nothing to try, to repeat by a key or to undo.
"""

from typing import Annotated

import strawberry

from resolvers.exports.downloads import Export, export_link
from resolvers.exports.fields import DEFAULT_FIELDS, ExportField
from resolvers.exports.formats import ExportFormat
from resolvers.files.sealed_links import MAX_SEALED
from schema.execution.context import Info
from schema.inputs.values import raw_values, stored_filter
from schema.operations.transfers.links import DownloadLink, ExpiresInArg, link_of, never_the_same
from schema.projection.arguments import filter_args, order_of
from schema.types.connections import FilterArg, OrderArg
from schema.types.descriptions import describe_enum, resolver

describe_enum(
    ExportFormat,
    "How a file with tickets is written.",
    {
        "CSV": "Comma-separated values for spreadsheets, by RFC 4180: UTF-8 with a mark, CRLF and "
        "a header. A text that a spreadsheet would take for a formula begins with a quote.",
        "JSONL": "JSON Lines: an object for each ticket, with all texts exactly as they are.",
    },
    name="TicketExportFormat",
)
describe_enum(
    ExportField,
    "A field of an export; in lower case it is the name of the column, or of the member.",
    {
        "ID": "The UUID of the ticket.",
        "TICKET_NUMBER": "The number that people use, `T-YYYYMMDD-NNNN`.",
        "SUBJECT": "What it is about.",
        "DESCRIPTION": "What happened, with all of its lines.",
        "STATUS": "Where it stands in the workflow, as `TicketStatus`.",
        "PRIORITY": "How urgent it is, as `TicketPriority`.",
        "CATEGORY": "What kind of request it is, as `TicketCategory`.",
        "COMPANY_ID": "The UUID of the company that needs help.",
        "COMPANY_NAME": "The name of the company that needs help.",
        "CONTACT_ID": "The UUID of the person it is about.",
        "CONTACT_NAME": "The name of the person it is about.",
        "CONTACT_EMAIL": "The email address of the person it is about.",
        "ASSIGNED_TO_ID": "The UUID of the user who is responsible.",
        "ASSIGNED_TO_USERNAME": "The username of the user who is responsible.",
        "ASSIGNED_TO_NAME": "The full name of the user who is responsible.",
        "ASSIGNED_TEAM": "Which team is responsible, as `Team`.",
        "CREATED_BY_ID": "The UUID of the user who created it.",
        "CREATED_BY_USERNAME": "The username of the user who created it.",
        "CREATED_BY_NAME": "The full name of the user who created it.",
        "TAGS": "Its tags: in CSV one cell with commas, in JSON Lines a list.",
        "DUE_DATE": "When it ought to be resolved.",
        "IS_OVERDUE": "Whether it is open and past its due date.",
        "CREATED_AT": "When it came in.",
        "UPDATED_AT": "When it was last changed.",
        "FIRST_RESPONSE_AT": "When staff first answered it.",
        "RESOLVED_AT": "When it was first resolved.",
        "CLOSED_AT": "When it was first closed.",
        "FIRST_RESPONSE_TIME_HOURS": "Hours from when it came in until staff first answered.",
        "RESOLUTION_TIME_HOURS": "Hours from when it came in until it was first resolved.",
        "COMMENTS_COUNT": "How many public comments it has.",
        "INTERNAL_NOTES_COUNT": "How many internal notes it has; 0 for customers.",
        "VERSION": "How often it was changed, and one more.",
    },
    name="TicketExportField",
)


@strawberry.type
class ExportQuery:
    """What leads to a file."""

    @resolver(
        "A link to a file with all tickets of a filter that the viewer may see. The file is made "
        f"while it is downloaded. The filter has to fit into a link of {MAX_SEALED} characters."
    )
    async def export_tickets(
        self,
        info: Info,
        filter: FilterArg = None,
        order_by: OrderArg = None,
        fields: Annotated[
            list[ExportField] | None,
            strawberry.argument(
                description="The columns in their order, each of them once; if absent, those that "
                "people and imports need."
            ),
        ] = None,
        format: Annotated[
            ExportFormat, strawberry.argument(description="How the file is written.")
        ] = ExportFormat.CSV,
        expires_in: ExpiresInArg = 300,
    ) -> DownloadLink:
        """Answer with another link each time."""
        context = info.context.resolver_context
        context.require_viewer()
        never_the_same(context)
        filter_args(raw_values(filter))
        chosen = {} if filter is None else stored_filter(filter)
        assert isinstance(chosen, dict)
        columns = DEFAULT_FIELDS if fields is None else fields
        export = Export(columns, format, chosen, order_of(raw_values(order_by)))
        return link_of(await export_link(context, export, expires_in))
