"""``ETag`` and ``If-Match``: a write that was meant for another state of a row does nothing."""

import asyncio

import pytest
from sqlalchemy import text

from tests.support.rest_client import RestClient
from tests.support.rows import key

pytestmark = pytest.mark.anyio


async def tag(api: RestClient, path: str, who: str = "keith") -> str:
    """Return the tag of a row, which HEAD tells as well."""
    answer = await api.get(path, who)
    assert answer.headers["etag"] == (await api.call("HEAD", path, who)).headers["etag"]
    found: str = answer.headers["etag"]
    return found


async def test_writes_answer_with_the_tag_of_what_they_left(api: RestClient) -> None:
    path = f"tickets/{key('volume')}/"
    user = str(key("keith"))
    for method, where, body in [
        ("PATCH", path, {"priority": "high"}),
        ("PUT", path, {"subject": "x", "description": "y", "company": str(key("hilton"))}),
        ("POST", path + "add_comment/", {"text": "Done"}),
        ("POST", path + "assign/", {"user_id": user}),
    ]:
        before = await tag(api, path)
        answer = await api.call(method, where, json=body, headers={"If-Match": before})
        assert answer.status_code in (200, 201)
        assert answer.headers["etag"] == await tag(api, path) != before

    made = await api.post("ticket-comments/", json={"ticket": str(key("volume")), "text": "x"})
    place = f"ticket-comments/{made.json()['id']}/"
    assert made.headers["etag"] == await tag(api, place)
    edited = await api.call("PATCH", place, json={"text": "y"},
                            headers={"If-Match": f'"other" ,, {made.headers["etag"]}'})  # fmt: skip
    assert edited.headers["etag"] == await tag(api, place) != made.headers["etag"]


async def test_a_condition_that_does_not_fit_changes_nothing(api: RestClient) -> None:
    ticket = f"tickets/{key('volume')}/"
    comment = f"ticket-comments/{key('public')}/"
    current = await tag(api, ticket)
    whole = {"subject": "x", "description": "y", "company": str(key("hilton"))}
    about = {"ticket": str(key("offline")), "text": "x"}
    writes = [
        ("PATCH", ticket, {"priority": "high"}),
        ("PUT", ticket, whole),
        ("DELETE", ticket, {}),
        ("POST", ticket + "add_comment/", {"text": "Done"}),
        ("POST", ticket + "assign/", {"user_id": None}),
        ("PATCH", comment, {"text": "x"}),
        ("PUT", comment, about),
        ("DELETE", comment, {}),
    ]
    conditions = [
        ('"other"', 412),
        # Weak tags never match strongly.
        (f"W/{current}", 412),
        (f'"a", W/{current}', 412),
        # The tag of another row.
        (await tag(api, f"tickets/{key('offline')}/"), 412),
        ("other", 400),
        ('"a" "b"', 400),
        ('"a", *', 400),
        ('"a', 400),
        ("", 400),
        ('"a"x', 400),
    ]
    for given, status in conditions:
        for method, path, body in writes if given in ('"other"', "other") else writes[:1]:
            answer = await api.call(method, path, json=body, headers={"If-Match": given})
            assert (answer.status_code, list(answer.json())) == (status, ["detail"]), given
    assert await tag(api, ticket) == current
    assert (await api.get(comment)).json()["text"] == "Text of public"

    missing = await api.call("PATCH", f"tickets/{key('nothing')}/", json={},
                             headers={"If-Match": "other"})  # fmt: skip
    assert missing.status_code == 404
    assert (await api.call("DELETE", ticket, headers={"If-Match": "*"})).status_code == 204


async def test_a_tag_changes_with_all_that_an_answer_shows(api: RestClient) -> None:
    path = f"tickets/{key('offline')}/"
    changes = [
        "UPDATE companies SET name = 'Renamed'",
        "UPDATE users SET first_name = 'Other'",
        "UPDATE comments SET text = text || '.'",
        "UPDATE tickets SET due_date = '2031-01-01T00:00:00.000000Z'",
        "DELETE FROM comments WHERE is_internal",
    ]
    seen = {await tag(api, path)}
    for change in changes:
        async with api.services.database.transaction() as session:
            await (await session.connection()).execute(text(change))
        seen.add(await tag(api, path))
    assert len(seen) == len(changes) + 1


async def test_a_customers_tag_tells_nothing_of_internal_notes(api: RestClient) -> None:
    path = f"tickets/{key('offline')}/"
    before, internally = await tag(api, path, "carla"), await tag(api, path)

    await api.post(path + "add_comment/", json={"text": "Psst", "is_internal": True})

    assert await tag(api, path, "carla") == before
    assert await tag(api, path) != internally


async def test_one_of_two_writers_with_the_same_tag_is_refused(api: RestClient) -> None:
    path = f"tickets/{key('volume')}/"
    given = {"If-Match": await tag(api, path)}
    first = await api.call("PATCH", path, json={"priority": "high"}, headers=given)
    second = await api.call("PATCH", path, json={"priority": "low"}, headers=given)

    assert (first.status_code, second.status_code) == (200, 412)
    assert (await api.get(path)).json()["priority"] == "high"


async def test_of_two_writers_at_once_one_is_refused(api: RestClient) -> None:
    path = f"tickets/{key('volume')}/"
    given = {"If-Match": await tag(api, path)}
    answers = await asyncio.gather(
        *(api.call("PATCH", path, json={"tags": str(i)}, headers=given) for i in range(4))
    )

    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    (done,) = [answer for answer in answers if answer.status_code == 200]
    assert (await api.get(path)).json()["tags"] == done.json()["tags"]


async def test_what_changes_nothing_keeps_its_tag(api: RestClient) -> None:
    for path, body in [
        (f"tickets/{key('offline')}/", {"status": "assigned"}),
        (f"ticket-comments/{key('public')}/", {}),
    ]:
        before = await api.get(path)
        api.clock.move(minutes=1)
        answer = await api.call("PATCH", path, json=body)
        if "comments" not in path:
            assert answer.json()["updated_at"] == before.json()["updated_at"]
        assert answer.headers["etag"] == (await api.get(path)).headers["etag"]


async def test_a_contact_belongs_to_the_company(api: RestClient) -> None:
    path = f"tickets/{key('offline')}/"
    other = (await api.post("contacts/", "admin", json={
        "company": str(key("centara")), "name": "Jane"})).json()["id"]  # fmt: skip
    sentence = {"contact": ["The contact does not belong to the company of the ticket."]}
    new = {"subject": "x", "description": "y", "company": str(key("hilton"))}

    await api.refuses("PATCH", path, {"contact": other}, 400, sentence)
    await api.refuses("POST", "tickets/", {**new, "contact": other}, 400, sentence)
    moved = await api.call("PATCH", path, json={"company": str(key("centara"))})
    assert (moved.json()["contact"], moved.json()["contact_name"]) == (None, None)
