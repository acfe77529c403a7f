"""Tickets: the reference's "Ticket Endpoints" and "Custom Ticket Actions"."""

from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import Response

from models import TicketCategory, TicketPriority, TicketStatus
from resolvers.commands import comments, tickets, validation
from resolvers.context import Context
from resolvers.errors import Invalid, NotFound, Problem
from resolvers.query.execute import read_json
from resolvers.query.filters.parse import parse
from resolvers.query.shapes import Args
from rest_compat.http.bodies import read_body
from rest_compat.http.etags import done_answer, if_match, tag_of, tagged_answer
from rest_compat.http.preferences import on_conflict, with_preference
from rest_compat.http.responses import RestError, empty_answer, text_answer
from rest_compat.lists import list_endpoint
from rest_compat.lists.list_endpoint import checked, filter_args, list_answer, require_references
from rest_compat.openapi.operations import listed, operation
from rest_compat.serializers import request_fields, shapes
from rest_compat.serializers.reads import body_for, id_of, require_row, row_text, versioned_text
from rest_compat.serializers.request_fields import values_of

LISTING = list_endpoint.ListEndpoint(
    "/api/v1/tickets/",
    "Ticket",
    shapes.TICKET,
    {
        "status": list_endpoint.choice(TicketStatus),
        "priority": list_endpoint.choice(TicketPriority),
        "category": list_endpoint.choice(TicketCategory),
        "company": list_endpoint.reference("Company"),
        "assigned_to": list_endpoint.reference("User"),
        # Not a choice: the old system let any team through, and found nothing.
        "assigned_team": list_endpoint.text,
        "my_tickets": list_endpoint.switch("mine"),
        "unassigned": list_endpoint.switch("unassigned"),
        "open": list_endpoint.switch("open"),
        "search": list_endpoint.search,
    },
    frozenset({"created_at", "priority", "status", "due_date"}),
)
ASSIGNMENT: request_fields.Form = {
    "user_id": request_fields.Input(request_fields.reference, nullable=True)
}
ASSIGNMENT_RULES: validation.FieldRules = {
    "user_id": validation.FieldRule(validation.Reference, nullable=True)
}


@listed(LISTING)
async def listing(request: Request, context: Context) -> Response:
    """List tickets ("List All Tickets")."""
    return await list_answer(LISTING, request, context)


@operation(
    shapes.ONE_TICKET,
    status=201,
    about="Ticket",
    form=request_fields.TICKET,
    rules=validation.TICKET,
    tagged=True,
)
async def create(request: Request, context: Context) -> Response:
    """Create a ticket ("Create Ticket")."""
    values = values_of(request_fields.TICKET, await read_body(request), partial=False)
    ticket_id = await tickets.create_ticket(context, values)
    shown = tagged_answer(context, shapes.ONE_TICKET, ticket_id, 201)
    return await done_answer(ticket_id, 201, shown)


@operation(shapes.ONE_TICKET, tagged=True, refusals=frozenset({400}))
async def detail(request: Request, context: Context) -> Response:
    """Show a ticket with its comments and attachments ("Get Ticket Detail")."""
    return await tagged_answer(context, shapes.ONE_TICKET, id_of(request))


@operation(
    shapes.ONE_TICKET,
    about="Ticket",
    form=request_fields.TICKET,
    rules=validation.TICKET,
    tagged=True,
    conditional=True,
    merges=True,
)
async def update(request: Request, context: Context) -> Response:
    """Change some fields (PATCH, "Update Ticket"), or all that are required (PUT, recorded)."""
    ticket_id = id_of(request)
    partial = request.method == "PATCH"
    body = await body_for(request, context, shapes.ONE_TICKET, ticket_id)
    values = values_of(request_fields.TICKET, body, partial=partial)
    fits = if_match(request, context, shapes.ONE_TICKET, ticket_id)
    merged = await tickets.update_ticket(
        context, ticket_id, values, precondition=fits, on_conflict=on_conflict(request)
    )
    shown = tagged_answer(context, shapes.ONE_TICKET, ticket_id)
    return with_preference(await done_answer(ticket_id, 200, shown), merged)


