"""The inputs of the mutations that begin and end sessions."""

import strawberry

from schema.types.descriptions import field


@strawberry.input(description="Who logs in, with `login`.")
class LoginInput:
    username: str = field("The name that the user logs in with.")
    password: str = field("The password that belongs to it.")


@strawberry.input(description="The old and the new password, for `changePassword`.")
class ChangePasswordInput:
    old_password: str = field("The password as it is.")
    new_password: str = field(
        "The password as it is to be: at least 10 characters, and none that everybody uses."
    )


@strawberry.input(description="The token that `refreshToken` exchanges.")
class RefreshTokenInput:
    refresh_token: str = field("The refresh token of a login.")


@strawberry.input(description="The token that `logout` ends.")
class LogoutInput:
    refresh_token: str = field("The refresh token that is to end.")
