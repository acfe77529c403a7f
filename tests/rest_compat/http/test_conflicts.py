"""``If-Match`` that does not fit: the explained 412, and ``Prefer: merge``."""

from typing import Any

import httpx
import pytest
from sqlalchemy import text

from models import Comment, Ticket
from tests.support.rest_client import RestClient
from tests.support.rows import key

pytestmark = pytest.mark.anyio

TICKET = f"tickets/{key('offline')}/"
COMMENT = f"ticket-comments/{key('public')}/"
DETAIL = "If-Match does not fit: it has changed since then."
MERGE = {"Prefer": "merge"}


async def tag(api: RestClient, path: str = TICKET, who: str = "keith") -> str:
    found: str = (await api.get(path, who)).headers["etag"]
    return found


async def write(
    api: RestClient, method: str, path: str, seen: str, body: Any, who: str = "keith", **more: str
) -> httpx.Response:
    return await api.call(method, path, who, json=body, headers={"If-Match": seen, **more})


async def refused(api: RestClient, *request: Any, **more: str) -> Any:
    """Send a write that changes nothing; returns what its 412 explains."""
    before = await api.everything()
    answer = await write(api, *request, **more)
    assert answer.status_code == 412, answer.text
    assert "preference-applied" not in answer.headers
    assert await api.everything() == before
    body = answer.json()
    assert body.pop("detail") == DETAIL
    return body.get("conflict")


async def test_a_412_explains_itself(api: RestClient) -> None:
    seen = await tag(api)
    await api.patch(TICKET, "admin", json={"priority": "low", "tags": "", "due_date": None})

    conflict = await refused(api, "PATCH", TICKET, seen, {"priority": "urgent", "subject": "S"})

    assert conflict == {
        "expected_version": 1,
        "actual_version": 2,
        "is_explained": True,
        "changed_fields": ["priority", "due_date", "tags"],
        "fields": [
            {
                "field": "priority",
                "base": "high",
                "base_excerpt_start": None,
                "base_length": None,
                "yours": "urgent",
                "theirs": "low",
                "changed_by": str(key("admin")),
                "changed_by_name": "Admin Test",
                "changed_at": "2025-11-19T12:00:00Z",
            }
        ],
    }


async def test_every_write_with_a_condition_explains_itself(api: RestClient) -> None:
    seen = await tag(api)
    await api.patch(TICKET, "admin", json={"priority": "low", "assigned_to": None})
    for method, path, body, against in (
        ("DELETE", TICKET, {}, []),
        ("POST", TICKET + "add_comment/", {"text": "Done"}, []),
        ("POST", TICKET + "assign/", {"user_id": str(key("admin"))}, ["assigned_to"]),
        # As before: the condition is looked at first.
        ("POST", TICKET + "assign/", {"user_id": str(key("nothing"))}, []),
        ("PATCH", TICKET, {"priority": "nonsense"}, []),
        ("PATCH", TICKET, {"priority": "nonsense", "assigned_to": str(key("admin"))},
         ["assigned_to"]),
        ("PATCH", TICKET, {"company": str(key("nothing"))}, []),
    ):  # fmt: skip
        conflict = await refused(api, method, path, seen, body)
        assert conflict["changed_fields"] == ["assigned_to", "priority"]
        assert [one["field"] for one in conflict["fields"]] == against

    # What could be merged is refused for its own reasons.
    before = await api.everything()
    body = {"tags": "a", "category": "nonsense"}
    assert (await write(api, "PATCH", TICKET, seen, body, **MERGE)).status_code == 400
    body = {"user_id": str(key("nothing"))}
    answer = await write(api, "POST", TICKET + "assign/", seen, body, **MERGE)
    assert answer.status_code == 404
    assert await api.everything() == before


