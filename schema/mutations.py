"""The root of all writes. Each field is one call into the resolvers, and then one statement."""

from typing import Annotated
from uuid import UUID

import strawberry

from resolvers import auth, comments, tickets
from resolvers.desk import Context
from resolvers.errors import DeskError, Unauthenticated
from schema import inputs, payloads
from schema.arguments import known_id
from schema.attachment_mutations import AttachmentMutation
from schema.errors import RefusedToken, UserError, failure_of
from schema.inputs import values_of
from schema.people_mutations import PeopleMutation
from schema.performing import KEYS, Info, Made, given_input, on_ticket, perform
from schema.projecting import project
from schema.types import User
from schema.webhook_mutations import WebhookMutation
from schema.words import answered, said


def _version(given: inputs.UpdateTicketInput | inputs.UpdateCommentInput) -> int | None:
    return given.expected_version if given.expected_version is not strawberry.UNSET else None


@strawberry.type(description="The answer of `login`: tokens, or errors.")
class LoginPayload:
    """Tokens, or errors."""

    access_token: str | None = said("The token to send as `Authorization: Bearer …`.")
    refresh_token: str | None = said("The token that gets new access tokens.")
    errors: list[UserError] = said("Why nobody was logged in; empty where somebody was.")
    user_id: strawberry.Private[UUID | None] = None

    @answered("The user who is logged in now; null if nobody is.")
    async def user(self, info: Info) -> User | None:
        """Project what was asked for, in the eyes of the user who has just logged in."""
        if self.user_id is None:
            return None
        return await project(info._raw_info, "one", values={"key": self.user_id})  # type: ignore[return-value]


@strawberry.type(
    description="Everything that can be changed; each answers with what it changed, or errors."
)
class Mutation(AttachmentMutation, PeopleMutation, WebhookMutation):
    """All of it but ``login``, ``refreshToken`` and ``logout`` needs a login."""

    @answered("Exchange a username and a password for an access token and a refresh token.")
    async def login(
        self, info: Info, given: Annotated[inputs.LoginInput, given_input()]
    ) -> LoginPayload:
        """Log in."""
        context: Context = info.context.desk_context
        if (rates := context.desk.rates) is not None:
            await rates.count_login(context.address, given.username)
        try:
            done = await auth.login(context.desk, given.username, given.password)
            info.context.become(await auth.viewer_of(context.desk, done.access))
        except DeskError as error:
            return LoginPayload(
                access_token=None, refresh_token=None, errors=failure_of(error).errors
            )
        return LoginPayload(
            access_token=done.access, refresh_token=done.refresh, errors=[], user_id=done.user_id
        )

    @answered("Exchange a refresh token for a new access token.")
    async def refresh_token(
        self, info: Info, given: Annotated[inputs.RefreshTokenInput, given_input()]
    ) -> payloads.RefreshTokenPayload:
        """Stay logged in; a token that is no good is an UNAUTHENTICATED error."""
        try:
            access = await auth.refresh(info.context.desk_context.desk, given.refresh_token)
        except Unauthenticated:
            raise RefusedToken from None
        return payloads.RefreshTokenPayload(access_token=access, errors=[])

    @answered("End a refresh token, so that it gets no more access tokens.")
    async def logout(
        self, info: Info, given: Annotated[inputs.LogoutInput, given_input()]
    ) -> payloads.LogoutPayload:
        """Log out."""
        await auth.logout(info.context.desk_context.desk, None, given.refresh_token)
        return payloads.LogoutPayload(ok=True, errors=[])

    @answered("Create a ticket; customers create them for their own company.")
    async def create_ticket(
        self, info: Info, given: Annotated[inputs.CreateTicketInput, given_input()]
    ) -> payloads.CreateTicketPayload:
        """Create."""

        async def deed(context: Context) -> Made:
            return {"ticket": await tickets.create_ticket(context, values_of(given))}

        return await perform(info, deed)  # type: ignore[no-any-return]

    @answered("Change some fields of a ticket; customers may change some of their own.")
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

    @answered("Delete a ticket with its comments and files. Staff only.")
    async def delete_ticket(
        self, info: Info, given: Annotated[inputs.DeleteTicketInput, given_input()]
    ) -> payloads.DeleteTicketPayload:
        """Delete."""

        async def deed(context: Context) -> Made:
            key = known_id(given.id)
            await tickets.delete_ticket(context, key)
            return {"deleted_ticket_id": key}

        return await perform(info, deed)  # type: ignore[no-any-return]

    @answered(
        "Assign a ticket: its status becomes ASSIGNED and its team that of the user's "
        "role; or unassign it: its status becomes NEW. Staff only."
    )
    async def assign_ticket(
        self, info: Info, given: Annotated[inputs.AssignTicketInput, given_input()]
    ) -> payloads.AssignTicketPayload:
        """Assign or unassign."""

        async def deed(context: Context) -> Made:
            key = known_id(given.id)
            user = None if given.user_id is None else known_id(given.user_id)
            await tickets.assign_ticket(context, key, user)
            return {"ticket": key}

        return await perform(info, deed)  # type: ignore[no-any-return]

    @answered("Comment on a ticket, or add an internal note.")
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

    @answered("Change a comment; customers may change their own.")
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

    @answered("Delete a comment; customers may delete their own.")
    async def delete_comment(
        self, info: Info, given: Annotated[inputs.DeleteCommentInput, given_input()]
    ) -> payloads.DeleteCommentPayload:
        """Delete."""

        async def deed(context: Context) -> Made:
            key = known_id(given.id)
            await comments.delete_comment(context, key)
            return {"deleted_comment_id": key}

        return await perform(info, deed)  # type: ignore[no-any-return]
