"""httpx with tenacity: a write gets a key, with which it is sent until it is answered."""

import json
import os
from uuid import uuid4

import httpx
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_random_exponential

desk = httpx.Client(
    base_url=os.environ["DESK_REST"],
    headers={"Authorization": f"Bearer {os.environ['DESK_TOKEN']}"},
)


class Again(Exception):
    """The server says that the request may be sent again."""


@retry(
    retry=retry_if_exception_type((httpx.TransportError, Again)),
    wait=wait_random_exponential(multiplier=0.3, max=10),
    stop=stop_after_attempt(5),
    reraise=True,
)
def send(method: str, path: str, body: object, key: str) -> httpx.Response:
    """Send a write; the key stays the same whenever it is sent."""
    response = desk.request(method, path, json=body, headers={"Idempotency-Key": key})
    # A 409 without Retry-After is a conflict, which sending it again does not solve.
    if response.status_code in (409, 429, 502, 503, 504) and "Retry-After" in response.headers:
        raise Again(response.text)
    return response.raise_for_status()


ticket = send("POST", "/tickets/", json.loads(os.environ["DESK_TICKET"]), str(uuid4()))
print(ticket.json()["id"])
