"""Signatures that make cursors and links tamper-evident, in Python and in SQL alike.

Read statements answer with finished JSON, so the database itself signs what is inside: PostgreSQL
by spelling HMAC-SHA256 (RFC 2104) with its ``sha256``, SQLite by a function that we register.

PostgreSQL is given the key for that, and may write it to its log. So each purpose has a key for
each day (UTC), derived by HKDF, and a signature says which day's it is: a logged key signs neither
tokens nor webhooks, nor anything of another purpose or another day.

While the secret is being replaced, what the one before signed is read, too, until a time
(``OldKey``). It signs nothing new, except webhooks.
"""

import base64
import hashlib
import hmac
import json
from binascii import Error as Base64Error
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from resolvers.errors import BadCursor
from resolvers.query import binds

MAC_BYTES = 16
DAY_LENGTH = len("20251119")
CURSOR, MEDIA = "cursor", "media"
# Of links whose content is sealed, too. No database is given their keys.
DOWNLOAD = "download"
# The names of the values that statements sign with (``Signer.bind_values``).
SIGNING_NAMES = (binds.DAY, *binds.pads(CURSOR), *binds.pads(MEDIA))
WEBHOOK_PURPOSE = "webhook:"
# For how long a link may work at most, in seconds.
MAX_LINK_SECONDS = 86_400
NOT_OURS = "The cursor is not one of this server's."


@dataclass(frozen=True)
class OldKey:
    """The secret before the current one: what it has signed is accepted until a time."""

    secret: str = field(repr=False)
    until: datetime
    clock: Callable[[], datetime]

    @property
    def is_accepted(self) -> bool:
        """Whether that time is still to come."""
        return self.clock() < self.until


class _Keys:
    """The keys that follow from one secret."""

    def __init__(self, secret: str) -> None:
        """Derive keys of our own, so that what signs cursors cannot forge a token."""
        # HKDF-Extract with its default salt (RFC 5869, section 2.2).
        self._root = hmac.digest(bytes(32), secret.encode(), "sha256")
        # Of webhooks' secrets, which no database is given, and of cursors that are older than the
        # keys by day: the places of readers who come back after long.
        self._lasting = hmac.digest(secret.encode(), b"deskgraph signed texts", "sha256")

    def of_day(self, purpose: str, day: str) -> bytes:
        """Return the key of a purpose for a day: HKDF-Expand of 32 bytes (RFC 5869, 2.3)."""
        return hmac.digest(self._root, f"deskgraph {purpose} {day}\x01".encode(), "sha256")

    def mac(self, purpose: str, day: str, text: str) -> bytes:
        """Return the signature of a text."""
        return _mac(self.of_day(purpose, day), text)

    def lasting_mac(self, payload: str) -> bytes:
        """Return the signature of a cursor from before there were keys by day."""
        return _mac(self._lasting, f"cursor:{payload}")

    def webhook_secret(self, webhook_id: UUID, salt: str) -> str:
        """Return the secret of a webhook."""
        signed = f"{WEBHOOK_PURPOSE}{webhook_id}:{salt}"
        raw = hmac.digest(self._lasting, signed.encode(), "sha256")
        return f"whsec_{base64.b64encode(raw).decode()}"


