"""What PostgreSQL may write to its log signs one purpose for one day, and nothing else."""

import base64
import hmac
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import jwt
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from deskgraph.database.postgres.connections import prepare_postgres
from deskgraph.database.transactions import PostgresTransaction
from deskgraph.database.urls import dsn_of
from models import Webhook
from resolvers.auth.viewers import viewer_of
from resolvers.errors import BadCursor, NotFound, Unauthenticated
from resolvers.files import downloads
from resolvers.signing import day_of
from resolvers.write_statements import Statement, Values
from tests.resolvers.auth.test_tokens import CLAIMS
from tests.support.clock import NOON
from tests.support.named_rows import PASSWORD
from tests.support.rows import file_key, key
from tests.support.settings import KEY
from tests.support.world import World
from tests.viewers.asking import ApiClients

pytestmark = [
    pytest.mark.anyio,
    # SQLite is a part of the process.
    pytest.mark.parametrize("shared_url", ["postgres"], indirect=True, scope="module"),
]

READ = """{
  tickets { edges { cursor node { attachments { downloadUrl(expiresIn: 3600) } } } }
  ticketEvents(first: 5) { edges { cursor } }
}"""
PAYLOAD = f'["Ticket:-created_at","2025-11-19T12:00:00.000000Z","{key("volume")}"]'
TODAY = day_of(NOON)
TOMORROW = NOON + timedelta(days=1)


