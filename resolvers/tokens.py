"""Access and refresh tokens: HS256 JSON web tokens with the old system's claims."""

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt

from resolvers.errors import TokenExpired, Unauthenticated

ALGORITHM = "HS256"
MOST_TOKENS = 10_000
CLAIMS = ["token_type", "user_id", "exp", "iat", "jti"]


@dataclass(frozen=True)
class Claims:
    """What a valid token says."""

    user_id: UUID
    jti: str
    issued_at: datetime
    expires_at: datetime


class Tokens:
    """Issues and checks tokens under one key, by the given clock."""

    def __init__(
        self, key: str, *, access_minutes: int, refresh_days: int, clock: Callable[[], datetime]
    ) -> None:
        self._key = key
        self._lifetimes = {
            "access": timedelta(minutes=access_minutes),
            "refresh": timedelta(days=refresh_days),
        }
        self._clock = clock
        # Verifying a signature costs as much as a short read.
        self._known: OrderedDict[str, tuple[object, Claims]] = OrderedDict()

    def access(self, user_id: UUID) -> str:
        """Return a new access token."""
        return self._issue("access", user_id)[0]

    def refresh(self, user_id: UUID) -> tuple[str, Claims]:
        """Return a new refresh token and its claims, which are to be stored."""
        return self._issue("refresh", user_id)

    def check(self, token: str, token_type: str) -> Claims:
        """Return a token's claims; raises ``Unauthenticated`` unless all of it is right."""
        known = self._known.get(token)
        if known is None:
            known = self._known[token] = self._read(token)
            if len(self._known) > MOST_TOKENS:
                self._known.popitem(last=False)
        kind, claims = known
        if kind != token_type:
            raise Unauthenticated
        if claims.expires_at <= self._clock():
            raise TokenExpired
        return claims

    def _read(self, token: str) -> tuple[object, Claims]:
        """Verify a token's signature and form, which stay as they are."""
        try:
            # Times are checked by the caller, by our clock instead of the machine's.
            payload = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                options={"require": CLAIMS, "verify_exp": False, "verify_iat": False},
            )
            return payload["token_type"], _claims(payload)
        except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError, OSError):
            raise Unauthenticated from None

    def _issue(self, token_type: str, user_id: UUID) -> tuple[str, Claims]:
        now = self._clock().replace(microsecond=0)
        payload: dict[str, Any] = {
            "token_type": token_type,
            "exp": int((now + self._lifetimes[token_type]).timestamp()),
            "iat": int(now.timestamp()),
            "jti": secrets.token_hex(16),
            "user_id": str(user_id),
        }
        return jwt.encode(payload, self._key, algorithm=ALGORITHM), _claims(payload)


def _claims(payload: dict[str, Any]) -> Claims:
    jti = payload["jti"]
    # It is looked up in the database, which cannot hold every text.
    if not isinstance(jti, str) or len(jti) > 64 or not (jti.isascii() and jti.isprintable()):
        raise ValueError("jti")
    return Claims(
        user_id=UUID(str(payload["user_id"])),
        jti=jti,
        issued_at=datetime.fromtimestamp(payload["iat"], UTC),
        expires_at=datetime.fromtimestamp(payload["exp"], UTC),
    )
