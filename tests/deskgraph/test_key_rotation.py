"""A new key: what the old one signed is read until a time, and everything new is of the new one."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from resolvers.auth.tokens import Tokens
from resolvers.signing import Signer, day_of
from tests.support.app_client import AppClient, open_app
from tests.support.clock import NOON
from tests.support.named_rows import PASSWORD
from tests.support.rows import file_key, key
from tests.support.settings import settings_for

pytestmark = pytest.mark.anyio

OLD_KEY = "the key of the server until yesterday, long enough"
NEW_KEY = "the key of the server from today on, long enough"
THIRD_KEY = "a key that this server has never had, long enough"
# Before the access tokens of noon expire.
UNTIL = NOON + timedelta(minutes=30)
LISTED = "{ tickets(first: 1) { edges { cursor } } }"
AFTER = "query ($after: String) { tickets(first: 1, after: $after) { nodes { id } } }"
LOGIN = f"""mutation {{
  login(input: {{username: "keith", password: "{PASSWORD}"}}) {{ accessToken refreshToken }}
}}"""
REFRESH = """mutation ($token: String!) {
  refreshToken(input: {refreshToken: $token}) { accessToken refreshToken }
}"""


@dataclass(frozen=True)
class Signed:
    """One of each kind of text that the key signs."""

    access: str
    refresh: str
    cursor: str
    event_cursor: str
    link: str


class Desk(AppClient):
    """A server whose key was replaced, or is about to be."""

    async def graphql(self, access: str, query: str, **variables: Any) -> Any:
        """Return an answer of GraphQL."""
        headers = {"Authorization": f"Bearer {access}"} if access else {}
        body = {"query": query, "variables": variables}
        return (await self.client.post("/graphql", json=body, headers=headers)).json()

    async def rest(self, access: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {access}"}
        return await self.client.get(f"/api/v1/{path}", headers=headers, **more)

    async def log_in(self) -> tuple[str, str]:
        """Return an access token and a refresh token."""
        found = (await self.graphql("", LOGIN))["data"]["login"]
        return found["accessToken"], found["refreshToken"]

    async def signed(self) -> Signed:
        """Have the server sign one of each, as clients get them."""
        access, refresh = await self.log_in()
        listed = (await self.graphql(access, LISTED))["data"]["tickets"]
        events = (await self.rest(access, "ticket-events/")).json()["results"]
        detail = (await self.rest(access, f"tickets/{key('offline')}/")).json()
        [link] = {one["file"] for one in detail["attachments"] if "photo" in one["file"]}
        parts = urlsplit(link)
        cursor = listed["edges"][0]["cursor"]
        return Signed(access, refresh, cursor, events[0]["cursor"], f"{parts.path}?{parts.query}")

    async def works(self, signed: Signed, access: str) -> dict[str, bool]:
        """Tell which kinds are accepted; ``access`` is good, and asks with those that need it."""
        asked = await self.graphql(signed.access, "{ viewer { id } }")
        listed = await self.graphql(access, AFTER, after=signed.cursor)
        events = await self.rest(access, "ticket-events/", params={"after": signed.event_cursor})
        link = await self.client.get(signed.link)
        exchanged = await self.graphql("", REFRESH, token=signed.refresh)
        body = {"refresh": signed.refresh}
        renewed = await self.client.post("/api/v1/auth/refresh/", json=body)
        return {
            "access": asked["data"]["viewer"] is not None,
            "cursor": "errors" not in listed,
            "event cursor": events.status_code == 200,
            "link": link.status_code == 200,
            "refresh token": (exchanged["data"] or {}).get("refreshToken") is not None,
            "refresh token in REST": renewed.status_code == 200,
        }


@pytest.fixture
async def desks(database_url: str, tmp_path: Path) -> AsyncIterator[tuple[Desk, Desk]]:
    """Give two servers on one desk: with the old key alone, and with the new one besides it."""
    given = {"media_links": "signed"}
    before = settings_for(database_url, tmp_path / "media", secret_key=OLD_KEY, **given)
    rotating = {"secret_key": NEW_KEY, "secret_key_old": OLD_KEY, "secret_key_old_until": UNTIL}
    after = settings_for(database_url, tmp_path / "media", **rotating, **given)
    async with open_app(before) as first, open_app(after) as second:
        desk = Desk(*first)
        desk.world.eventful = True
        await desk.world.reset()
        yield desk, Desk(*second)


def is_signed_by(signed: Signed, secret: str) -> bool:
    """Whether all of it is signed by this key; raises where some of it is not."""
    signer, tokens = Signer(secret), tokens_of(secret)
    tokens.check(signed.access, "access")
    tokens.check(signed.refresh, "refresh")
    signer.open(signed.cursor)
    signer.open(signed.event_cursor)
    query = httpx.URL(signed.link).params
    return signer.is_media_signature(query["signature"], file_key("photo"), query["expires"])


def tokens_of(secret: str) -> Tokens:
    return Tokens(secret, access_minutes=60, refresh_days=7, clock=lambda: NOON)


async def test_what_the_old_key_signed_is_read_until_its_time(desks: tuple[Desk, Desk]) -> None:
    before, after = desks
    signed = await before.signed()
    assert is_signed_by(signed, OLD_KEY)

    access, _ = await after.log_in()
    after.clock.now = UNTIL - timedelta(microseconds=1)
    assert set((await after.works(signed, access)).values()) == {True}

    # The same process, which has read each of them before.
    after.clock.now = UNTIL
    rows = await after.everything()
    assert set((await after.works(signed, access)).values()) == {False}
    assert await after.everything() == rows
    # Without the key that replaced it, it is as good as ever: only its time was over.
    before.clock.now = UNTIL
    again, _ = await before.log_in()
    assert set((await before.works(await before.signed(), again)).values()) == {True}


async def test_what_is_signed_during_a_rotation_is_signed_by_the_new_key(
    desks: tuple[Desk, Desk],
) -> None:
    before, after = desks
    _, refresh = await before.log_in()
    signed = await after.signed()
    assert is_signed_by(signed, NEW_KEY)
    # What comes for a refresh token of the old key is of the new one, too.
    exchanged = (await after.graphql("", REFRESH, token=refresh))["data"]["refreshToken"]
    tokens_of(NEW_KEY).check(exchanged["accessToken"], "access")
    tokens_of(NEW_KEY).check(exchanged["refreshToken"], "refresh")
    # The old key's end does not concern it.
    after.clock.now = UNTIL
    assert set((await after.works(signed, signed.access)).values()) == {True}


async def test_a_third_key_is_refused_at_any_time(desks: tuple[Desk, Desk]) -> None:
    _, after = desks
    signed = await after.signed()
    tokens, signer = tokens_of(THIRD_KEY), Signer(THIRD_KEY)
    day, expires = day_of(NOON), str(int(UNTIL.timestamp()) + 60)
    payload = '["TicketEvent:seq","1","x"]'
    mac = signer.media_signature(file_key("photo"), expires, day)
    path = signed.link.partition("?")[0]
    forged = Signed(
        tokens.access(key("keith")),
        tokens.refresh(key("keith"))[0],
        signer.seal(payload, day),
        signer.seal(payload, day),
        f"{path}?expires={expires}&signature={mac}",
    )
    rows = await after.everything()
    for now in (NOON, UNTIL):
        after.clock.now = now
        assert set((await after.works(forged, signed.access)).values()) == {False}
    assert await after.everything() == rows
