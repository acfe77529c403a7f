"""The actions of tickets: comments, assignments and statistics."""

from uuid import uuid4

import pytest

from tests.support.named_rows import SECRET
from tests.support.rest_client import RestClient
from tests.support.rows import key

pytestmark = pytest.mark.anyio

NOBODY = "99999999-0000-4000-8000-000000000000"
NOW = "2025-11-19T12:00:00Z"


async def test_a_comment_answers_with_the_ticket_as_it_was(api: RestClient) -> None:
    path = f"tickets/{key('offline')}/"
    response = await api.post(path + "add_comment/", json={"text": " Done ", "is_internal": "no"})

    assert response.status_code == 201
    body = response.json()
    assert [c["text"] for c in body["comments"]] == ["Text of public", f"internal, {SECRET}"]
    assert (body["comments_count"], body["first_response_at"]) == (2, NOW)
    now = (await api.get(path)).json()
    assert now["comments"].pop()["text"] == "Done"
    assert now == body


async def test_an_internal_note_is_no_response(api: RestClient) -> None:
    path = f"tickets/{key('volume')}/add_comment/"
    body = (await api.post(path, json={"text": "Hm", "is_internal": True})).json()

    assert {c["text"] for c in body["comments"]} == {"Text of own", f"note, {SECRET}"}
    assert len(body["comments"]) == 2
    assert (body["comments_count"], body["internal_notes_count"]) == (1, 2)
    assert body["first_response_at"] is None


async def test_a_comment_that_says_nothing(api: RestClient) -> None:
    path = f"tickets/{key('volume')}/add_comment/"
    unknown = f"tickets/{NOBODY}/add_comment/"
    not_found = {"detail": "No Ticket matches the given query."}

    for body in ({}, {"text": ""}, {"text": "  "}, {"text": None}, {"is_internal": "x"}):
        await api.refuses("POST", path, body, 400, {"error": "text is required"})
        await api.refuses("POST", unknown, body, 404, not_found)
    bad = {"text": "x", "is_internal": "maybe"}
    await api.refuses("POST", path, bad, 400, {"is_internal": ["Must be a valid boolean."]})
    nul = {"text": "a\0b"}
    await api.refuses("POST", path, nul, 400, {"text": ["Null characters are not allowed."]})


async def test_assigning(api: RestClient) -> None:
    path = f"tickets/{key('volume')}/assign/"
    body = (await api.post(path, json={"user_id": str(key("keith"))})).json()
    assert (body["status"], body["assigned_to_name"], body["assigned_team"]) == (
        "assigned",
        "Keith Test",
        "Tech",
    )
    for nobody in ({"user_id": None}, {"user_id": ""}, {}):
        await api.post(path, json={"user_id": str(key("admin"))})
        body = (await api.post(path, json=nobody)).json()
        assert (body["status"], body["assigned_to"], body["assigned_team"]) == ("new", None, "")


async def test_assigning_to_nobody_known(api: RestClient) -> None:
    path = f"tickets/{key('volume')}/assign/"
    unknown = {"error": "User not found"}

    await api.refuses("POST", path, {"user_id": NOBODY}, 404, unknown)
    await api.refuses("POST", path, {"user_id": str(key("carla"))}, 404, unknown)
    not_valid = {"user_id": ["“x” is not a valid UUID."]}
    await api.refuses("POST", path, {"user_id": "x"}, 400, not_valid)
    missing = {"detail": "No Ticket matches the given query."}
    await api.refuses("POST", f"tickets/{NOBODY}/assign/", {}, 404, missing)


async def test_statistics(api: RestClient) -> None:
    body = (await api.get("tickets/stats/")).json()

    statuses = {"new": 1, "assigned": 1, "in_progress": 0, "pending": 0, "resolved": 0, "closed": 1}
    assert body == {
        "total": 3,
        "by_status": statuses,
        "by_priority": {"low": 0, "medium": 2, "high": 1, "urgent": 0},
        "my_open_tickets": 1,
        "unassigned": 2,
        "overdue": 1,
    }
    assert (await api.get("tickets/stats/?assigned_team=Tech")).json()["total"] == 1
    assert (await api.get("tickets/stats/?status=new")).json()["total"] == 1
    assert (await api.get("tickets/stats/", "carla")).json()["total"] == 2
    api.statements.clear()
    await api.get("tickets/stats/?open=true")
    assert len(api.statements) == 1
    unknown = await api.get(f"tickets/stats/?company={uuid4()}")
    assert unknown.status_code == 400
    assert list(unknown.json()) == ["company"]
