"""Tokens through HTTP, by both APIs: who gets in, and that nothing in them breaks the server."""

import json
from typing import Any

import jwt
import pytest

from tests.resolvers.auth.test_tokens import CLAIMS, FORGED
from tests.support.named_rows import PASSWORD
from tests.support.rows import key
from tests.support.settings import KEY
from tests.viewers.asking import ApiClients

pytestmark = pytest.mark.anyio

LOGIN = """
mutation ($input: LoginInput!) {
  login(input: $input) { accessToken refreshToken user { username email } errors { code field } }
}
"""
REFRESH = """
mutation ($input: RefreshTokenInput!) {
  refreshToken(input: $input) { accessToken errors { code } }
}
"""
LOGOUT = "mutation ($input: LogoutInput!) { logout(input: $input) { ok errors { code } } }"
VIEWER = {"query": "{ viewer { username } }"}
ME = "/api/v1/auth/me/"
JSON = {"Content-Type": "application/json"}


async def login(gql_clients: ApiClients, username: str, password: str) -> dict[str, Any]:
    given = {"input": {"username": username, "password": password}}
    payload: dict[str, Any] = (await gql_clients.graphql(None, LOGIN, given))["data"]["login"]
    return payload


async def who_am_i(gql_clients: ApiClients, token: str) -> tuple[Any, Any]:
    """Return what each API answers to the holder of a token."""
    headers = {"Authorization": f"Bearer {token}"}
    graphql = await gql_clients.client.post("/graphql", json=VIEWER, headers=headers)
    rest = await gql_clients.client.get(ME, headers=headers)
    assert graphql.status_code == 200
    answer = graphql.json()
    name = answer["data"]["viewer"]["username"] if answer["data"]["viewer"] else answer["errors"]
    return name, rest.json()["username"] if rest.status_code == 200 else rest.status_code


async def test_a_login_is_good_for_both_apis_until_the_logout(gql_clients: ApiClients) -> None:
    done = await login(gql_clients, "carla", PASSWORD)
    assert done["errors"] == []
    assert done["user"] == {"username": "carla", "email": "carla@desk.example"}
    assert await who_am_i(gql_clients, done["accessToken"]) == ("carla", "carla")

    given = {"input": {"refreshToken": done["refreshToken"]}}
    renewed = (await gql_clients.graphql(None, REFRESH, given))["data"]["refreshToken"]
    assert await who_am_i(gql_clients, renewed["accessToken"]) == ("carla", "carla")

    ended = (await gql_clients.graphql(None, LOGOUT, given))["data"]["logout"]
    assert ended == {"ok": True, "errors": []}
    refused = await gql_clients.graphql(None, REFRESH, given)
    assert refused["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    other = await gql_clients.client.post(
        "/api/v1/auth/refresh/", json={"refresh": done["refreshToken"]}
    )
    assert other.status_code == 401


async def test_a_login_that_fails_says_the_same_whatever_was_wrong(gql_clients: ApiClients) -> None:
    attempts = [
        ("nobody", PASSWORD),
        ("keith", "wrong"),
        ("keith\0", PASSWORD),
        ("keith", f"{PASSWORD}\0"),
    ]
    found = [await login(gql_clients, *attempt) for attempt in attempts]
    assert found == [
        {
            "accessToken": None,
            "refreshToken": None,
            "user": None,
            "errors": [{"code": "INVALID", "field": None}],
        }
    ] * len(attempts)
    # Half a pair can be sent in JSON only as an escape, which the GraphQL API does not even read.
    halves = [("kei\ud800th", PASSWORD), ("keith", f"{PASSWORD}\ud800")]
    for username, password in halves:
        given = {"input": {"username": username, "password": password}}
        body = json.dumps({"query": LOGIN, "variables": given})
        response = await gql_clients.client.post("/graphql", content=body, headers=JSON)
        assert response.status_code == 400
    for username, password in attempts + halves:
        body = json.dumps({"username": username, "password": password})
        for path in ("auth/login/", "jwt/token/"):
            response = await gql_clients.client.post(f"/api/v1/{path}", content=body, headers=JSON)
            assert response.status_code in (400, 401)


async def test_a_token_of_the_old_system_opens_both_apis(gql_clients: ApiClients) -> None:
    token = jwt.encode(CLAIMS, KEY, algorithm="HS256")
    assert await who_am_i(gql_clients, token) == ("keith", "keith")


@pytest.mark.parametrize("wrong", [name for name in FORGED if FORGED[name].isascii()])
async def test_no_token_however_forged_opens_or_breaks_anything(
    gql_clients: ApiClients, wrong: str
) -> None:
    token = "".join(c for c in FORGED[wrong] if c.isprintable())

    name, rest = await who_am_i(gql_clients, token)

    assert rest == 401
    assert name[0]["extensions"]["code"] == "UNAUTHENTICATED"
    before = await gql_clients.world.dump()
    answer = await gql_clients.graphql(None, REFRESH, {"input": {"refreshToken": FORGED[wrong]}})
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    answer = await gql_clients.graphql(None, LOGOUT, {"input": {"refreshToken": FORGED[wrong]}})
    assert answer["data"]["logout"]["ok"]
    for path, name in (("refresh/", "refresh"), ("logout/", "refresh")):
        response = await gql_clients.client.post(f"/api/v1/auth/{path}", json={name: FORGED[wrong]})
        assert response.status_code < 500
    assert await gql_clients.world.dump() == before


async def test_a_deactivated_user_is_out_of_both_apis_at_once(gql_clients: ApiClients) -> None:
    token = gql_clients.world.services.tokens.access(key("carla"))
    assert await who_am_i(gql_clients, token) == ("carla", "carla")
    path = f"/api/v1/users/{key('carla')}/"
    await gql_clients.client.patch(
        path, json={"is_active": False}, headers=gql_clients.headers("admin")
    )

    name, rest = await who_am_i(gql_clients, token)

    assert name[0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert rest == 401
    assert (await login(gql_clients, "carla", PASSWORD))["accessToken"] is None


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic a2VpdGg6eA==", "Bearer a b", "x"]
)
async def test_another_header_is_nobodys(gql_clients: ApiClients, header: str) -> None:
    headers = {"Authorization": header}
    assert (await gql_clients.client.get(ME, headers=headers)).status_code == 401
    response = await gql_clients.client.post("/graphql", json=VIEWER, headers=headers)
    assert response.json()["data"] == {"viewer": None}
