"""Signatures that make cursors and links tamper-evident, in Python and in SQL alike.

Read statements answer with finished JSON, so the database itself signs what is inside: PostgreSQL
by spelling HMAC-SHA256 (RFC 2104) with its ``sha256``, SQLite by a function that we register.
"""

import base64
import hashlib
import hmac
import json
from binascii import Error as Base64Error
from collections.abc import Callable, Sequence
from uuid import UUID

from resolvers.errors import BadCursor

MAC_BYTES = 16
CURSOR_PURPOSE = "cursor:"
MEDIA_PURPOSE = "media:"
WEBHOOK_PURPOSE = "webhook:"


class Signer:
    """Signs texts under one key, each for one purpose; the purpose is part of what is signed."""

    def __init__(self, secret: str) -> None:
        """Derive a key of our own, so that what signs cursors cannot forge a token."""
        self.key = hmac.digest(secret.encode(), b"deskgraph signed texts", "sha256")
        padded = self.key.ljust(64, b"\0")
        # The two pads of RFC 2104, which PostgreSQL is given instead of the key.
        self.inner_pad = bytes(byte ^ 0x36 for byte in padded)
        self.outer_pad = bytes(byte ^ 0x5C for byte in padded)

    def mac(self, text: str) -> bytes:
        """Return the first 16 bytes of the text's HMAC-SHA256."""
        return hmac.digest(self.key, text.encode(), "sha256")[:MAC_BYTES]

    def seal(self, payload: str) -> str:
        """Return the cursor of a payload: URL-safe base64 of payload and signature."""
        raw = payload.encode() + self.mac(CURSOR_PURPOSE + payload)
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    def open(self, cursor: str) -> Sequence[str]:
        """Return the texts inside a cursor; raises ``BadCursor`` unless we sealed it."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
            payload = raw[:-MAC_BYTES].decode()
        except (Base64Error, ValueError):
            raise BadCursor("The cursor is not one of this server's.") from None
        if not hmac.compare_digest(self.mac(CURSOR_PURPOSE + payload), raw[-MAC_BYTES:]):
            raise BadCursor("The cursor is not one of this server's.")
        parts: Sequence[str] = json.loads(payload)
        return parts

    def media_signature(self, key: str, expires: str) -> str:
        """Return the signature of a link to a stored file until a Unix time, in hex."""
        return self.mac(f"{MEDIA_PURPOSE}{expires}:{key}").hex()

    def webhook_secret(self, webhook_id: UUID, salt: str) -> str:
        """Return the secret of a webhook, as Standard Webhooks writes them; it is kept nowhere."""
        raw = hmac.digest(self.key, f"{WEBHOOK_PURPOSE}{webhook_id}:{salt}".encode(), "sha256")
        return f"whsec_{base64.b64encode(raw).decode()}"

    def sql_functions(self) -> dict[str, Callable[[str], object]]:
        """Return what SQLite needs: functions of one text."""
        return {
            "seal_cursor": self.seal,
            "media_mac": lambda text: self.mac(text).hex(),
        }


def content_hash() -> "hashlib._Hash":
    """Return the hash that identifies a file's content."""
    return hashlib.sha256()
