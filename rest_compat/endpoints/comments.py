"""Comments: the reference's "Comment Endpoints"."""

from starlette.requests import Request
from starlette.responses import Response

from resolvers.commands import comments, validation
from resolvers.context import Context
from rest_compat.http.bodies import read_body
from rest_compat.http.etags import done_answer, if_match, tagged_answer
from rest_compat.http.preferences import on_conflict, with_preference
from rest_compat.http.responses import empty_answer
from rest_compat.lists import list_endpoint
from rest_compat.openapi.operations import listed, operation
from rest_compat.serializers import request_fields, shapes
from rest_compat.serializers.reads import body_for, id_of
from rest_compat.serializers.request_fields import values_of

LISTING = list_endpoint.ListEndpoint(
    "/api/v1/ticket-comments/",
    "Comment",
    shapes.COMMENT,
    {"ticket": list_endpoint.reference(None)},
    frozenset({"created_at", "updated_at"}),
)


@listed(LISTING)
async def listing(request: Request, context: Context) -> Response:
    """List comments, the oldest first ("List Comments")."""
    return await list_endpoint.list_answer(LISTING, request, context)


@operation(
    shapes.ONE_COMMENT,
    status=201,
    about="Comment",
    form=request_fields.COMMENT,
    rules=validation.COMMENT,
    tagged=True,
)
async def create(request: Request, context: Context) -> Response:
    """Create a comment ("Create Comment"); its author is the user who sends it."""
    values = values_of(request_fields.COMMENT, await read_body(request), partial=False)
    comment_id = await comments.create_comment(context, values)
    shown = tagged_answer(context, shapes.ONE_COMMENT, comment_id, 201)
    return await done_answer(comment_id, 201, shown)


@operation(shapes.ONE_COMMENT, tagged=True, refusals=frozenset({400}))
async def detail(request: Request, context: Context) -> Response:
    """Show a comment (recorded: "comment detail")."""
    return await tagged_answer(context, shapes.ONE_COMMENT, id_of(request))


@operation(
    shapes.ONE_COMMENT,
    about="Comment",
    form=request_fields.COMMENT,
    rules=validation.COMMENT,
    tagged=True,
    conditional=True,
    merges=True,
)
async def update(request: Request, context: Context) -> Response:
    """Change a comment ("Update Comment")."""
    comment_id = id_of(request)
    partial = request.method == "PATCH"
    body = await body_for(request, context, shapes.ONE_COMMENT, comment_id)
    values = values_of(request_fields.COMMENT, body, partial=partial)
    fits = if_match(request, context, shapes.ONE_COMMENT, comment_id)
    merged = await comments.update_comment(
        context, comment_id, values, precondition=fits, on_conflict=on_conflict(request)
    )
    shown = tagged_answer(context, shapes.ONE_COMMENT, comment_id)
    return with_preference(await done_answer(comment_id, 200, shown), merged)


@operation(status=204, conditional=True)
async def delete(request: Request, context: Context) -> Response:
    """Delete a comment ("Delete Comment")."""
    comment_id = id_of(request)
    fits = if_match(request, context, shapes.ONE_COMMENT, comment_id)
    await comments.delete_comment(context, comment_id, fits)
    return empty_answer(204)
