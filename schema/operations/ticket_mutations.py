"""The mutations of tickets and comments. Each is one call into the resolvers, and one statement."""

import strawberry

from resolvers.commands import comments, tickets
from resolvers.commands.conflicts import ConflictResolution
from resolvers.context import Context
from resolvers.errors import Invalid, Problem
from schema.inputs import tickets as inputs
from schema.inputs.values import values_of
from schema.operations import payloads
from schema.operations.mutation_field import (
    KEYS,
    Made,
    expected_version,
    merge_of,
    mutation,
    on_ticket,
)
from schema.projection.arguments import known_id


def _merges(
    given: inputs.UpdateTicketInput | inputs.AssignTicketInput | inputs.UpdateCommentInput,
) -> ConflictResolution:
    # Null is the same as absent.
    return given.on_conflict or ConflictResolution.FAIL


@strawberry.type
class TicketMutation:
    """What changes tickets and comments."""

    @mutation(
        "Create a ticket; customers create them for their own company.",
        payloads.CreateTicketPayload,
    )
    async def create_ticket(self, context: Context, given: inputs.CreateTicketInput) -> Made:
        return {"ticket": await tickets.create_ticket(context, values_of(given))}

    @mutation(
        "Change some fields of a ticket; customers may change some of their own.",
        payloads.UpdateTicketPayload,
    )
    async def update_ticket(self, context: Context, given: inputs.UpdateTicketInput) -> Made:
        key = known_id(given.id)
        merged = await tickets.update_ticket(
            context,
            key,
            values_of(given, without=KEYS),
            expected_version(given),
            on_conflict=_merges(given),
        )
        return {"ticket": key, **merge_of(merged)}

    @mutation(
        "Delete a ticket with its comments and files. Staff only.", payloads.DeleteTicketPayload
    )
    async def delete_ticket(self, context: Context, given: inputs.DeleteTicketInput) -> Made:
        key = known_id(given.id)
        await tickets.delete_ticket(context, key, expected_version=expected_version(given))
        return {"deleted_ticket_id": key}

    @mutation(
        "Assign a ticket: its status becomes ASSIGNED and its team that of the user's "
        "role; or with `userId: null` unassign it: its status becomes NEW. Staff only.",
        payloads.AssignTicketPayload,
    )
    async def assign_ticket(self, context: Context, given: inputs.AssignTicketInput) -> Made:
        """Assign, or unassign with null; the input's type cannot demand one of the two."""
        key = known_id(given.id)
        if given.user_id is strawberry.UNSET:
            raise Invalid({"user_id": [Problem("user_or_null")]})
        user = None if given.user_id is None else known_id(given.user_id)
        merged = await tickets.assign_ticket(
            context, key, user, expected_version(given), on_conflict=_merges(given)
        )
        return {"ticket": key, **merge_of(merged)}

    @mutation("Comment on a ticket, or add an internal note.", payloads.AddCommentPayload)
    async def add_comment(self, context: Context, given: inputs.AddCommentInput) -> Made:
        values, version = values_of(given, without=KEYS), expected_version(given)
        ticket, comment = await on_ticket(
            given.ticket_id,
            lambda key: comments.add_comment(context, key, values, expected_version=version),
        )
        return {"comment": comment, "ticket": ticket}

    @mutation("Change a comment; customers may change their own.", payloads.UpdateCommentPayload)
    async def update_comment(self, context: Context, given: inputs.UpdateCommentInput) -> Made:
        key = known_id(given.id)
        changes = values_of(given, without=KEYS)
        merged = await comments.update_comment(
            context, key, changes, expected_version(given), on_conflict=_merges(given)
        )
        return {"comment": key, **merge_of(merged)}

    @mutation("Delete a comment; customers may delete their own.", payloads.DeleteCommentPayload)
    async def delete_comment(self, context: Context, given: inputs.DeleteCommentInput) -> Made:
        key = known_id(given.id)
        await comments.delete_comment(context, key, expected_version=expected_version(given))
        return {"deleted_comment_id": key}
