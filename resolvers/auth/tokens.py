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
from resolvers.signing import OldKey

ALGORITHM = "HS256"
MAX_TOKENS = 10_000
CLAIMS = ["token_type", "user_id", "exp", "iat", "jti"]
# A claim of our own, which other readers ignore: the user's ``tokens_not_before`` as it was when
# the token was issued, in microseconds since 1970, 0 for none.
NOT_BEFORE = "tokens_not_before"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Claims:
    """What a valid token says. ``not_before`` is None in tokens of the old system."""

    user_id: UUID
    jti: str
    issued_at: datetime
    expires_at: datetime
    not_before: int | None

    def is_current(self, not_before: datetime | None) -> bool:
        """Whether the token was issued since the user's ``tokens_not_before``.

        Our tokens carry the value of their time, which has to be that of now: times of issue in
        whole seconds, or of clocks that differ, would not tell before from after.
        """
        if self.not_before is not None:
            return self.not_before == microseconds(not_before)
        return not_before is None or self.issued_at > not_before


def microseconds(moment: datetime | None) -> int:
    """Return a time as microseconds since 1970, 0 for none."""
    return 0 if moment is None else (moment - _EPOCH) // timedelta(microseconds=1)


class Tokens:
    """Issues and checks tokens under one key, by the given clock.

    Tokens of the key before it are accepted, too, for as long as ``old`` is.
    """

    def __init__(
        self,
        key: str,
        *,
        access_minutes: int,
        refresh_days: int,
        clock: Callable[[], datetime],
        old: OldKey | None = None,
    ) -> None:
        self._key = key
        self._old = old
        self._lifetimes = {
            "access": timedelta(minutes=access_minutes),
            "refresh": timedelta(days=refresh_days),
        }
        self._clock = clock
        # Verifying a signature costs as much as a short read.
        self._known: OrderedDict[str, _Verified] = OrderedDict()

    def access(self, user_id: UUID, not_before: datetime | None = None) -> str:
        """Return a new access token; ``not_before`` is the user's ``tokens_not_before``."""
        return self._signed("access", self._claims("access", user_id, not_before))

    def refresh(self, user_id: UUID, not_before: datetime | None = None) -> tuple[str, Claims]:
        """Return a new refresh token and its claims, which are to be stored."""
        claims = self._claims("refresh", user_id, not_before)
        return self.refresh_again(claims), claims

    def refresh_again(self, claims: Claims) -> str:
        """Return the refresh token of these claims: the same text each time."""
        return self._signed("refresh", claims)

    def check(self, token: str, token_type: str) -> Claims:
        """Return a token's claims; raises ``Unauthenticated`` unless all of it is right."""
        known = self._known.get(token)
        if known is None:
            known = self._known[token] = self._read(token)
            if len(self._known) > MAX_TOKENS:
                self._known.popitem(last=False)
        claims = known.claims
        if known.kind != token_type or (known.by_old_key and not self._accepts_old):
            raise Unauthenticated
        if claims.expires_at <= self._clock():
            raise TokenExpired
        return claims

    @property
    def _accepts_old(self) -> bool:
        return self._old is not None and self._old.is_accepted

    def _read(self, token: str) -> "_Verified":
        """Verify a token's signature and form, which stay as they are."""
        try:
            return _verified(token, self._key, by_old_key=False)
        except jwt.InvalidSignatureError:
            if self._old is None or not self._old.is_accepted:
                raise Unauthenticated from None
        except _MALFORMED:
            raise Unauthenticated from None
        try:
            return _verified(token, self._old.secret, by_old_key=True)
        except _MALFORMED:
            raise Unauthenticated from None

    def _claims(self, token_type: str, user_id: UUID, not_before: datetime | None) -> Claims:
        now = self._clock().replace(microsecond=0)
        return Claims(
            user_id=user_id,
            jti=secrets.token_hex(16),
            issued_at=now,
            expires_at=now + self._lifetimes[token_type],
            not_before=microseconds(not_before),
        )

    def _signed(self, token_type: str, claims: Claims) -> str:
        payload: dict[str, object] = {
            "token_type": token_type,
            "exp": int(claims.expires_at.timestamp()),
            "iat": int(claims.issued_at.timestamp()),
            "jti": claims.jti,
            "user_id": str(claims.user_id),
            NOT_BEFORE: claims.not_before,
        }
        return jwt.encode(payload, self._key, algorithm=ALGORITHM)


@dataclass(frozen=True)
class _Verified:
    """A token with the signature of one of the keys."""

    kind: object
    claims: Claims
    by_old_key: bool


_MALFORMED = (jwt.InvalidTokenError, ValueError, TypeError, OverflowError, OSError)


def _verified(token: str, key: str, *, by_old_key: bool) -> _Verified:
    """Return what a token of a key says; raises one of ``_MALFORMED``."""
    # Times are checked by the caller, by our clock instead of the machine's.
    payload = jwt.decode(
        token,
        key,
        algorithms=[ALGORITHM],
        options={"require": CLAIMS, "verify_exp": False, "verify_iat": False},
    )
    return _Verified(payload["token_type"], _claims_of(payload), by_old_key)


def _claims_of(payload: dict[str, Any]) -> Claims:
    """Return the claims that the JSON of a token has."""
    jti = payload["jti"]
    # It is looked up in the database, which cannot hold every text.
    if not isinstance(jti, str) or len(jti) > 64 or not (jti.isascii() and jti.isprintable()):
        raise ValueError("jti")
    not_before = payload.get(NOT_BEFORE)
    if not isinstance(not_before, int | None):
        raise ValueError(NOT_BEFORE)
    return Claims(
        user_id=UUID(str(payload["user_id"])),
        jti=jti,
        issued_at=datetime.fromtimestamp(payload["iat"], UTC),
        expires_at=datetime.fromtimestamp(payload["exp"], UTC),
        not_before=not_before,
    )
