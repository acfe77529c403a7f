"""Signatures: what we sealed opens, nothing else does, and both databases seal as Python does."""

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import LargeBinary, String, bindparam

from resolvers.errors import BadCursor
from resolvers.plans import compile_plan
from resolvers.signing import Signer
from resolvers.sqltext import MediaMac, Seal
from server.database import Database

SIGNER = Signer("one secret")
TEXTS = ['["Ticket:-created_at","2025"]', "", "東京 \U0001f3b5", "'\"\\%", "x" * 500]


@pytest.mark.parametrize("parts", [[], ["a"], ["Ticket:name", "東京", 'quo"te', "back\\slash"]])
def test_what_was_sealed_opens(parts: list[str]) -> None:
    assert SIGNER.open(SIGNER.seal(json.dumps(parts))) == parts


def test_a_cursor_is_safe_in_an_address() -> None:
    for i in range(50):
        cursor = SIGNER.seal(json.dumps([str(i)]))
        assert cursor.isascii()
        assert cursor.replace("-", "").replace("_", "").isalnum()


def test_no_altered_bit_goes_unnoticed() -> None:
    cursor = SIGNER.seal('["Ticket:name","x"]')
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


def test_another_secret_or_another_purpose_makes_another_signature() -> None:
    cursor = SIGNER.seal('["a"]')
    with pytest.raises(BadCursor):
        Signer("another secret").open(cursor)
    assert SIGNER.mac("cursor:x") != SIGNER.mac("media:x")
    assert SIGNER.media_signature("x", "1") != SIGNER.media_signature("1:x", "")


@pytest.mark.anyio
async def test_each_database_signs_as_python_does(database_url: str) -> None:
    database = Database(database_url, functions=SIGNER.sql_functions())
    await database.open()
    text = bindparam("text", type_=String)
    pads = ("inner_pad", "outer_pad")
    keys = () if database.is_sqlite else tuple(bindparam(pad, type_=LargeBinary) for pad in pads)
    plan = compile_plan((Seal(text, *keys), MediaMac(text, *keys)), database.dialect)
    values = {"inner_pad": SIGNER.inner_pad, "outer_pad": SIGNER.outer_pad}
    try:
        for one in TEXTS:
            row = await database.fetch_row(plan.sql, plan.values({"text": one, **values}))
            assert tuple(row) == (SIGNER.seal(one), SIGNER.mac(one).hex())
    finally:
        await database.close()
