"""Hashers that count the work of checking passwords, or wait."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError

from resolvers.auth.passwords import Hasher, Passwords
from resolvers.services import Services
from tests.support.named_rows import password_hash
from tests.support.world import World


class CountingHasher(Hasher):
    """Counts the work instead of doing it; ``meanwhile`` runs once, within the first check."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.argon2 = 0
        self.iterations = 0
        self.meanwhile = meanwhile

    def hash(self, plain: str) -> str:
        return f"$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ${plain.encode().hex()}0000000000"

    def verify_argon2(self, plain: str, stored: str) -> bool:
        self.argon2 += _takes_time(stored)
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        return stored in (self.hash(plain), password_hash()) and plain.strip() != "wrong"

    def pbkdf2(self, plain: str, salt: str, iterations: int) -> bytes:
        self.iterations += iterations
        return b"" if plain.strip() == "wrong" else plain.encode()


def _takes_time(stored: str) -> bool:
    """Tell whether argon2 reads a hash: it refuses others before any work."""
    try:
        found = extract_parameters(stored)
    except InvalidHashError:
        return False
    return found.salt_len >= 8 and found.hash_len >= 4


def counted(world: World, hasher: Hasher | None = None, **more: Any) -> Services:
    """Return the desk with another hasher."""
    return replace(world.services, passwords=Passwords(hasher or CountingHasher(), **more))


class BlockingHasher(CountingHasher):
    """Checks passwords once it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def verify_argon2(self, plain: str, stored: str) -> bool:
        assert self.go.wait(30)
        return super().verify_argon2(plain, stored)
