"""Signatures: what we sealed opens, nothing else does, and both databases seal as Python does."""

import base64
import hmac
import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import LargeBinary, String, bindparam

from deskgraph.database.database import Database
from resolvers.errors import BadCursor
from resolvers.query.catalog import ENTITIES
from resolvers.query.cursors import decode_cursor
from resolvers.query.plans import compile_plan
from resolvers.query.sql.elements import MediaMac, SignedCursor
from resolvers.signing import CURSOR, MEDIA, Signer, day_of
from tests.support.clock import NOON

SIGNER = Signer("one secret")
DAY = day_of(NOON)
TEXTS = [
    "1763557200:tickets/a.txt",
    '["Ticket:-created_at","2025"]',
    "",
    "東京 \U0001f3b5",
    "'\"\\%",
    "x" * 500,
]
HOOK = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


@pytest.mark.parametrize("parts", [[], ["a"], ["Ticket:name", "東京", 'quo"te', "back\\slash"]])
@pytest.mark.parametrize("day", [DAY, "20251118", "20240229"])
def test_what_was_sealed_opens_on_any_later_day(parts: list[str], day: str) -> None:
    assert SIGNER.open(SIGNER.seal(json.dumps(parts), day)) == parts


def test_a_cursor_from_before_there_were_keys_by_day_opens() -> None:
    key = hmac.digest(b"one secret", b"deskgraph signed texts", "sha256")
    payload = b'["TicketEvent:seq","12","x"]'
    mac = hmac.digest(key, b"cursor:" + payload, "sha256")[:16]
    cursor = base64.urlsafe_b64encode(payload + mac).rstrip(b"=").decode()
    assert SIGNER.open(cursor) == ["TicketEvent:seq", "12", "x"]


def test_a_cursor_is_safe_in_an_address() -> None:
    for i in range(50):
        cursor = SIGNER.seal(json.dumps([str(i)]), DAY)
        assert cursor.isascii()
        assert cursor.replace("-", "").replace("_", "").isalnum()


def test_no_altered_bit_goes_unnoticed() -> None:
    cursor = SIGNER.seal('["Ticket:name","x"]', DAY)
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    for place in range(len(raw)):
        altered = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        with pytest.raises(BadCursor):
            SIGNER.open(base64.urlsafe_b64encode(altered).rstrip(b"=").decode())


@settings(max_examples=200, derandomize=True, database=None, deadline=None)
@given(st.text(max_size=80))
def test_no_text_that_we_did_not_seal_opens(text: str) -> None:
    with pytest.raises(BadCursor):
        SIGNER.open(text)


@pytest.mark.parametrize(
    "payload",
    [
        *("", "[", "5", "null", "{}", "[1]", '[["a"]]', "[" * 50_000),
        *('["Ticket:-created_at"]', '["Ticket:-created_at","x"]'),
        '["Ticket:-created_at","2025-11-19T12:00:00.000000Z","no id"]',
        f'["Ticket:-created_at","never","{HOOK}"]',
        f'["Ticket:-created_at","2025-11-19T12:00:00.000000Z\\u0000","{HOOK}"]',
        f'["Ticket:-created_at","2025-11-19T12:00:00.000000Z","x","{HOOK}"]',
    ],
)
def test_an_attacker_with_a_key_seals_nothing_that_breaks_a_read(payload: str) -> None:
    ticket = ENTITIES["Ticket"]
    with pytest.raises(BadCursor):
        decode_cursor(SIGNER.seal(payload, DAY), ticket, (("created_at", True),), SIGNER)


@pytest.mark.parametrize("number", [str(2**63), str(-(2**63) - 1), "1" * 5000, "x", "", "1.5"])
def test_numbers_of_a_cursor_fit_into_the_database(number: str) -> None:
    cursor = SIGNER.seal(json.dumps(["TicketEvent:seq", number, str(HOOK)]), DAY)
    with pytest.raises(BadCursor):
        decode_cursor(cursor, ENTITIES["TicketEvent"], (("seq", False),), SIGNER)


def test_another_secret_purpose_or_day_makes_another_signature() -> None:
    cursor = SIGNER.seal('["a"]', DAY)
    with pytest.raises(BadCursor):
        Signer("another secret").open(cursor)
    signatures = {
        SIGNER.media_signature("x", "1", DAY),
        SIGNER.media_signature("x", "1", "20251118"),
        SIGNER.media_signature("1:x", "", DAY),
        Signer("another secret").media_signature("x", "1", DAY),
    }
    assert len({signature[8:] for signature in signatures}) == len(signatures)


def test_secrets_of_webhooks_follow_from_the_secret_the_webhook_and_its_salt() -> None:
    secrets = [
        SIGNER.webhook_secret(HOOK, "salt"),
        SIGNER.webhook_secret(HOOK, "other"),
        SIGNER.webhook_secret(UUID(int=1), "salt"),
        Signer("another secret").webhook_secret(HOOK, "salt"),
    ]
    assert len(set(secrets)) == len(secrets)
    # Receivers keep theirs over versions of the program.
    assert Signer("one secret").webhook_secret(HOOK, "salt") == secrets[0]
    assert secrets[0] == "whsec_BqGyK30SICD+n9wRU93yUiWngcAiD0n14osqY321YEA="


@pytest.mark.parametrize("other", ["a constant", ""])
def test_no_key_is_the_same_under_two_secrets(other: str) -> None:
    one, two = (dict(Signer(secret).bind_values(NOON)) for secret in ("one secret", other))
    assert one.pop("day") == two.pop("day") == DAY
    assert sorted(one) == ["cursor_inner", "cursor_outer", "media_inner", "media_outer"]
    assert len({*one.values(), *two.values()}) == 8


@pytest.mark.anyio
async def test_each_database_signs_as_python_does(database_url: str) -> None:
    database = Database(database_url, functions=SIGNER.sql_functions())
    await database.open()
    text, day = bindparam("text", type_=String), bindparam("day", type_=String)

    def keys(purpose: str) -> tuple[Any, ...]:
        pads = (f"{purpose}_inner", f"{purpose}_outer")
        known = () if database.is_sqlite else pads
        return (day, *(bindparam(pad, type_=LargeBinary) for pad in known))

    columns = (SignedCursor(text, *keys(CURSOR)), MediaMac(text, *keys(MEDIA)))
    plan = compile_plan(columns, database.dialect)
    values = {**SIGNER.bind_values(NOON), "max_answer_bytes": 1000}
    try:
        for one in TEXTS:
            row = await database.fetch_row(plan.sql, plan.values({"text": one, **values}))
            expires, _, key = one.partition(":")
            assert row[0] == SIGNER.seal(one, DAY)
            if key:
                assert row[1] == SIGNER.media_signature(key, expires, DAY)
    finally:
        await database.close()
