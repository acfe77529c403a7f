"""Signatures: ours are those of Standard Webhooks, and what is not verified is not."""

import base64
import time

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from deskgraph.webhooks.retry_policy import DELAYS_SECONDS, next_delay
from deskgraph.webhooks.signing import NotVerified, key_of, signed_headers, verify

OLD, NEW, OTHER = (f"whsec_{base64.b64encode(bytes([i]) * 32).decode()}" for i in range(3))
BODY = '{"text":"Ünïcode \U0001f3b5"}'.encode()
NOW = int(time.time())


def test_a_known_signature() -> None:
    """The example of the specification's reference library."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = signed_headers(
        [secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}'
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_the_library_takes_ours_and_we_take_the_librarys() -> None:
    # The library takes no other clock, and nothing that is older than five minutes.
    now = int(time.time())
    headers = signed_headers([NEW, OLD], "id", now, BODY)
    for secret in (OLD, NEW):
        Webhook(secret).verify(BODY, headers)
        verify([secret], headers, BODY, now)
    with pytest.raises(WebhookVerificationError):
        Webhook(OTHER).verify(BODY, headers)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"webhook-id": "other"}, "no signature"),
        ({"webhook-timestamp": str(NOW - 1)}, "no signature"),
        ({"webhook-timestamp": str(NOW - 301)}, "five minutes"),
        ({"webhook-timestamp": str(NOW + 301)}, "five minutes"),
        ({"webhook-timestamp": "soon"}, "no number"),
        ({"webhook-timestamp": "9" * 5000}, "no number"),
        ({"webhook-timestamp": ""}, "missing"),
        ({"webhook-signature": ""}, "missing"),
        ({"webhook-signature": "v1,"}, "no signature"),
        ({"webhook-signature": "v1,ünïcode nonsense , ,,"}, "no signature"),
        ({"webhook-id": ""}, "missing"),
    ],
)
def test_what_was_altered_is_not_verified(change: dict[str, str], why: str) -> None:
    headers = signed_headers([NEW], "id", NOW, BODY) | change
    with pytest.raises(NotVerified, match=why):
        verify([NEW], headers, BODY, NOW)


def test_another_body_or_secret_is_not_verified() -> None:
    headers = signed_headers([NEW], "id", NOW, BODY)
    verify([OTHER, NEW], headers, BODY, NOW)
    for secrets, body in (([NEW], BODY + b" "), ([OTHER], BODY), ([], BODY)):
        with pytest.raises(NotVerified, match="no signature"):
            verify(secrets, headers, body, NOW)


@pytest.mark.parametrize("text", ["", "whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_?!"])
def test_what_is_no_secret_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a webhook secret"):
        key_of(text)


def test_delays_grow_are_spread_and_end_after_a_day() -> None:
    longest = [next_delay(i + 1, lambda: 1.0) for i in range(len(DELAYS_SECONDS))]
    shortest = [next_delay(i + 1, lambda: 0.0) for i in range(len(DELAYS_SECONDS))]
    assert [delay and delay.total_seconds() for delay in longest] == list(DELAYS_SECONDS)
    assert [delay and delay.total_seconds() for delay in shortest] == [
        0.8 * d for d in DELAYS_SECONDS
    ]
    assert 23 * 3600 < sum(DELAYS_SECONDS) < 24 * 3600
    assert list(DELAYS_SECONDS) == sorted(DELAYS_SECONDS)
    assert next_delay(len(DELAYS_SECONDS) + 1, lambda: 1.0) is None