async def test_old_tags_and_those_of_other_rows_explain_nothing(api: RestClient) -> None:
    seen = await tag(api)
    old = f'{seen.partition("-")[0]}"'
    assert (await write(api, "PATCH", TICKET, old, {"tags": "a"})).status_code == 200

    other = await tag(api, f"tickets/{key('volume')}/")
    forged = seen.replace("-1-", "-2-")
    for given in (old, other, forged, f"W/{seen}", f'{old}, "x", {other}'):
        for prefer in ({}, MERGE):
            body = {"subject": "Mine"}
            assert await refused(api, "PATCH", TICKET, given, body, **prefer) is None, given


async def test_of_several_tags_the_oldest_version_counts(api: RestClient) -> None:
    first = await tag(api)
    await api.patch(TICKET, "admin", json={"priority": "low"})
    second = await tag(api)
    await api.patch(TICKET, "admin", json={"tags": "theirs"})

    seen = f'"x", {second}, {first}'
    conflict = await refused(api, "PATCH", TICKET, seen, {"priority": "urgent"}, **MERGE)
    assert conflict["expected_version"] == 1


@pytest.mark.parametrize(
    "prefer",
    ["merge", "Merge", 'respond-async, foo="a, b"; c ,merge ; x=1', 'merge=""', "a,,merge"],
)
async def test_a_change_of_other_fields_is_merged(api: RestClient, prefer: str) -> None:
    seen = await tag(api)
    await api.patch(TICKET, "admin", json={"priority": "low"})

    answer = await write(api, "PATCH", TICKET, seen, {"tags": "mine"}, Prefer=prefer)

    assert (answer.status_code, answer.headers["preference-applied"]) == (200, "merge")
    assert answer.headers["etag"] == await tag(api)
    shown = answer.json()
    assert (shown["priority"], shown["tags"]) == ("low", "mine")
    # Nothing is merged where the tag fits, or where there is none.
    answer = await write(api, "PATCH", TICKET, await tag(api), {"tags": "x"}, Prefer=prefer)
    assert (answer.status_code, answer.headers.get("preference-applied")) == (200, None)
    answer = await api.call("PATCH", TICKET, json={"tags": "y"}, headers={"Prefer": prefer})
    assert (answer.status_code, answer.headers.get("preference-applied")) == (200, None)


@pytest.mark.parametrize(
    "prefer",
    ["", "emerge", 'x="merge', 'x="a,merge,b"', "merge=no", "x;merge", '"merge"', '"' * 999],
)
async def test_other_preferences_merge_nothing(api: RestClient, prefer: str) -> None:
    seen = await tag(api)
    await api.patch(TICKET, "admin", json={"priority": "low"})
    conflict = await refused(api, "PATCH", TICKET, seen, {"tags": "mine"}, Prefer=prefer)
    assert conflict["fields"] == []


async def test_a_put_of_what_was_read_changes_only_what_it_changes(api: RestClient) -> None:
    answer = await api.get(TICKET)
    seen, read = answer.headers["etag"], answer.json()
    theirs = {"priority": "low", "contact": None, "due_date": "2026-01-01T00:00:00Z"}
    await api.patch(TICKET, "admin", json=theirs)

    put = read | {"subject": "Mine", "status": "pending"}
    done = await write(api, "PUT", TICKET, seen, put, **MERGE)

    assert (done.status_code, done.headers["preference-applied"]) == (200, "merge")
    shown = done.json()
    assert (shown["subject"], shown["status"], shown["priority"]) == ("Mine", "pending", "low")
    assert (shown["contact"], shown["due_date"]) == (None, theirs["due_date"])
    assert shown["tags"] == read["tags"]

    conflict = await refused(api, "PUT", TICKET, seen, put | {"priority": "urgent"}, **MERGE)
    (field,) = conflict["fields"]
    assert (field["field"], field["base"], field["theirs"]) == ("priority", "high", "low")


