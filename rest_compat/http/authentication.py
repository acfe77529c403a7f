"""Who is asking: the ``Authorization`` header, and the answers where it is no good."""

from starlette.requests import Request

from resolvers.auth import viewers
from resolvers.errors import Deactivated, SessionEnded, Unauthenticated
from resolvers.services import Services
from resolvers.viewer import Viewer
from rest_compat.http.responses import CHALLENGE, RestError

NOT_VALID = {"detail": "Given token not valid for any token type", "code": "token_not_valid"}


async def viewer_of(services: Services, request: Request) -> Viewer:
    """Return the viewer of a request's bearer token, or refuse as recorded for bad headers."""
    parts = request.headers.get("authorization", "").split()
    # Another scheme, and "bearer" too, is as if there were no header.
    if not parts or parts[0] != "Bearer":
        raise _refused({"detail": "Authentication credentials were not provided."})
    if len(parts) != 2:
        detail = "Authorization header must contain two space-delimited values"
        raise _refused({"detail": detail, "code": "bad_authorization_header"})
    try:
        return await viewers.viewer_of(services, parts[1])
    except Deactivated:
        raise _refused({"detail": "User is inactive", "code": "user_inactive"}) from None
    except SessionEnded:
        raise _refused(_invalid("Token is invalid or expired")) from None
    except Unauthenticated:
        raise _refused(_why(services, parts[1])) from None


def _is_token(services: Services, token: str, kind: str) -> bool:
    """Whether this is a valid token of a kind, of any user."""
    try:
        services.tokens.check(token, kind)
    except Unauthenticated:
        return False
    return True


def _why(services: Services, token: str) -> dict[str, object]:
    wrong_type = _is_token(services, token, "refresh")
    return _invalid("Token has wrong type" if wrong_type else "Token is invalid or expired")


def _invalid(message: str) -> dict[str, object]:
    about = {"token_class": "AccessToken", "token_type": "access", "message": message}
    return {**NOT_VALID, "messages": [about]}


def _refused(payload: dict[str, object]) -> RestError:
    return RestError(401, payload, CHALLENGE)
