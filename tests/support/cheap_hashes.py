"""Hashes of passwords that take no time: those of the server are slow on purpose.

``tests/conftest.py`` loads this module as a plugin. Other processes have the real cost.
"""

import pytest
from argon2 import PasswordHasher

from resolvers.auth import passwords

CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
REAL = passwords.ARGON2, passwords.NOBODY


def pytest_configure() -> None:
    """Begin before any test module makes a hash."""
    passwords.ARGON2 = CHEAP
    passwords.NOBODY = CHEAP.hash("nobody has this password")


@pytest.fixture
def real_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let hashes cost what they cost the server."""
    for name, value in zip(("ARGON2", "NOBODY"), REAL, strict=True):
        monkeypatch.setattr(passwords, name, value)
