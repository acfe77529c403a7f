"""Tokens: ours verify elsewhere, the old system's verify here, and nothing else does."""

import base64
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest

from resolvers.auth.tokens import Tokens
from resolvers.errors import Unauthenticated
from tests.support.clock import NOON, Clock
from tests.support.rows import key
from tests.support.settings import KEY

USER = key("keith")
OWN = ("tokens_not_before",)
CLAIMS: dict[str, Any] = {
    "token_type": "access",
    "user_id": str(USER),
    "exp": int(NOON.timestamp()) + 60,
    "iat": int(NOON.timestamp()),
    "jti": "0123456789abcdef0123456789abcdef",
}


@pytest.fixture
def tokens(clock: Clock) -> Tokens:
    return Tokens(KEY, access_minutes=60, refresh_days=7, clock=clock)


def made(secret: str = KEY, algorithm: str = "HS256", **claims: Any) -> str:
    """Return a token with the right claims but for those given."""
    return jwt.encode(CLAIMS | claims, secret, algorithm=algorithm)


def without(name: str) -> str:
    claims = {other: value for other, value in CLAIMS.items() if other != name}
    return jwt.encode(claims, KEY, algorithm="HS256")


def by_hand(header: bytes, payload: bytes, signature: bytes = b"") -> str:
    parts = (header, payload, signature)
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


def raw(payload: str) -> str:
    """Return a token whose payload is signed as it is written."""
    return jwt.api_jws.encode(payload.encode(), KEY, algorithm="HS256")


def test_a_token_has_the_old_systems_claims_and_one_of_our_own(tokens: Tokens) -> None:
    for token, kind, lifetime in (
        (tokens.access(USER), "access", timedelta(minutes=60)),
        (tokens.refresh(USER)[0], "refresh", timedelta(days=7)),
    ):
        assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
        claims = jwt.decode(token, KEY, algorithms=["HS256"], options={"verify_exp": False})
        assert sorted(claims) == ["exp", "iat", "jti", "token_type", *OWN, "user_id"]
        assert claims["tokens_not_before"] == 0
        assert (claims["token_type"], claims["user_id"]) == (kind, str(USER))
        assert claims["iat"] == NOON.timestamp()
        assert claims["exp"] - claims["iat"] == lifetime.total_seconds()


def test_no_two_tokens_are_the_same(tokens: Tokens) -> None:
    assert len({tokens.check(tokens.access(USER), "access").jti for _ in range(50)}) == 50


def test_the_claims_of_a_refresh_token_are_those_inside_of_it(tokens: Tokens, clock: Clock) -> None:
    clock.move(microseconds=1)
    token, claims = tokens.refresh(USER)
    assert tokens.check(token, "refresh") == claims


def test_a_token_of_the_old_system_is_accepted(tokens: Tokens) -> None:
    now = int(NOON.timestamp())
    claims = {"token_type": "access", "exp": now + 3600, "iat": now, "jti": uuid4().hex}
    token = jwt.encode({**claims, "user_id": str(USER)}, KEY, algorithm="HS256")

    assert tokens.check(token, "access").user_id == USER


def test_a_token_lives_until_its_time_is_over(tokens: Tokens, clock: Clock) -> None:
    token = tokens.access(USER)
    clock.move(minutes=60, microseconds=-1)
    tokens.check(token, "access")
    clock.move(microseconds=1)
    with pytest.raises(Unauthenticated):
        tokens.check(token, "access")


def test_each_kind_is_good_for_its_own_purpose(tokens: Tokens) -> None:
    for token, wrong in ((tokens.access(USER), "refresh"), (tokens.refresh(USER)[0], "access")):
        with pytest.raises(Unauthenticated):
            tokens.check(token, wrong)


def forged() -> dict[str, str]:
    """Return tokens that are no good, by what is wrong with them."""
    good = made()
    header, payload, signature = good.split(".")
    json_payload = json.dumps(CLAIMS).encode()
    deep = b"[" * 20_000 + b"]" * 20_000
    return {
        "empty": "",
        "no token": "abc",
        "two parts": f"{header}.{payload}",
        "four parts": f"{good}.x",
        "not base64": f"{header}.%%%.{signature}",
        "not ascii": good + "é",
        "null character": "\0",
        "surrogate": "\ud800.\ud800.\ud800",
        "another key": made("another key that is also long enough"),
        "altered payload": f"{header}.{made(user_id=str(key('admin'))).split('.')[1]}.{signature}",
        "no signature": f"{header}.{payload}.",
        "none": by_hand(b'{"alg":"none","typ":"JWT"}', json_payload),
        "None": by_hand(b'{"alg":"None","typ":"JWT"}', json_payload),
        "HS512": made(KEY * 2, "HS512"),
        "HS512, our key": jwt.encode(CLAIMS, KEY.ljust(64), algorithm="HS512"),
        "RS256": by_hand(b'{"alg":"RS256","typ":"JWT"}', json_payload, b"x" * 256),
        "alg is no text": by_hand(b'{"alg":["HS256"],"typ":"JWT"}', json_payload),
        "no alg": by_hand(b"{}", json_payload),
        "header is a list": by_hand(b"[]", json_payload),
        "header is deep": by_hand(deep, json_payload),
        "payload is deep": raw(deep.decode()),
        "payload is a list": raw("[]"),
        "payload is no JSON": raw("{"),
        **{f"without {name}": without(name) for name in CLAIMS},
        "type: list": made(token_type=["access"]),
        "type: sliding": made(token_type="sliding"),
        "user: number": made(user_id=7),
        "user: text": made(user_id="keith"),
        "user: object": made(user_id={"id": str(USER)}),
        "user: surrogate": raw(json.dumps(CLAIMS | {"user_id": "\ud800"})),
        "exp: text": made(exp="tomorrow"),
        "exp: number in text": made(exp=str(CLAIMS["exp"])),
        "exp: huge": made(exp=10**30),
        "exp: large": made(exp=10**17),
        "exp: negative": made(exp=-(10**17)),
        "exp: NaN": raw(json.dumps(CLAIMS | {"exp": float("nan")})),
        "exp: infinite": raw(json.dumps(CLAIMS | {"exp": float("inf")})),
        "exp: true": made(exp=True),
        "exp: object": made(exp={}),
        "exp: now": made(exp=int(NOON.timestamp())),
        "iat: text": made(iat="yesterday"),
        "iat: NaN": raw(json.dumps(CLAIMS | {"iat": float("nan")})),
        "jti: number": made(jti=5),
        "jti: too long": made(jti="j" * 65),
        "jti: null character": made(jti="a\0b"),
        "jti: surrogate": raw(json.dumps(CLAIMS | {"jti": "\ud800"})),
    }


FORGED = forged()


@pytest.mark.parametrize("wrong", FORGED)
def test_anything_else_is_no_token(tokens: Tokens, wrong: str) -> None:
    tokens.check(made(), "access")
    with pytest.raises(Unauthenticated):
        tokens.check(FORGED[wrong], "access")


def test_a_public_key_as_the_secret_fools_nobody(tokens: Tokens) -> None:
    """Tokens are checked by one algorithm: a header cannot choose how."""
    signed = by_hand(b'{"alg":"RS256","typ":"JWT"}', json.dumps(CLAIMS).encode())
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    body = signed.rsplit(".", 1)[0]
    signature = base64.urlsafe_b64encode(mac.sign(body.encode(), KEY.encode())).rstrip(b"=")
    with pytest.raises(Unauthenticated):
        tokens.check(f"{body}.{signature.decode()}", "access")
