"""``POST ticket-events/{id}/undo/``."""

from typing import Any

import pytest

from tests.support.rest_client import RestClient
from tests.support.rows import key

pytestmark = pytest.mark.anyio

TICKET = f"/api/v1/tickets/{key('offline')}/"


async def change(api: RestClient, who: str = "keith", **to: Any) -> str:
    """Change the ticket; returns the path that undoes it."""
    assert (await api.call("PATCH", TICKET, who, json=to)).status_code == 200
    events = (await api.get("/api/v1/ticket-events/?limit=1000")).json()["results"]
    return f"/api/v1/ticket-events/{events[-1]['id']}/undo/"


async def test_it_answers_with_the_ticket(api: RestClient) -> None:
    before = (await api.get(TICKET)).json()
    path = await change(api, priority="low")

    tried = await api.call("POST", path, "keith", headers={"Prefer": "dry-run"})
    assert (tried.status_code, tried.json()["response"]["priority"]) == (200, "high")
    assert (await api.get(TICKET)).json()["priority"] == "low"

    once = {"Idempotency-Key": "undo-1"}
    for replayed in (None, "true"):
        done = await api.call("POST", path, "keith", headers=once)
        assert done.status_code == 200
        assert {**done.json(), "updated_at": ""} == {**before, "updated_at": ""}
        assert done.headers.get("Idempotency-Replayed") == replayed
        assert done.headers["ETag"]


async def test_a_conflict_says_who_and_when(api: RestClient) -> None:
    path = await change(api, priority="low")
    await change(api, "admin", priority="urgent")
    before = await api.everything()
    refused = await api.post(path)
    assert refused.status_code == 409
    assert refused.json()["detail"] == "It was changed by somebody else in the meantime."
    [field] = refused.json()["conflict"]["fields"]
    assert field["changed_by_name"] == "Admin Test"
    assert (field["base"], field["yours"], field["theirs"]) == ("low", "high", "urgent")
    assert await api.everything() == before


async def test_other_refusals(api: RestClient) -> None:
    path = await change(api, priority="low")
    for who, status, told in (
        ("carla", 403, {"reason": "forbidden"}),
        (None, 401, {}),
    ):
        refused = await api.call("POST", path, who)
        assert refused.status_code == status
        assert told.items() <= refused.json().items()
    api.world.clock.move(hours=24)
    refused = await api.post(path)
    assert (refused.status_code, refused.json()) == (
        409,
        {"detail": "It is too long ago to be undone.", "reason": "too_old"},
    )
    for nothing in (key("nothing"), "x"):
        refused = await api.post(f"/api/v1/ticket-events/{nothing}/undo/")
        assert refused.status_code in (400, 404), refused.json()


async def test_a_deleted_ticket_comes_back(api: RestClient) -> None:
    before = (await api.get(TICKET)).json()
    file = before["attachments"][0]["file"]
    assert (await api.delete(TICKET)).status_code == 204
    events = (await api.get("/api/v1/ticket-events/?limit=1000")).json()["results"]
    assert (await api.get(file)).status_code == 404
    assert (await api.get("/api/v1/tickets/")).json()["count"] == 2

    done = await api.post(f"/api/v1/ticket-events/{events[-1]['id']}/undo/")
    assert (done.status_code, done.json()) == (200, before)
    assert (await api.get(file)).status_code == 200
    assert (await api.get("/api/v1/tickets/")).json()["count"] == 3


async def test_a_deleted_comment_is_not_merged_with(api: RestClient) -> None:
    path = f"/api/v1/ticket-comments/{key('public')}/"
    tag = (await api.get(path)).headers["ETag"]
    await api.delete(path)
    before = await api.everything()
    headers = {"If-Match": tag, "Prefer": "merge"}
    response = await api.call("PATCH", path, "keith", json={"text": "Mine"}, headers=headers)
    assert response.status_code == 404
    assert await api.everything() == before
