"""Password hashes: argon2id for ours, Django's PBKDF2 for those that were imported."""

import base64
import hashlib
import hmac

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

DJANGO_PREFIX = "pbkdf2_sha256$"
# OWASP's second recommended argon2id configuration: 19 MiB, two passes, one lane.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Verified against when there is no such user, so that both answers take equally long.
_NOBODY = _hasher.hash("nobody has this password")


def hash_password(plain: str) -> str:
    """Return the argon2id hash of a password."""
    return _hasher.hash(plain)


def verify_password(plain: str, stored: str | None) -> bool:
    """Check a password against a stored hash, or against nobody's; blocks for tens of ms."""
    if stored is not None and stored.startswith(DJANGO_PREFIX):
        return _verify_django(plain, stored)
    try:
        return _hasher.verify(stored or _NOBODY, plain) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(stored: str) -> bool:
    """Tell whether a hash is of an older kind or cost than new ones."""
    return stored.startswith(DJANGO_PREFIX) or _hasher.check_needs_rehash(stored)


def _verify_django(plain: str, stored: str) -> bool:
    """Check ``pbkdf2_sha256$iterations$salt$base64``."""
    try:
        _, iterations, salt, expected = stored.split("$")
        digest = hashlib.pbkdf2_hmac("sha256", plain.encode(), salt.encode(), int(iterations))
    except (ValueError, OverflowError):
        return False
    return hmac.compare_digest(base64.b64encode(digest), expected.encode())