@contextmanager
def statements_of(world: World) -> Iterator[list[tuple[str, Any]]]:
    """Collect all statements with their values, as they go to the server."""
    seen: list[tuple[str, Any]] = []
    reader, fetch = world.database.reader, world.database.reader.fetch_row

    async def watched(sql: str, values: Any, user: Any = None) -> Any:
        seen.append((sql, values))
        return await fetch(sql, values, user)

    def write(_c: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        seen.append((statement, values))

    fetched = PostgresTransaction.fetch

    async def watched_write(
        self: PostgresTransaction, statement: Statement, values: Values
    ) -> list[tuple[Any, ...]]:
        compiled = statement.compiled(world.database.dialect)
        seen.append((compiled.sql, compiled.values(values)))
        return await fetched(self, statement, values)

    engine = world.database.engine.sync_engine
    PostgresTransaction.fetch = watched_write  # type: ignore[method-assign] # until the end
    sa.event.listen(engine, "before_cursor_execute", write)
    reader.fetch_row = watched  # type: ignore[method-assign]
    try:
        yield seen
    finally:
        reader.fetch_row = fetch  # type: ignore[method-assign]
        PostgresTransaction.fetch = fetched  # type: ignore[method-assign] # it was that
        sa.event.remove(engine, "before_cursor_execute", write)


async def logged(world: World, sql: str, values: Any) -> str:
    """Run a statement again, and return what the server logs of it: a client may see its log."""
    lines: list[str] = []
    connection = await asyncpg.connect(dsn_of(make_url(world.settings.database_url)))
    try:
        await prepare_postgres(connection)
        connection.add_log_listener(lambda _, line: lines.append(f"{line}\n{line.detail}"))
        await connection.execute(
            "SET log_min_duration_statement = 0; SET client_min_messages = log"
        )
        await connection.fetchrow(sql, *values)
    finally:
        await connection.close()
    return "\n".join(lines)


@pytest.fixture
async def seen_keys(gql_clients: ApiClients) -> set[bytes]:
    """Give every key that follows from what is logged of reads."""
    with statements_of(gql_clients.world) as statements:
        answer = await gql_clients.graphql("admin", READ)
    assert "errors" not in answer
    log = "\n".join([await logged(gql_clients.world, *one) for one in statements])
    assert "parameters: $1" in log
    pads = [bytes.fromhex(found) for found in re.findall(r"'\\x([0-9a-f]+)'", log)]
    assert len(set(pads)) == 4, "the inner and the outer pad of two purposes"
    masks = (0, 0x36, 0x5C)
    return {bytes(byte ^ mask for byte in pad).rstrip(b"\0") for pad in pads for mask in masks}


def mac(found: bytes, text: str) -> bytes:
    return hmac.digest(found, text.encode(), "sha256")[:16]


def link(found: bytes, now: datetime, seconds: int = 60, day: str = "") -> tuple[str, str, str]:
    expires = str(int(now.timestamp()) + seconds)
    signed = mac(found, f"{expires}:{file_key('photo')}")
    return file_key("photo"), expires, (day or day_of(now)) + signed.hex()


async def opens(world: World, forged: tuple[str, str, str]) -> bool:
    try:
        await downloads.open_signed(world.context(None), *forged)
    except NotFound:
        return False
    return True


def unseals(world: World, found: bytes, day: str) -> bool:
    raw = f"{PAYLOAD}{day}".encode() + mac(found, PAYLOAD)
    try:
        return bool(world.services.signer.open(base64.urlsafe_b64encode(raw).decode().rstrip("=")))
    except BadCursor:
        return False


async def test_a_logged_key_signs_its_own_purpose_today(
    gql_clients: ApiClients, seen_keys: set[bytes]
) -> None:
    """So the tests below forge as they should. Links end a day after the day of their key."""
    world = gql_clients.world
    of_media = [found for found in seen_keys if await opens(world, link(found, NOON))]
    of_cursors = [found for found in seen_keys if unseals(world, found, TODAY)]
    assert (len(of_media), len(of_cursors)) == (1, 1)
    assert of_media != of_cursors
    world.clock.move(days=1)
    [found] = of_media
    assert await opens(world, link(found, TOMORROW, day=TODAY))
    hours = 3600
    for seconds, works in ((12 * hours, True), (12 * hours + 1, False), (90_000 * hours, False)):
        assert await opens(world, link(found, TOMORROW, seconds, TODAY)) is works


async def test_no_logged_key_signs_anything_of_tomorrow(
    gql_clients: ApiClients, seen_keys: set[bytes]
) -> None:
    world = gql_clients.world
    yesterday = day_of(NOON - timedelta(days=1))
    for found in seen_keys:
        assert not unseals(world, found, day_of(TOMORROW))
        assert not unseals(world, found, yesterday)
        assert not await opens(world, link(found, NOON, day=yesterday))
        assert not await opens(world, link(found, NOON, day=day_of(TOMORROW)))
    world.clock.move(days=1)
    assert not any([await opens(world, link(found, TOMORROW)) for found in seen_keys])


async def test_no_logged_key_signs_a_token_or_a_webhook(
    gql_clients: ApiClients, seen_keys: set[bytes]
) -> None:
    world = gql_clients.world
    webhook = await world.get(Webhook, key("hook"))
    secret = world.services.signer.webhook_secret(webhook.id, webhook.salt)
    for found in seen_keys:
        if len(found) >= 32:
            with pytest.raises(Unauthenticated):
                await viewer_of(world.services, jwt.encode(CLAIMS, found, algorithm="HS256"))
        signed = hmac.digest(found, f"webhook:{webhook.id}:{webhook.salt}".encode(), "sha256")
        assert base64.b64encode(signed).decode() not in secret


async def test_no_statement_of_a_session_or_a_webhook_has_a_token_or_a_secret(
    gql_clients: ApiClients,
) -> None:
    """Writes, too: what they store is no token and no secret."""
    sent: dict[str, Any] = {"username": "admin", "password": PASSWORD}
    given = {"oldPassword": PASSWORD, "newPassword": "a new one, long enough"}
    with statements_of(gql_clients.world) as statements:
        login = (await gql_clients.client.post("/api/v1/auth/login/", json=sent)).json()
        rotate = "mutation ($token: String!) { refreshToken(input: {refreshToken: $token}) "
        tokens = await gql_clients.graphql(
            None, rotate + "{ accessToken refreshToken } }", {"token": login["refresh"]}
        )
        hook = await gql_clients.graphql(
            "admin",
            'mutation { createWebhook(input: {url: "https://hooks.example/a"}) { secret } }',
        )
        changed = await gql_clients.graphql(
            "admin",
            "mutation ($input: ChangePasswordInput!) { changePassword(input: $input) "
            "{ accessToken refreshToken } }",
            {"input": given},
        )
    values = json.dumps(statements, default=str)
    secrets = [
        *(KEY, PASSWORD, given["newPassword"], login["access"], login["refresh"]),
        *tokens["data"]["refreshToken"].values(),
        *changed["data"]["changePassword"].values(),
        hook["data"]["createWebhook"]["secret"],
    ]
    assert len(statements) > 10
    assert [secret for secret in secrets if secret in values] == []
