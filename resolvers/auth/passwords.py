"""Password hashes: argon2id for ours, Django's PBKDF2 for those that were imported.

Hashing is slow on purpose. It runs in a few threads of its own, and what does not fit into their
queue is refused, so that logins hold up nothing else.
"""

import asyncio
import base64
import hashlib
import hmac
import re
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from threading import BoundedSemaphore
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

from resolvers.errors import Throttled

THREADS = 2
# How many checks may wait for a thread; with one of 200 ms the last one waits for two seconds.
MAX_WAITING = 16
# After how many seconds who was refused may try again.
RETRY_SECONDS = 2
DJANGO_PREFIX = "pbkdf2_sha256$"
# Up to here checks of other hashes are made as slow as those of imported ones.
MAX_PADDING = 2_000_000
# What argon2 itself takes, in bytes.
MIN_SALT_LENGTH, MIN_HASH_LENGTH = 8, 4
_DJANGO = re.compile(r"pbkdf2_sha256\$([1-9][0-9]{0,6})\$([^$]*)\$([^$]*)")
# OWASP's second recommended argon2id configuration: 19 MiB, two passes, one lane.
ARGON2 = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Verified against when there is no such user, so that both answers take equally long: the hash of a
# random password. It is written out because each process would take tens of ms to make one.
NOBODY = (
    "$argon2id$v=19$m=19456,t=2,p=1$yyXaSmiCyIF3nC1U+AorYw$"
    "LKmXkpP3itfmn4QFOdQm8q70d5w5l6hNPKA94laJftI"
)
# Those of ten characters or more that lists of leaked passwords begin with, and that of the demo,
# which is as public; any case is refused.
_USUAL = """
1234567890 0123456789 0987654321 9876543210 1234567891 12345678910 123456789a a123456789 1234512345
1231231231 123123123123 1111111111 0000000000 1q2w3e4r5t 1q2w3e4r5t6y q1w2e3r4t5 1qaz2wsx3edc
zaq12wsxcde3 qwertyuiop qwertyuiop123 qwerty1234 qwerty12345 qwerty123456 qwertyqwerty asdfghjkl1
asdfghjkl; asdfasdfasdf zxcvbnm123 abcdefghij abcd123456 abc1234567 abcdef1234 password12
password123 password1234 password12345 password123! password1! password2024 password2025
password2026 passwordpassword mypassword passw0rd123 p@ssword123 p@ssw0rd123 p@ssw0rd12 welcome123
welcome1234 welcome2025 letmein123 letmein1234 changeme123 changeme1234 changeit123 iloveyou12
iloveyou123 iloveyou1234 administrator adminadmin admin12345 admin123456 admin123admin football123
baseball123 basketball princess123 superman123 sunshine123 dragon1234 monkey1234 liverpool1
manchester michelle123 christopher correcthorsebatterystaple demo-desk-2025
"""
USUAL = frozenset(_USUAL.split())

P = ParamSpec("P")
T = TypeVar("T")


class Hasher:
    """The slow functions; tests override them to count their calls."""

    def hash(self, plain: str) -> str:
        """Return a new argon2id hash."""
        return ARGON2.hash(plain)

    def verify_argon2(self, plain: str, stored: str) -> bool:
        """Check a password against an argon2 hash; raises ``InvalidHashError`` for no hash."""
        try:
            return ARGON2.verify(stored, plain)
        except VerificationError:
            return False

    def pbkdf2(self, plain: str, salt: str, iterations: int) -> bytes:
        """Return PBKDF2-HMAC-SHA256."""
        return hashlib.pbkdf2_hmac("sha256", plain.encode(), salt.encode(), iterations)


HASHER = Hasher()


@dataclass
class OldHashes:
    """The most iterations of any imported hash that is left, and when that was looked up."""

    iterations: int = 0
    seen_at: datetime | None = None


class Passwords:
    """Hashes and checks passwords; raises ``Throttled`` while too many others wait for that."""

    def __init__(
        self, hasher: Hasher = HASHER, *, threads: int = THREADS, max_waiting: int = MAX_WAITING
    ) -> None:
        self.old = OldHashes()
        self._hasher = hasher
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._free = BoundedSemaphore(threads + max_waiting)

    async def hash(self, plain: str) -> str:
        """Return the argon2id hash of a password."""
        return await self._run(self._hasher.hash, plain)

    async def verify(self, plain: str, stored: str | None) -> bool:
        """Check a password against a stored hash, or against nobody's, with equal work."""
        django = _DJANGO.fullmatch(stored or "")
        if django is not None:
            # Imported since we looked.
            self.old.iterations = max(self.old.iterations, min(int(django[1]), MAX_PADDING))
        return await self._run(
            verify_password, plain, stored, padding=self.old.iterations, hasher=self._hasher
        )

    async def _run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if not self._free.acquire(blocking=False):
            raise Throttled(RETRY_SECONDS)
        try:
            future = self._executor.submit(function, *args, **kwargs)
        except BaseException:
            self._free.release()
            raise
        # Not when the caller leaves: the thread goes on.
        future.add_done_callback(self._done)
        return await asyncio.wrap_future(future)

    def _done(self, _future: "Future[T]") -> None:
        self._free.release()


def hash_password(plain: str) -> str:
    """Return the argon2id hash of a password; blocks for tens of ms."""
    return HASHER.hash(plain)


def verify_password(
    plain: str, stored: str | None, *, padding: int = 0, hasher: Hasher = HASHER
) -> bool:
    """Check a password against a stored hash, or against nobody's; blocks.

    Whatever is stored, the work is that of one argon2 hash and of ``padding`` iterations of PBKDF2
    (more where the hash itself has more), so that the time tells nothing of a user.
    """
    django = _DJANGO.fullmatch(stored or "")
    genuine = False
    if django is not None:
        iterations, salt, expected = int(django[1]), django[2], django[3]
        padding -= iterations
        digest = base64.b64encode(hasher.pbkdf2(plain, salt, iterations))
        genuine = hmac.compare_digest(digest, expected.encode())
    if padding > 0:
        hasher.pbkdf2(plain, "padding", padding)
    if stored is not None and _is_argon2(stored):
        return hasher.verify_argon2(plain, stored)
    hasher.verify_argon2(plain, NOBODY)
    return genuine


def needs_rehash(stored: str) -> bool:
    """Return whether a hash is of an older kind or cost than new ones."""
    return stored.startswith(DJANGO_PREFIX) or ARGON2.check_needs_rehash(stored)


def _is_argon2(stored: str) -> bool:
    """Whether a hash can be verified: one that cannot takes no time."""
    try:
        found = extract_parameters(stored)
    except InvalidHashError:
        return False
    return found.salt_len >= MIN_SALT_LENGTH and found.hash_len >= MIN_HASH_LENGTH