class Signer:
    """Signs texts under one secret, each for one purpose."""

    def __init__(self, secret: str, old: OldKey | None = None) -> None:
        """Take the secret that signs, and the one before it, whose signatures are read as well."""
        self._keys = _Keys(secret)
        self._old = None if old is None else (old, _Keys(old.secret))
        self._today: tuple[date, Mapping[str, object]] = (date.min, {})

    def _accepted(self) -> Iterator[_Keys]:
        """Yield the keys whose signatures are read now; those that sign come first."""
        yield self._keys
        if self._old is not None and self._old[0].is_accepted:
            yield self._old[1]

    def bind_values(self, now: datetime) -> Mapping[str, object]:
        """Return what statements need to sign at a time, by the names of their bind parameters.

        Besides the day, these are the pads of RFC 2104, which PostgreSQL is given instead of keys.
        """
        today = now.date()
        if self._today[0] != today:
            day = day_of(now)
            values: dict[str, object] = {binds.DAY: day}
            for purpose in (CURSOR, MEDIA):
                padded = self._keys.of_day(purpose, day).ljust(64, b"\0")
                inner, outer = binds.pads(purpose)
                values[inner] = bytes(byte ^ 0x36 for byte in padded)
                values[outer] = bytes(byte ^ 0x5C for byte in padded)
            self._today = (today, values)
        return self._today[1]

    def seal(self, payload: str, day: str) -> str:
        """Return the cursor of a payload: URL-safe base64 of payload, day and signature."""
        raw = f"{payload}{day}".encode() + self._keys.mac(CURSOR, day, payload)
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    def open(self, cursor: str) -> Sequence[str]:
        """Return the texts inside a cursor of any day; raises ``BadCursor`` unless we sealed it."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
            signed, mac = raw[:-MAC_BYTES].decode(), raw[-MAC_BYTES:]
        except (Base64Error, ValueError):
            raise BadCursor(NOT_OURS) from None
        payload, day = signed[:-DAY_LENGTH], signed[-DAY_LENGTH:]
        dated = _is_day(day)
        for keys in self._accepted():
            expected = keys.mac(CURSOR, day, payload) if dated else keys.lasting_mac(signed)
            if hmac.compare_digest(expected, mac):
                return _texts(payload if dated else signed)
        raise BadCursor(NOT_OURS)

    def seal_link(self, content: bytes, now: datetime) -> str:
        """Return a part of a link that only this server can have made of some bytes.

        What is inside can be read by everybody.
        """
        day, text = day_of(now), base64.urlsafe_b64encode(content).rstrip(b"=").decode()
        return f"{text}.{day}{self._keys.mac(DOWNLOAD, day, text).hex()}"

    def open_link(self, sealed: str) -> bytes | None:
        """Return the bytes inside a part of a link; None unless ``seal_link`` made it."""
        text, _, signature = sealed.partition(".")
        day = signature[:DAY_LENGTH]
        if not text.isascii() or not _is_day(day):
            return None
        given = signature.encode("utf-8", "replace")
        found = (day + keys.mac(DOWNLOAD, day, text).hex() for keys in self._accepted())
        if not any(hmac.compare_digest(expected.encode(), given) for expected in found):
            return None
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    def media_signature(self, key: str, expires: str, day: str) -> str:
        """Return the signature of a link to a stored file until a Unix time: day and hex."""
        return day + self._keys.mac(MEDIA, day, f"{expires}:{key}").hex()

    def is_media_signature(self, signature: str, key: str, expires: str) -> bool:
        """Whether a signature is of this link, and its day's key may sign for so long."""
        day = signature[:DAY_LENGTH]
        if not _is_day(day) or not _is_number(expires):
            return False
        text, given = f"{expires}:{key}", signature.encode("utf-8", "replace")
        found = (day + keys.mac(MEDIA, day, text).hex() for keys in self._accepted())
        if not any(hmac.compare_digest(expected.encode(), given) for expected in found):
            return False
        midnight = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC) + timedelta(days=1)
        return int(expires) <= midnight.timestamp() + MAX_LINK_SECONDS

    def webhook_secret(self, webhook_id: UUID, salt: str) -> str:
        """Return the secret of a webhook, as Standard Webhooks writes them; it is kept nowhere."""
        return self._keys.webhook_secret(webhook_id, salt)

    def webhook_secrets(self, webhook_id: UUID, salt: str) -> tuple[str, ...]:
        """Return what signs the messages of a webhook: its secret under each accepted key.

        Receivers know the secret that they were given under the key of that time.
        """
        return tuple(keys.webhook_secret(webhook_id, salt) for keys in self._accepted())

    def sql_functions(self) -> dict[str, Callable[..., object]]:
        """Return the functions that SQLite needs."""
        return {
            "seal_cursor": self.seal,
            "media_mac": lambda text, day: day + self._keys.mac(MEDIA, day, text).hex(),
        }


def day_of(now: datetime) -> str:
    """Return the day of a time as signatures have it."""
    return now.astimezone(UTC).date().isoformat().replace("-", "")


def _is_day(text: str) -> bool:
    return len(text) == DAY_LENGTH and _is_number(text)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20


def _mac(key: bytes, text: str) -> bytes:
    """Return the first 16 bytes of the text's HMAC-SHA256."""
    return hmac.digest(key, text.encode(), "sha256")[:MAC_BYTES]


def _texts(payload: str) -> Sequence[str]:
    """Read what is inside; it may be made up by somebody who has seen the key of some day."""
    try:
        parts = json.loads(payload)
    except (ValueError, RecursionError):
        raise BadCursor(NOT_OURS) from None
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise BadCursor(NOT_OURS)
    return parts


def content_hash() -> "hashlib._Hash":
    """Return the hash that identifies a file's content."""
    return hashlib.sha256()
