"""Logging in, staying logged in, and ending sessions."""

import strawberry

from resolvers.auth import login, sessions
from resolvers.context import Context
from resolvers.errors import Unauthenticated
from schema.errors.formatting import RefusedToken
from schema.execution.context import Info
from schema.inputs import sessions as inputs
from schema.operations import session_payloads as payloads
from schema.operations.mutation_field import LoggedIn, mutation
from schema.types.descriptions import resolver


@strawberry.type
class SessionMutation:
    """What users do about their own sessions. These answer with tokens, not with rows."""

    @mutation(
        "Exchange a username and a password for an access token and a refresh token.",
        payloads.LoginPayload,
    )
    async def login(
        self, context: Context, given: inputs.LoginInput
    ) -> LoggedIn[payloads.LoginPayload]:
        """Log in; the rest of the operation runs as this user."""
        done = await login.log_in(
            context.services, given.username, given.password, address=context.address
        )
        payload = payloads.LoginPayload(
            access_token=done.access, refresh_token=done.refresh, user_id=done.user_id
        )
        return LoggedIn(payload, done.access)

    @mutation(
        "Exchange a refresh token for a new one and a new access token. A token that was exchanged "
        "before ends the login that it comes from, unless that was less than ten seconds ago.",
        payloads.RefreshTokenPayload,
    )
    async def refresh_token(
        self, context: Context, given: inputs.RefreshTokenInput
    ) -> payloads.RefreshTokenPayload:
        """Stay logged in; a token that is not valid is an UNAUTHENTICATED error."""
        try:
            done = await sessions.rotate(context.services, given.refresh_token)
        except Unauthenticated:
            raise RefusedToken from None
        return payloads.RefreshTokenPayload(access_token=done.access, refresh_token=done.refresh)

    @mutation(
        "End a refresh token and those exchanged for it: they get no more access tokens.",
        payloads.LogoutPayload,
    )
    async def logout(self, context: Context, given: inputs.LogoutInput) -> payloads.LogoutPayload:
        await sessions.logout(context.services, None, given.refresh_token)
        return payloads.LogoutPayload(ok=True)

    @resolver("End all sessions of the viewer, with every token issued up to now.")
    async def logout_everywhere(self, info: Info) -> payloads.LogoutEverywherePayload:
        """Log out of everything; the only mutation without an input."""
        await login.logout_everywhere(info.context.resolver_context)
        return payloads.LogoutEverywherePayload(ok=True)

    @mutation(
        "Change the viewer's own password. All their sessions end; the tokens of the answer begin "
        "a new one.",
        payloads.ChangePasswordPayload,
    )
    async def change_password(
        self, context: Context, given: inputs.ChangePasswordInput
    ) -> LoggedIn[payloads.ChangePasswordPayload]:
        """Change one's own password; the rest of the operation runs in the new session."""
        done = await login.change_password(context, given.old_password, given.new_password)
        payload = payloads.ChangePasswordPayload(
            access_token=done.access, refresh_token=done.refresh
        )
        return LoggedIn(payload, done.access)
