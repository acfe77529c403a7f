"""Logging in and out, under both names."""

import pytest

from tests.support.named_rows import PASSWORD
from tests.support.rest_client import RestClient
from tests.support.rows import key

pytestmark = pytest.mark.anyio

KEITH: dict[str, object] = {"username": "keith", "password": PASSWORD}
REQUIRED = ["This field is required."]
NOT_VALID = {"detail": "Token is invalid or expired", "code": "token_not_valid"}


async def test_login(api: RestClient) -> None:
    body = (await api.post("auth/login/", None, json=KEITH)).json()

    assert list(body) == ["access", "refresh", "user"]
    assert body["user"] == {
        "id": str(key("keith")),
        "username": "keith",
        "email": "keith@desk.example",
        "first_name": "Keith",
        "last_name": "Test",
        "role": "Tech",
        "phone": "+2",
        "department": "",
        "is_active": True,
        "date_joined": "2025-08-13T12:00:00Z",
    }
    headers = {"Authorization": f"Bearer {body['access']}"}
    me = await api.get("auth/me/", None, headers=headers)
    assert me.json() == body["user"]


async def test_login_by_form_and_with_a_stale_token(api: RestClient) -> None:
    headers = {"Authorization": "Bearer stale"}
    response = await api.post("auth/login/", None, data=KEITH, headers=headers)

    assert response.status_code == 200


WRONG: list[dict[str, object]] = [
    {"password": "wrong"},
    {"username": "nobody"},
    {"username": "gone"},
    {"password": 5},
    {"username": "KEITH"},
]


@pytest.mark.parametrize("path", ["auth/login/", "jwt/token/"])
async def test_blanks_around_a_password_are_tried_and_then_cut_off(
    api: RestClient, path: str
) -> None:
    padded = KEITH | {"password": f" {PASSWORD} "}
    assert (await api.post(path, None, json=padded)).status_code == 200


async def test_wrong_credentials(api: RestClient) -> None:
    for wrong in WRONG:
        response = await api.post("auth/login/", None, json=KEITH | wrong)
        assert response.status_code == 400
        assert response.json() == {"non_field_errors": ["Invalid credentials"]}

        response = await api.post("jwt/token/", None, json=KEITH | wrong)
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == 'Bearer realm="api"'
        detail = "No active account found with the given credentials"
        assert response.json() == {"detail": detail}


INCOMPLETE: list[tuple[dict[str, object], dict[str, list[str]]]] = [
    ({}, {"username": REQUIRED, "password": REQUIRED}),
    ({"username": "keith"}, {"password": REQUIRED}),
    (KEITH | {"password": None}, {"password": ["This field may not be null."]}),
    (KEITH | {"password": ""}, {"password": ["This field may not be blank."]}),
    (KEITH | {"username": ["keith"]}, {"username": ["Not a valid string."]}),
    (KEITH | {"username": "a\0"}, {"username": ["Null characters are not allowed."]}),
    (
        KEITH | {"password": "\udfff"},
        {"password": ["Surrogate characters are not allowed: U+DFFF."]},
    ),
]


async def test_incomplete_credentials(api: RestClient) -> None:
    for sent, errors in INCOMPLETE:
        for path in ("auth/login/", "jwt/token/"):
            response = await api.post(path, None, json=sent)
            assert (response.status_code, response.json()) == (400, errors)


async def test_refreshing_until_logout(api: RestClient) -> None:
    token = (await api.post("auth/login/", None, json=KEITH)).json()["refresh"]

    for path in ("auth/refresh/", "jwt/token/refresh/"):
        body = (await api.post(path, None, json={"refresh": token})).json()
        headers = {"Authorization": f"Bearer {body['access']}"}
        assert (await api.get("auth/me/", None, headers=headers)).status_code == 200

    said = {"message": "Logged out successfully"}
    other = await api.post("auth/logout/", "admin", json={"refresh": token})
    assert other.json() == said
    assert (await api.post("auth/refresh/", None, json={"refresh": token})).status_code == 200

    assert (await api.post("auth/logout/", json={"refresh": token})).json() == said
    response = await api.post("auth/refresh/", None, json={"refresh": token})
    assert (response.status_code, response.json()) == (401, {"error": "Invalid refresh token"})
    response = await api.post("jwt/token/refresh/", None, json={"refresh": token})
    assert (response.status_code, response.json()) == (401, NOT_VALID)


@pytest.mark.parametrize("sent", [{}, {"refresh": "x"}, {"refresh": 5}, {"refresh": "\ud800"}])
async def test_logging_out_of_nothing(api: RestClient, sent: dict[str, object]) -> None:
    for who in ("keith", "gone", None):
        response = await api.post("auth/logout/", who, json=sent)
        assert response.status_code == 200
        assert response.json() == {"message": "Logged out successfully"}


async def test_refreshing_with_nonsense(api: RestClient) -> None:
    access = api.services.tokens.access(key("keith"))
    expired = api.services.tokens.refresh(key("keith"))[0]
    api.clock.move(days=8)
    deactivated = api.services.tokens.refresh(key("gone"))[0]

    for nothing in ({}, {"refresh": ""}, {"refresh": None}):
        response = await api.post("auth/refresh/", None, json=nothing)
        assert response.status_code == 400
        assert response.json() == {"error": "Refresh token is required"}
    for token in ("nonsense", access, expired, deactivated, 5, ["x"], "\ud800\0"):
        response = await api.post("auth/refresh/", None, json={"refresh": token})
        assert (response.status_code, response.json()) == (401, {"error": "Invalid refresh token"})


async def test_verifying(api: RestClient) -> None:
    path = "jwt/token/verify/"
    for token in (
        api.services.tokens.access(key("keith")),
        api.services.tokens.refresh(key("keith"))[0],
    ):
        response = await api.post(path, None, json={"token": token})
        assert (response.status_code, response.json()) == (200, {})
    response = await api.post(path, None, json={"token": "nonsense"})
    assert (response.status_code, response.json()) == (401, NOT_VALID)
    for name in ("token", "refresh"):
        path = "jwt/token/verify/" if name == "token" else "jwt/token/refresh/"
        response = await api.post(path, None, json={})
        assert (response.status_code, response.json()) == (400, {name: REQUIRED})
