"""Logins over a WebSocket: a user who logs in there depends on the token of that login."""

from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from resolvers.auth.accounts import VIEWER_LIFETIME
from resolvers.auth.tokens import Tokens
from tests.live.conftest import OLD_KEY, Live, Socket
from tests.support.named_rows import PASSWORD
from tests.support.rows import key

pytestmark = pytest.mark.anyio

VIEWER = "{ viewer { username } tickets { totalCount } }"
REACTIVATE = (
    f'mutation {{ updateUser(input: {{id: "{key("keith")}", isActive: true, role: ADMIN}}) '
    "{ errors { code } } }"
)


@pytest.fixture
def backend() -> str:
    """Take one database: who asks is found out in the same way on the other one."""
    return "sqlite"


async def ask(socket: Socket, query: str, id: str = "1") -> Any:
    """Return the answer of an operation that is not a stream."""
    await socket.subscribe(query, id=id)
    message = await socket.receive()
    assert message["type"] == "next", message
    assert (await socket.receive())["type"] == "complete"
    return message["payload"]


async def log_in(socket: Socket, name: str) -> Any:
    given = f'{{username: "{name}", password: "{PASSWORD}"}}'
    answer = await ask(
        socket, f"mutation {{ login(input: {given}) {{ accessToken refreshToken }} }}"
    )
    return answer["data"]["login"]


def expire(live: Live) -> None:
    live.world.clock.move(hours=1)


async def patch(live: Live, path: str, **body: Any) -> None:
    assert (await live.rest("PATCH", path, "admin", **body)).status_code == 200
    live.world.clock.move(seconds=VIEWER_LIFETIME.total_seconds() + 1)


async def end(live: Live, how: str) -> None:
    if how == "expired":
        expire(live)
    elif how == "deactivated":
        await patch(live, f"users/{key('keith')}/", is_active=False)
    elif how == "password":
        await patch(live, f"users/{key('keith')}/", password="a new one, long enough")
    else:
        headers = {"Authorization": live.token("keith")}
        query = {"query": "mutation { logoutEverywhere { ok } }"}
        await live.client.post("/graphql", json=query, headers=headers)


@pytest.mark.parametrize("how", ["expired", "deactivated", "password", "everywhere"])
async def test_who_logged_in_on_a_connection_is_looked_at_again(live: Live, how: str) -> None:
    async with live.socket(None) as socket:
        assert (await ask(socket, "{ viewer { username } }"))["data"]["viewer"] is None
        await log_in(socket, "keith")
        assert (await ask(socket, VIEWER))["data"]["viewer"] == {"username": "keith"}

        await end(live, how)
        before = await live.world.dump()

        await socket.subscribe(REACTIVATE)
        assert (await socket.ended())[0] == 4403
    assert await live.world.dump() == before


async def test_a_connection_by_a_token_of_an_old_key_ends_with_that_key(live: Live) -> None:
    old = Tokens(OLD_KEY, access_minutes=60, refresh_days=7, clock=live.world.clock)
    payload = {"Authorization": f"Bearer {old.access(key('keith'))}"}
    async with live.socket(None, init=False) as socket:
        await socket.send(type="connection_init", payload=payload)
        assert (await socket.receive())["type"] == "connection_ack"
        assert (await ask(socket, VIEWER))["data"]["viewer"] == {"username": "keith"}
        live.world.clock.move(minutes=30)
        before = await live.world.dump()
        await socket.subscribe(REACTIVATE)
        assert (await socket.ended())[0] == 4403
    assert await live.world.dump() == before


async def test_a_stream_of_who_logged_in_on_a_connection_ends_with_the_token(live: Live) -> None:
    async with live.socket(None) as socket:
        await log_in(socket, "keith")
        await socket.subscribe(id="2")
        await live.settled(1)
        await patch(live, f"users/{key('keith')}/", is_active=False)
        response = await live.rest("DELETE", f"tickets/{key('bill')}/", "admin")
        assert response.status_code == 204
        with pytest.raises(ConnectionClosed):
            await socket.receive()
        assert (await socket.ended())[0] == 4403


async def test_a_move_to_another_company_is_seen_by_who_logged_in(live: Live) -> None:
    async with live.socket(None) as socket:
        await log_in(socket, "carla")
        assert (await ask(socket, VIEWER))["data"]["tickets"] == {"totalCount": 2}
        await patch(live, f"users/{key('carla')}/", company=str(key("centara")))
        assert (await ask(socket, VIEWER))["data"]["tickets"] == {"totalCount": 1}


async def test_another_login_takes_the_connection_over(live: Live) -> None:
    async with live.socket("keith") as socket:
        await log_in(socket, "olga")
        assert (await ask(socket, VIEWER))["data"]["viewer"] == {"username": "olga"}


async def test_who_changes_their_password_on_a_connection_stays(live: Live) -> None:
    new = "a new one, long enough"
    given = f'{{oldPassword: "{PASSWORD}", newPassword: "{new}"}}'
    async with live.socket("keith") as socket, live.socket("keith") as other:
        query = f"mutation {{ changePassword(input: {given}) {{ accessToken errors {{ code }} }} }}"
        assert (await ask(socket, query))["data"]["changePassword"]["errors"] == []
        assert (await ask(socket, VIEWER))["data"]["viewer"] == {"username": "keith"}
        await other.subscribe(VIEWER)
        assert (await other.ended())[0] == 4403
