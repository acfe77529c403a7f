"""Password hashes: argon2id for new ones, the old system's as long as nobody has logged in."""

import base64
import hashlib

import pytest
from argon2 import extract_parameters

from resolvers.auth import passwords
from resolvers.auth.passwords import hash_password, needs_rehash, verify_password
from tests.support.named_rows import PASSWORD, password_hash


def old_hash(plain: str, iterations: int = 1000, salt: str = "aSaltFromTheOldSystem") -> str:
    """Return what the old system would have stored, made without our code."""
    digest = hashlib.pbkdf2_hmac("sha256", plain.encode(), salt.encode(), iterations)
    return f"pbkdf2_sha256${iterations}${salt}${base64.b64encode(digest).decode()}"


@pytest.mark.usefixtures("real_cost")
def test_new_hashes_are_argon2id_at_the_recommended_cost() -> None:
    stored = hash_password(PASSWORD)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert not needs_rehash(stored)
    assert verify_password(PASSWORD, stored)


@pytest.mark.usefixtures("real_cost")
def test_checking_a_user_who_is_not_there_costs_as_much() -> None:
    assert extract_parameters(passwords.NOBODY) == extract_parameters(hash_password(PASSWORD))


def test_equal_passwords_have_different_hashes() -> None:
    assert hash_password(PASSWORD) != password_hash()


@pytest.mark.parametrize("wrong", ["", "Correct horse battery", f"{PASSWORD} ", f" {PASSWORD}"])
def test_only_the_password_itself_verifies(wrong: str) -> None:
    assert verify_password(PASSWORD, password_hash())
    assert not verify_password(wrong, password_hash())
    assert verify_password(PASSWORD, old_hash(PASSWORD))
    assert not verify_password(wrong, old_hash(PASSWORD))


def test_hashes_of_the_old_system_verify_and_want_to_be_replaced() -> None:
    stored = old_hash(PASSWORD, 20_000)
    assert verify_password(PASSWORD, stored)
    assert needs_rehash(stored)


def test_cheaper_argon2_hashes_want_to_be_replaced() -> None:
    cheap = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$ul6pM0Z1ckkKe0DtRBQ/zJZKxjlNEBNpcWgnE9tZ3bE"
    assert needs_rehash(cheap)


def test_nobody_has_no_password() -> None:
    for plain in ("", PASSWORD, "nobody has this password"):
        assert not verify_password(plain, None)


@pytest.mark.parametrize(
    "stored",
    [
        "",
        "!",
        "plain text",
        "pbkdf2_sha256$",
        "pbkdf2_sha256$x$salt$hash",
        "pbkdf2_sha256$0$salt$hash",
        "pbkdf2_sha256$-1$salt$hash",
        "pbkdf2_sha256$99999999999999999999$salt$hash",
        "pbkdf2_sha256$1$salt$häsh",
        "pbkdf2_sha256$1$sa$lt$hash",
        "$argon2id$garbage",
        "md5$salt$hash",
    ],
)
def test_what_is_no_hash_verifies_nothing(stored: str) -> None:
    assert not verify_password(PASSWORD, stored)
    assert not verify_password("", stored)


@pytest.mark.parametrize("plain", ["🎵 über", "x" * 10_000, "a\0b"])
def test_passwords_may_be_any_text(plain: str) -> None:
    assert verify_password(plain, old_hash(plain))
    assert not verify_password(plain[:1], old_hash(plain))
