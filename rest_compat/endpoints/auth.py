"""Logging in, staying logged in, and the older names of the same calls."""

from dataclasses import replace

import orjson
from starlette.requests import Request
from starlette.responses import Response

from resolvers.auth import sessions, viewers
from resolvers.auth.login import Login
from resolvers.auth.login import log_in as log_in
from resolvers.commands import validation
from resolvers.context import Context
from resolvers.errors import BadCredentials, Unauthenticated
from rest_compat.http.authentication import viewer_of
from rest_compat.http.bodies import read_body
from rest_compat.http.responses import CHALLENGE, RestError, answer
from rest_compat.openapi.operations import operation
from rest_compat.serializers import request_fields, shapes
from rest_compat.serializers.reads import row_answer, row_text
from rest_compat.serializers.request_fields import values_of

CREDENTIALS: validation.FieldRules = {
    "username": validation.FieldRule(str, required=True),
    "password": validation.FieldRule(str, required=True),
}
REFRESH: request_fields.Form = {"refresh": request_fields.Input(request_fields.text, required=True)}
REFRESH_RULES: validation.FieldRules = {"refresh": validation.FieldRule(str, required=True)}
# Logging out is also for clients that have no token left to revoke.
LOGOUT: request_fields.Form = {"refresh": request_fields.Input(request_fields.text)}
LOGOUT_RULES: validation.FieldRules = {"refresh": validation.FieldRule(str, blank=True)}
VERIFY: request_fields.Form = {"token": request_fields.Input(request_fields.text, required=True)}
VERIFY_RULES: validation.FieldRules = {"token": validation.FieldRule(str, required=True)}
UNAUTHENTICATED = frozenset({401})
TOKEN_NOT_VALID = {"detail": "Token is invalid or expired", "code": "token_not_valid"}


@operation(
    {"access": str, "refresh": str, "user": shapes.ONE_USER},
    about="Login",
    form=request_fields.LOGIN,
    rules=CREDENTIALS,
)
async def login(request: Request, context: Context) -> Response:
    """Log in; answers with both tokens and the user (recorded: "login")."""
    try:
        done = await _login(request, context)
    except BadCredentials:
        raise RestError(400, {"non_field_errors": ["Invalid credentials"]}) from None
    viewer = await viewers.viewer_of(context.services, done.access)
    themselves = replace(context, viewer=viewer)
    user = orjson.Fragment(await row_text(themselves, shapes.ONE_USER, done.user_id))
    return answer({"access": done.access, "refresh": done.refresh, "user": user})


@operation(
    {"access": str},
    about="RefreshToken",
    form=REFRESH,
    rules=REFRESH_RULES,
    errors={400: "Refresh token is required", 401: "Invalid refresh token"},
)
async def refresh(request: Request, context: Context) -> Response:
    """Give a new access token (recorded: "refresh").

    The refresh token stays good, for clients that keep the one of their login: GraphQL's is
    exchanged each time.
    """
    token = (await read_body(request)).data.get("refresh")
    if not token:
        raise RestError(400, {"error": "Refresh token is required"})
    try:
        return answer({"access": await sessions.refresh(context.services, str(token))})
    except Unauthenticated:
        raise RestError(401, {"error": "Invalid refresh token"}) from None


@operation({"message": str}, about="Logout", form=LOGOUT, rules=LOGOUT_RULES)
async def logout(request: Request, context: Context) -> Response:
    """Revoke a refresh token; says the same where there is nothing to revoke (recorded: "logout").

    Works without a valid access token, too: it may just have expired.
    """
    try:
        viewer = await viewer_of(context.services, request)
    except RestError:
        viewer = None
    token = (await read_body(request)).data.get("refresh")
    if isinstance(token, str):
        await sessions.logout(context.services, viewer, token)
    return answer({"message": "Logged out successfully"})


@operation(shapes.ONE_USER)
async def me(_request: Request, context: Context) -> Response:
    """Show who is asking (recorded: "me")."""
    return await row_answer(context, shapes.ONE_USER, context.require_viewer().id)


@operation(
    {"access": str, "refresh": str},
    about="Login",
    form=request_fields.LOGIN,
    rules=CREDENTIALS,
    refusals=UNAUTHENTICATED,
)
async def jwt_token(request: Request, context: Context) -> Response:
    """Log in under the older name, with that name's answers."""
    try:
        done = await _login(request, context)
    except BadCredentials:
        detail = "No active account found with the given credentials"
        raise RestError(401, {"detail": detail}, CHALLENGE) from None
    return answer({"access": done.access, "refresh": done.refresh})


@operation(
    {"access": str},
    about="RefreshToken",
    form=REFRESH,
    rules=REFRESH_RULES,
    refusals=UNAUTHENTICATED,
)
async def jwt_refresh(request: Request, context: Context) -> Response:
    """Give a new access token under the older name, with that name's answers."""
    token = await _required_token(request, REFRESH, REFRESH_RULES)
    try:
        return answer({"access": await sessions.refresh(context.services, token)})
    except Unauthenticated:
        raise RestError(401, TOKEN_NOT_VALID, CHALLENGE) from None


@operation({}, about="Token", form=VERIFY, rules=VERIFY_RULES, refusals=UNAUTHENTICATED)
async def jwt_verify(request: Request, context: Context) -> Response:
    """Tell whether a token of either kind is valid."""
    token = await _required_token(request, VERIFY, VERIFY_RULES)
    if not await sessions.is_valid(context.services, token):
        raise RestError(401, TOKEN_NOT_VALID, CHALLENGE)
    return answer({})


async def _login(request: Request, context: Context) -> Login:
    body = await read_body(request)
    cleaned, problems = validation.clean(
        CREDENTIALS, values_of(request_fields.LOGIN, body, partial=False), partial=False
    )
    validation.raise_problems(problems)
    # As it was sent: the blanks around a password may belong to it.
    username, sent = cleaned["username"], str(body.data["password"])
    return await log_in(context.services, username, sent, address=context.address)


async def _required_token(
    request: Request, form: request_fields.Form, rules: validation.FieldRules
) -> str:
    body = await read_body(request)
    cleaned, problems = validation.clean(rules, values_of(form, body, partial=False), partial=False)
    validation.raise_problems(problems)
    (token,) = cleaned.values()
    return str(token)
