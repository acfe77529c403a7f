"""The keys that sign: which are good enough, and the one that a server in development makes.

That one is kept in a file of the working directory.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

from deskgraph.private_files import create_folder

# RFC 7518, section 3.2: an HS256 key has at least the size of the hash.
MIN_KEY_LENGTH = 32
# What README and docs/ have in the place of a key: everybody knows these.
PLACEHOLDER_KEYS = frozenset(
    {"put-the-output-of-the-command-below-here", "the-signing-key-of-the-old-system"}
)


class SigningKeyError(Exception):
    """There is no key, or it is no good; the text is a sentence without the key."""


def checked_key(setting: str, key: str, *, production: bool) -> str:
    """Return a key that was given; raises ``SigningKeyError``."""
    if len(key.encode()) < MIN_KEY_LENGTH:
        raise SigningKeyError(f"{setting} is too short: it needs {MIN_KEY_LENGTH} bytes or more.")
    if production and key in PLACEHOLDER_KEYS:
        raise SigningKeyError(
            f"{setting} is the placeholder of the documentation, which everybody knows: "
            f"production needs {MIN_KEY_LENGTH} random bytes or more."
        )
    return key


def kept_key(setting: str, key_file: Path) -> str:
    """Read the key of this folder, or make it; two processes at once agree on one.

    Raises ``SigningKeyError``.
    """
    try:
        create_folder(key_file.parent)
        if not key_file.exists():
            _make_key(key_file)
        key = key_file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SigningKeyError(
            f"{setting} is not set, and the key of development cannot be kept in "
            f"{key_file}: {reason}."
        ) from None
    if len(key) < MIN_KEY_LENGTH:
        raise SigningKeyError(
            f"{setting} is not set, and {key_file} holds no key: remove that file."
        )
    return key


def _make_key(key_file: Path) -> None:
    """Make the file of a key, whole from the beginning, unless another process is faster."""
    with NamedTemporaryFile("w", dir=key_file.parent, prefix=key_file.name) as file:
        file.write(secrets.token_urlsafe(48))
        file.flush()
        with suppress(FileExistsError):
            os.link(file.name, key_file)
