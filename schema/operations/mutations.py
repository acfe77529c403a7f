"""The root of all writes. Each field is one call into the resolvers, and then one statement."""

from typing import Annotated

import strawberry

from resolvers.commands import comments, tickets
from resolvers.errors import Invalid, Problem
from resolvers.services import Context
from schema.inputs import tickets as inputs
from schema.inputs.tickets import values_of
from schema.operations import payloads
from schema.operations.attachment_mutations import AttachmentMutation
from schema.operations.mutation_field import KEYS, Info, Made, given_input, on_ticket, perform
from schema.operations.people_mutations import PeopleMutation
from schema.operations.session_mutations import SessionMutation
from schema.operations.webhook_mutations import WebhookMutation
from schema.projection.arguments import known_id
from schema.types.descriptions import resolver


def _version(
    given: inputs.UpdateTicketInput | inputs.AssignTicketInput | inputs.UpdateCommentInput,
) -> int | None:
    return given.expected_version if given.expected_version is not strawberry.UNSET else None


@strawberry.type(
    description="Everything that can be changed; each answers with what it changed, or errors."
)
class Mutation(SessionMutation, AttachmentMutation, PeopleMutation, WebhookMutation):
    """All of it but ``login``, ``refreshToken`` and ``logout`` needs a login."""

    @resolver("Create a ticket; customers create them for their own company.")
    async def create_ticket(
        self, info: Info, given: Annotated[inputs.CreateTicketInput, given_input()]
    ) -> payloads.CreateTicketPayload:
        """Create."""

        async def deed(context: Context) -> Made:
            return {"ticket": await tickets.create_ticket(context, values_of(given))}

        return await perform(info, deed)  # type: ignore[no-any-return]

    @resolver("Change some fields of a ticket; customers may change some of their own.")
    async def update_ticket(
        self, info: Info, given: Annotated[inputs.UpdateTicketInput, given_input()]
    ) -> payloads.UpdateTicketPayload:
        """Change."""

        async def deed(context: Context) -> Made:
            key = known_id(given.id)
            changes = values_of(given, without=KEYS)
            await tickets.update_ticket(context, key, changes, _version(given))
            return {"ticket": key}

        return await perform(info, deed)  # type: ignore[no-any-return]

    @resolver("Delete a ticket with its comments and files. Staff only.")
    async def delete_ticket(
        self, info: Info, given: Annotated[inputs.DeleteTicketInput, given_input()]
    ) -> payloads.DeleteTicketPayload:
        """Delete."""

        async def deed(context: Context) -> Made:
            key = known_id(given.id)
            await tickets.delete_ticket(context, key)
            return {"deleted_ticket_id": key}

        return await perform(info, deed)  # type: ignore[no-any-return]

    @resolver(
        "Assign a ticket: its status becomes ASSIGNED and its team that of the user's "
        "role; or with `userId: null` unassign it: its status becomes NEW. Staff only."
    )
    async def assign_ticket(
        self, info: Info, given: Annotated[inputs.AssignTicketInput, given_input()]
    ) -> payloads.AssignTicketPayload:
        """Assign or unassign."""

        async def deed(context: Context) -> Made:
            key = known_id(given.id)
            if given.user_id is strawberry.UNSET:
                raise Invalid({"user_id": [Problem("user_or_null")]})
            user = None if given.user_id is None else known_id(given.user_id)
            await tickets.assign_ticket(context, key, user, _version(given))
            return {"ticket": key}

        return await perform(info, deed)  # type: ignore[no-any-return]

    @resolver("Comment on a ticket, or add an internal note.")
    async def add_comment(
        self, info: Info, given: Annotated[inputs.AddCommentInput, given_input()]
    ) -> payloads.AddCommentPayload:
        """Comment."""

        async def deed(context: Context) -> Made:
            values = values_of(given, without=frozenset({"ticket_id"}))
            ticket, comment = await on_ticket(
                given.ticket_id, lambda key: comments.add_comment(context, key, values)
            )
            return {"comment": comment, "ticket": ticket}

        return await perform(info, deed)  # type: ignore[no-any-return]

    @resolver("Change a comment; customers may change their own.")
    async def update_comment(
        self, info: Info, given: Annotated[inputs.UpdateCommentInput, given_input()]
    ) -> payloads.UpdateCommentPayload:
        """Change."""

        async def deed(context: Context) -> Made:
            key = known_id(given.id)
            changes = values_of(given, without=KEYS)
            await comments.update_comment(context, key, changes, _version(given))
            return {"comment": key}

        return await perform(info, deed)  # type: ignore[no-any-return]

    @resolver("Delete a comment; customers may delete their own.")
    async def delete_comment(
        self, info: Info, given: Annotated[inputs.DeleteCommentInput, given_input()]
    ) -> payloads.DeleteCommentPayload:
        """Delete."""

        async def deed(context: Context) -> Made:
            key = known_id(given.id)
            await comments.delete_comment(context, key)
            return {"deleted_comment_id": key}

        return await perform(info, deed)  # type: ignore[no-any-return]
