"""Writing comments."""

import pytest

from tests.support.rest_client import RestClient
from tests.support.rows import key

pytestmark = pytest.mark.anyio

NOBODY = "99999999-0000-4000-8000-000000000000"
REQUIRED = ["This field is required."]


async def test_creating(api: RestClient) -> None:
    ticket = str(key("volume"))
    sent = {"ticket": ticket, "text": " Hello ", "author": NOBODY}
    response = await api.post("ticket-comments/", json=sent)

    assert response.status_code == 201
    body = response.json()
    assert body == {
        "id": body["id"],
        "ticket": ticket,
        "author": str(key("keith")),
        "author_name": "Keith Test",
        "author_role": "Tech",
        "text": "Hello",
        "is_internal": False,
        "created_at": "2025-11-19T12:00:00Z",
        "updated_at": "2025-11-19T12:00:00Z",
    }
    assert (await api.get(f"ticket-comments/{body['id']}/")).json() == body
    stamped = (await api.get(f"tickets/{ticket}/")).json()["first_response_at"]
    assert stamped == "2025-11-19T12:00:00Z"


async def test_what_is_wrong_with_a_comment(api: RestClient) -> None:
    before = await api.everything()
    ticket = str(key("volume"))
    for sent, errors in [
        ({}, {"ticket": REQUIRED, "text": REQUIRED}),
        ({"text": "x", "ticket": "y"}, {"ticket": ["“y” is not a valid UUID."]}),
        (
            {"text": "", "ticket": NOBODY},
            {
                "ticket": [f'Invalid pk "{NOBODY}" - object does not exist.'],
                "text": ["This field may not be blank."],
            },
        ),
        (
            {"text": "x", "ticket": ticket, "is_internal": None},
            {"is_internal": ["This field may not be null."]},
        ),
    ]:
        response = await api.post("ticket-comments/", json=sent)
        assert response.status_code == 400
        assert response.json() == errors
    assert await api.everything() == before


async def test_changing(api: RestClient) -> None:
    path = f"ticket-comments/{key('public')}/"
    body = (await api.patch(path, json={"text": "Better"})).json()
    assert (body["text"], body["updated_at"]) == ("Better", "2025-11-19T12:00:00Z")

    missing = await api.put(path, json={"is_internal": True})
    assert missing.status_code == 400
    assert missing.json() == {"ticket": REQUIRED, "text": REQUIRED}

    whole = {"ticket": str(key("offline")), "text": "Best", "is_internal": "on"}
    body = (await api.put(path, json=whole)).json()
    assert (body["text"], body["is_internal"]) == ("Best", True)

    moved = await api.patch(path, json={"ticket": str(key("volume"))})
    assert moved.status_code == 400
    assert moved.json() == {"ticket": ["A comment stays with its ticket."]}


async def test_deleting(api: RestClient) -> None:
    path = f"ticket-comments/{key('public')}/"
    response = await api.delete(path)

    assert (response.status_code, response.content) == (204, b"")
    assert (await api.delete(path)).json() == {
        "detail": "No TicketComment matches the given query."
    }


async def test_customers_and_comments(api: RestClient) -> None:
    await api.let_olga_in()
    before = await api.everything()
    for name, who in [("internal", "carla"), ("public", "olga")]:
        path = f"ticket-comments/{key(name)}/"
        for method in ("GET", "PATCH", "DELETE"):
            response = await api.call(method, path, who, json={"text": "x"})
            assert response.status_code == 404
            assert response.json() == {"detail": "No TicketComment matches the given query."}
    path = f"ticket-comments/{key('public')}/"
    assert (await api.get(path, "carla")).status_code == 200
    for method, detail in [
        ("PATCH", "Customers may only change their own comments."),
        ("DELETE", "Customers may only delete their own comments."),
    ]:
        response = await api.call(method, path, "carla", json={"text": "x"})
        assert (response.status_code, response.json()) == (403, {"detail": detail})
    assert await api.everything() == before
