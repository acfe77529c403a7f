"""The inputs of the mutations that begin and end sessions."""

import strawberry

from schema.types.descriptions import said


@strawberry.input(description="Who logs in, with `login`.")
class LoginInput:
    """Credentials."""

    username: str = said("The name that the user logs in with.")
    password: str = said("The password that belongs to it.")


@strawberry.input(description="The old and the new password, for `changePassword`.")
class ChangePasswordInput:
    """Passwords."""

    old_password: str = said("The password as it is.")
    new_password: str = said(
        "The password as it is to be: at least 10 characters, and none that everybody uses."
    )


@strawberry.input(description="The token that `refreshToken` exchanges.")
class RefreshTokenInput:
    """A token."""

    refresh_token: str = said("The refresh token of a login.")


@strawberry.input(description="The token that `logout` ends.")
class LogoutInput:
    """A token."""

    refresh_token: str = said("The refresh token that is to end.")