async def test_what_versions_do_not_count_is_merged_with(api: RestClient) -> None:
    """A new comment makes another tag, and no other version."""
    seen = await tag(api)
    await api.post(TICKET + "add_comment/", "admin", json={"text": "Theirs"})

    conflict = await refused(api, "PATCH", TICKET, seen, {"tags": "mine"})
    assert (conflict["expected_version"], conflict["actual_version"]) == (1, 1)
    assert (conflict["is_explained"], conflict["changed_fields"]) == (True, [])
    answer = await write(api, "PATCH", TICKET, seen, {"tags": "mine"}, **MERGE)
    assert (answer.status_code, answer.headers["preference-applied"]) == (200, "merge")


async def test_assigning_and_comments_are_merged(api: RestClient) -> None:
    seen = await tag(api)
    await api.patch(TICKET, "admin", json={"subject": "Theirs"})
    body = {"user_id": str(key("admin"))}
    answer = await write(api, "POST", TICKET + "assign/", seen, body, **MERGE)
    assert answer.headers["preference-applied"] == "merge"
    assert (await api.world.get(Ticket, key("offline"))).assigned_to_id == key("admin")

    seen = await tag(api, COMMENT)
    await api.patch(COMMENT, "admin", json={"is_internal": True})
    answer = await write(api, "PATCH", COMMENT, seen, {"text": "Mine"}, **MERGE)
    assert answer.headers["preference-applied"] == "merge"
    stored = await api.world.get(Comment, key("public"))
    assert (stored.text, stored.is_internal) == ("Mine", True)
    whole = {"ticket": str(key("offline")), "text": "Again", "is_internal": False}
    conflict = await refused(api, "PUT", COMMENT, seen, whole, **MERGE)
    assert [one["field"] for one in conflict["fields"]] == ["text"]


async def test_a_delete_is_never_merged(api: RestClient) -> None:
    for path in (COMMENT, TICKET):
        seen = await tag(api, path)
        body = {"text": "Theirs"} if path == COMMENT else {"subject": "Theirs"}
        await api.patch(path, "admin", json=body)
        assert await refused(api, "DELETE", path, seen, {}, **MERGE)


async def test_what_is_not_known_is_said(api: RestClient) -> None:
    seen = await tag(api)
    await api.patch(TICKET, "admin", json={"subject": "Theirs"})
    async with api.database.transaction() as session:
        await (await session.connection()).execute(text("UPDATE ticket_events SET version = NULL"))

    conflict = await refused(api, "PATCH", TICKET, seen, {"subject": "Mine"}, **MERGE)
    assert (conflict["is_explained"], conflict["changed_fields"]) == (False, [])
    (field,) = conflict["fields"]
    assert (field["theirs"], field["yours"], field["base"]) == ("Theirs", "Mine", None)
    assert (field["changed_by"], field["changed_at"]) == (None, None)


async def test_customers_are_explained_what_they_see(api: RestClient) -> None:
    path = f"tickets/{key('volume')}/"
    seen = await tag(api, path, "carla")
    await api.patch(path, json={"subject": "Theirs", "assigned_to": str(key("keith"))})

    conflict = await refused(api, "PATCH", path, seen, {"subject": "Mine"}, "carla", **MERGE)
    assert conflict["changed_fields"] == ["assigned_to", "subject"]
    assert conflict["fields"][0]["changed_by_name"] == "Keith Test"


async def test_an_explanation_takes_one_statement_more(api: RestClient) -> None:
    async def count(seen: str, body: Any, status: int, **more: str) -> int:
        api.statements.clear()
        assert (await write(api, "PATCH", TICKET, seen, body, **more)).status_code == status
        return len([one for one in api.statements if not one.startswith(("BEGIN", "COMMIT"))])

    await write(api, "PATCH", TICKET, await tag(api), {"tags": "0"})
    seen = await tag(api)
    plain = await count(seen, {"tags": "1"}, 200)
    assert await count(await tag(api), {"tags": "2"}, 200, **MERGE) == plain
    assert await count(seen, {"subject": "Mine"}, 200, **MERGE) == plain + 1
    other = await count('"other"', {"tags": "3"}, 412)
    assert await count(seen, {"tags": "3"}, 412) == other + 1
