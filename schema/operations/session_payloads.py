"""What the mutations of sessions answer: tokens, and the errors."""

from uuid import UUID

import strawberry

from schema.errors.formatting import UserError
from schema.execution.context import Info
from schema.execution.engine import Json
from schema.operations.mutation_field import project_one
from schema.types.descriptions import described, errors, field
from schema.types.objects import User


@strawberry.type(description="The answer of `login`: tokens, or errors.")
class LoginPayload:
    """The user is read as they see themselves, who have just logged in."""

    access_token: str | None = field("The token to send as `Authorization: Bearer …`.")
    refresh_token: str | None = field("The token that gets new access tokens.")
    errors: list[UserError] = errors("Why nobody was logged in; empty where somebody was.")
    user_id: strawberry.Private[UUID | None] = None

    @described("The user who is logged in now; null if nobody is.", User | None)
    async def user(self, info: Info) -> Json | None:
        return await project_one(info, self.user_id)


@strawberry.type(description="The answer of `refreshToken`: a new token, or errors.")
class RefreshTokenPayload:
    access_token: str | None = field(
        "A new access token, good for an hour; null if there are errors."
    )
    refresh_token: str | None = field(
        "The refresh token to keep instead of the one that was sent; null if there are errors."
    )
    errors: list[UserError] = errors()


@strawberry.type(description="The answer of `logout`: that the token is ended, or errors.")
class LogoutPayload:
    ok: bool = field("Whether the refresh token is of no more use; true also if it never was.")
    errors: list[UserError] = errors()


@strawberry.type(description="The answer of `logoutEverywhere`: that all sessions are ended.")
class LogoutEverywherePayload:
    ok: bool = field("Whether no token issued up to now is of any more use.")
    errors: list[UserError] = errors()


@strawberry.type(
    description="The answer of `changePassword`: the tokens of a new session, or errors."
)
class ChangePasswordPayload:
    access_token: str | None = field("The token to send from now on; null if there are errors.")
    refresh_token: str | None = field(
        "The token that gets new access tokens; null if there are errors."
    )
    errors: list[UserError] = errors()