@operation(status=204, conditional=True)
async def delete(request: Request, context: Context) -> Response:
    """Delete a ticket ("Delete Ticket")."""
    ticket_id = id_of(request)
    fits = if_match(request, context, shapes.ONE_TICKET, ticket_id)
    await tickets.delete_ticket(context, ticket_id, fits)
    return empty_answer(204)


@operation(
    shapes.TICKET_BEFORE_COMMENT,
    status=201,
    about="NewComment",
    form=request_fields.NEW_COMMENT,
    rules=validation.COMMENT,
    errors={400: "text is required"},
    tagged=True,
    conditional=True,
)
async def add_comment(request: Request, context: Context) -> Response:
    """Comment on a ticket ("Add Comment to Ticket"); answers with the ticket as it was before."""
    ticket_id = id_of(request)
    body = await body_for(request, context, shapes.ONE_TICKET, ticket_id)
    values = values_of(request_fields.NEW_COMMENT, body, partial=False)
    fits = if_match(request, context, shapes.ONE_TICKET, ticket_id)
    try:
        comment_id = await comments.add_comment(context, ticket_id, values, fits)
    except Invalid as error:
        # An action says "error", not the field's name (recorded: "add_comment, blank text").
        missing = {problem.code for problem in error.problems.get("text", ())}
        if missing & {"required", "blank", "null"}:
            raise RestError(400, {"error": "text is required"}) from None
        raise
    return await done_answer(ticket_id, 201, _before_comment(context, ticket_id, comment_id))


async def _before_comment(context: Context, ticket_id: UUID, comment_id: UUID) -> Response:
    bound: dict[str, object] = {}
    others = Args(where=parse({"id": {"not_in": [comment_id]}}, bound), values=bound)
    text = await row_text(context, shapes.TICKET_BEFORE_COMMENT, ticket_id, others)
    # The tag is that of the ticket as it is now, with the comment, so that it fits the next write.
    now, version = await versioned_text(context, shapes.ONE_TICKET, ticket_id)
    tag = tag_of(context, now.encode(), ticket_id, version)
    return text_answer(text, 201, {"ETag": tag})


@operation(
    shapes.ONE_TICKET,
    about="Assignment",
    form=ASSIGNMENT,
    rules=ASSIGNMENT_RULES,
    errors={404: "User not found"},
    tagged=True,
    conditional=True,
    merges=True,
)
async def assign(request: Request, context: Context) -> Response:
    """Assign a ticket, or unassign it ("Assign Ticket").

    Whatever is empty unassigns, a missing ``user_id`` too: the old system asked no more of it.
    """
    ticket_id = id_of(request)
    body = await body_for(request, context, shapes.ONE_TICKET, ticket_id)
    given = body.data.get("user_id") or None
    user_id = None if given is None else request_fields.reference(given)
    if isinstance(user_id, Problem):
        await require_row(context, shapes.ONE_TICKET, ticket_id)
        raise Invalid({"user_id": [user_id]})
    fits = if_match(request, context, shapes.ONE_TICKET, ticket_id)
    try:
        merged = await tickets.assign_ticket(
            context, ticket_id, user_id, precondition=fits, on_conflict=on_conflict(request)
        )
    except NotFound as error:
        if error.kind == "User":
            raise RestError(404, {"error": "User not found"}) from None
        raise
    shown = tagged_answer(context, shapes.ONE_TICKET, ticket_id)
    return with_preference(await done_answer(ticket_id, 200, shown), merged)


@operation(shapes.TICKET_STATISTICS, listing=LISTING)
async def statistics(request: Request, context: Context) -> Response:
    """Count tickets ("Get Ticket Statistics"), of those that the list's filters leave."""
    wanted = await checked(LISTING, request, context)
    where, values = filter_args(wanted)
    args = (Args(where=where, values=values),)
    text = await read_json(context, shapes.TICKET_STATISTICS, args) or "{}"
    if wanted.references and orjson.loads(text)["total"] == 0:
        await require_references(context, wanted)
    return text_answer(text)
