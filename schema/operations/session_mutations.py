"""Logging in, staying logged in, and ending sessions."""

from typing import Annotated
from uuid import UUID

import strawberry

from resolvers.auth import login, sessions
from resolvers.errors import ServiceError, Unauthenticated
from resolvers.services import Context
from schema.errors.formatting import RefusedToken, UserError, failure_of
from schema.execution.strawberry_internals import core_info
from schema.inputs import sessions as inputs
from schema.operations import payloads
from schema.operations.mutation_field import Info, given_input
from schema.projection.resolve import project
from schema.types.descriptions import field, resolver
from schema.types.objects import User


@strawberry.type(description="The answer of `login`: tokens, or errors.")
class LoginPayload:
    """Tokens, or errors."""

    access_token: str | None = field("The token to send as `Authorization: Bearer …`.")
    refresh_token: str | None = field("The token that gets new access tokens.")
    errors: list[UserError] = field("Why nobody was logged in; empty where somebody was.")
    user_id: strawberry.Private[UUID | None] = None

    @resolver("The user who is logged in now; null if nobody is.")
    async def user(self, info: Info) -> User | None:
        """Project what was asked for, in the eyes of the user who has just logged in."""
        if self.user_id is None:
            return None
        return await project(core_info(info), "one", values={"key": self.user_id})  # type: ignore[return-value]


@strawberry.type
class SessionMutation:
    """What users do about their own sessions; a part of ``Mutation``."""

    @resolver("Exchange a username and a password for an access token and a refresh token.")
    async def login(
        self, info: Info, given: Annotated[inputs.LoginInput, given_input()]
    ) -> LoginPayload:
        """Log in."""
        context: Context = info.context.resolver_context
        try:
            done = await login.log_in(
                context.services, given.username, given.password, address=context.address
            )
            await info.context.use(done.access)
        except ServiceError as error:
            return LoginPayload(
                access_token=None, refresh_token=None, errors=failure_of(error).errors
            )
        return LoginPayload(
            access_token=done.access, refresh_token=done.refresh, errors=[], user_id=done.user_id
        )

    @resolver(
        "Exchange a refresh token for a new one and a new access token. A token that was exchanged "
        "before ends the login that it comes from, unless that was less than ten seconds ago."
    )
    async def refresh_token(
        self, info: Info, given: Annotated[inputs.RefreshTokenInput, given_input()]
    ) -> payloads.RefreshTokenPayload:
        """Stay logged in; a token that is no good is an UNAUTHENTICATED error."""
        try:
            done = await sessions.rotate(
                info.context.resolver_context.services, given.refresh_token
            )
        except Unauthenticated:
            raise RefusedToken from None
        return payloads.RefreshTokenPayload(
            access_token=done.access, refresh_token=done.refresh, errors=[]
        )

    @resolver("End a refresh token and those exchanged for it: they get no more access tokens.")
    async def logout(
        self, info: Info, given: Annotated[inputs.LogoutInput, given_input()]
    ) -> payloads.LogoutPayload:
        """Log out."""
        await sessions.logout(info.context.resolver_context.services, None, given.refresh_token)
        return payloads.LogoutPayload(ok=True, errors=[])

    @resolver("End all sessions of the viewer, with every token issued up to now.")
    async def logout_everywhere(self, info: Info) -> payloads.LogoutEverywherePayload:
        """Log out of everything."""
        await login.logout_everywhere(info.context.resolver_context)
        return payloads.LogoutEverywherePayload(ok=True, errors=[])

    @resolver(
        "Change the viewer's own password. All their sessions end; the tokens of the answer begin "
        "a new one."
    )
    async def change_password(
        self, info: Info, given: Annotated[inputs.ChangePasswordInput, given_input()]
    ) -> payloads.ChangePasswordPayload:
        """Change one's own password."""
        try:
            done = await login.change_password(
                info.context.resolver_context, given.old_password, given.new_password
            )
            await info.context.use(done.access)
        except ServiceError as error:
            return payloads.ChangePasswordPayload(
                access_token=None, refresh_token=None, errors=failure_of(error).errors
            )
        return payloads.ChangePasswordPayload(
            access_token=done.access, refresh_token=done.refresh, errors=[]
        )
