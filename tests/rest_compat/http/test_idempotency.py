"""``Idempotency-Key`` on writes of REST: sent again, they are answered as before."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.support.rest_client import RestClient
from tests.support.rows import key

KEY = {"Idempotency-Key": "0c7bd2a0-one"}
REPLAYED = "Idempotency-Replayed"


async def twice(
    api: RestClient, method: str, path: str, who: str = "keith", **more: Any
) -> tuple[httpx.Response, httpx.Response]:
    """Send a write two times with a key; look that the second one writes nothing."""
    first = await api.call(method, path, who, headers=dict(KEY), **more)
    before = await api.everything()
    second = await api.call(method, path, who, headers=dict(KEY), **more)
    assert await api.everything() == before
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert REPLAYED not in first.headers
    assert second.headers[REPLAYED] == "true"
    for name in ("content-type", "etag", "allow"):
        assert second.headers.get(name) == first.headers.get(name)
    return first, second


async def test_a_create_is_done_once(api: RestClient) -> None:
    first, _ = await twice(api, "POST", "tickets/", json=api.minimal())
    assert first.status_code == 201
    found = (await api.get("tickets/?search=" + first.json()["ticket_number"])).json()
    assert found["count"] == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PATCH", "tickets/{ticket}/", {"priority": "low"}, 200),
        ("POST", "tickets/{ticket}/add_comment/", {"text": "Once"}, 201),
        ("POST", "tickets/{ticket}/assign/", {"user_id": None}, 200),
        ("DELETE", "tickets/{ticket}/", None, 204),
        ("POST", "tickets/", {"subject": ""}, 400),
        ("PATCH", "tickets/{nothing}/", {"priority": "low"}, 404),
    ],
)
async def test_any_write_is_answered_as_before(
    api: RestClient, method: str, path: str, body: Any, status: int
) -> None:
    given = path.format(ticket=key("offline"), nothing=key("nothing"))
    more = {} if body is None else {"json": body}
    first, _ = await twice(api, method, given, **more)
    assert first.status_code == status


async def test_an_upload_is_known_by_its_files(api: RestClient) -> None:
    async def upload(content: bytes) -> httpx.Response:
        # Each with a boundary of its own.
        return await api.post(
            "ticket-attachments/",
            headers=dict(KEY),
            data={"ticket": str(key("offline"))},
            files={"file": ("notes.txt", content)},
        )

    first = await upload(b"one")
    assert first.status_code == 201
    again = await upload(b"one")
    assert (again.content, again.headers[REPLAYED]) == (first.content, "true")
    other = await upload(b"two")
    assert other.status_code == 422


async def test_another_request_under_the_same_key_is_refused(api: RestClient) -> None:
    await api.post("tickets/", json=api.minimal(), headers=dict(KEY))
    before = await api.everything()
    for path, body in (
        ("tickets/", api.minimal(subject="Other")),
        ("contacts/", api.minimal()),
        ("tickets/?page=1", api.minimal()),
    ):
        other = await api.post(path, json=body, headers=dict(KEY))
        assert other.status_code == 422, path
        assert "another request" in other.json()["detail"].lower()
    assert await api.everything() == before


async def test_keys_are_each_users_own(api: RestClient) -> None:
    first = await api.post("tickets/", json=api.minimal(), headers=dict(KEY))
    other = await api.post("tickets/", "admin", json=api.minimal(), headers=dict(KEY))
    assert other.status_code == 201
    assert other.json()["id"] != first.json()["id"]


async def test_a_key_is_forgotten_after_a_day(api: RestClient) -> None:
    first = await api.post("tickets/", json=api.minimal(), headers=dict(KEY))
    api.world.clock.move(hours=24)
    later = await api.post("tickets/", json=api.minimal(), headers=dict(KEY))
    assert REPLAYED not in later.headers
    assert later.json()["id"] != first.json()["id"]


@pytest.mark.parametrize("bad", ["", " ", "a" * 256, "tab\there", "umläut"])
async def test_what_is_no_key_is_refused(api: RestClient, bad: str) -> None:
    before = await api.everything()
    found = await api.post(
        "tickets/", json=api.minimal(), headers={"Idempotency-Key": bad.encode("latin-1")}
    )
    assert found.status_code == 400
    assert "1 to 255 printable ASCII" in found.json()["detail"]
    assert await api.everything() == before


async def test_a_key_in_quotes_is_the_same(api: RestClient) -> None:
    first = await api.post("tickets/", json=api.minimal(), headers={"Idempotency-Key": "k"})
    again = await api.post("tickets/", json=api.minimal(), headers={"Idempotency-Key": '"k"'})
    assert again.content == first.content


async def test_requests_at_the_same_time_are_done_once(api: RestClient) -> None:
    found = await asyncio.gather(
        *(api.post("tickets/", json=api.minimal(), headers=dict(KEY)) for _ in range(8))
    )
    assert {one.status_code for one in found} == {201}
    assert len({one.content for one in found}) == 1
    assert sum(REPLAYED in one.headers for one in found) == 7
    assert len((await api.everything())["idempotency_keys"]) == 1


async def test_a_dry_run_shows_what_would_be_answered(api: RestClient) -> None:
    before = await api.everything()
    tried = await api.post("tickets/", json=api.minimal(), headers={"Prefer": "dry-run"})
    assert tried.status_code == 200, tried.text
    assert tried.headers["Preference-Applied"] == "dry-run"
    found = tried.json()
    assert (found["dry_run"], found["status"]) == (True, 201)
    assert found["response"]["subject"] == "S"
    [event] = found["events"]
    assert (event["type"], event["ticket"]) == ("created", found["response"]["id"])
    assert await api.everything() == before
    real = await api.post("tickets/", json=api.minimal())
    assert real.json()["ticket_number"] == found["response"]["ticket_number"]


async def test_a_dry_run_is_refused_as_the_write_would_be(api: RestClient) -> None:
    before = await api.everything()
    for headers in ({"Prefer": "dry-run"}, {"Prefer": "dry-run", **KEY}):
        tried = await api.post("tickets/", json={"subject": ""}, headers=headers)
        real = await api.post("tickets/", json={"subject": ""})
        assert (tried.status_code, tried.json()) == (real.status_code, real.json())
    assert await api.everything() == before


async def test_a_dry_run_of_an_upload_leaves_no_file(api: RestClient) -> None:
    before, files = await api.everything(), api.world.files()
    tried = await api.post(
        "ticket-attachments/",
        headers={"Prefer": "dry-run"},
        data={"ticket": str(key("offline"))},
        files={"file": ("notes.txt", b"one")},
    )
    assert tried.json()["status"] == 201
    assert await api.everything() == before
    assert api.world.files() == files


async def test_a_dry_run_of_a_delete_keeps_the_files(api: RestClient) -> None:
    before, files = await api.everything(), api.world.files()
    tried = await api.call("DELETE", f"tickets/{key('offline')}/", headers={"Prefer": "dry-run"})
    assert tried.json()["status"] == 204
    assert tried.json()["response"] is None
    assert await api.everything() == before
    assert api.world.files() == files
