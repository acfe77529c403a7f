"""Signatures of Standard Webhooks, version 1.0.0: HMAC-SHA256 over id, time and body."""

import base64
import binascii
import hmac
from collections.abc import Iterable, Mapping

PREFIX = "whsec_"
# How far the time of a message may be from ours, in seconds, so that none can be replayed later.
TOLERANCE_SECONDS = 300


class NotVerified(Exception):
    """A message is not one of the sender's; the text says why."""


def key_of(secret: str) -> bytes:
    """Return the key inside a secret; raises ``ValueError`` where it is none."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("not a webhook secret") from None
    if not secret.startswith(PREFIX) or not key:
        raise ValueError("not a webhook secret")
    return key


def sign(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return one signature, as the header has it."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    mac = hmac.digest(key_of(secret), signed, "sha256")
    return f"v1,{base64.b64encode(mac).decode()}"


def signed_headers(
    secrets: Iterable[str], message_id: str, timestamp: int, body: bytes
) -> dict[str, str]:
    """Return the three headers of a message; each secret signs it."""
    signatures = (sign(secret, message_id, timestamp, body) for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def verify(secrets: Iterable[str], headers: Mapping[str, str], body: bytes, now: int) -> None:
    """Raise ``NotVerified`` unless one of the secrets signed a message of these minutes."""
    message_id, timestamp, signatures = (
        headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")
    )
    if not (message_id and timestamp and signatures):
        raise NotVerified("a header of the signature is missing")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 20):
        raise NotVerified("the time is no number")
    if abs(int(timestamp) - now) > TOLERANCE_SECONDS:
        raise NotVerified("the time is more than five minutes off")
    expected = [sign(secret, message_id, int(timestamp), body) for secret in secrets]
    given = signatures.encode().split(b" ")
    if not any(hmac.compare_digest(one.encode(), other) for one in expected for other in given):
        raise NotVerified("no signature is of this secret")
