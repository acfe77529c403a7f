"""``GET /ticket-events/``: the feed for clients of this API."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.rest_client import RestClient
from tests.support.rows import event, key

pytestmark = pytest.mark.anyio

PATH = "ticket-events/"


async def get(api: RestClient, who: str = "keith", **params: Any) -> Any:
    response = await api.call("GET", PATH, who, params=params)
    assert response.status_code == 200, response.text
    return response.json()


async def happen(api: RestClient, count: int) -> None:
    """Let something happen to tickets of both companies, in turns."""
    for number in range(count):
        ticket = key(("offline", "bill")[number % 2])
        sent = {"priority": ("urgent", "low")[number // 2 % 2]}
        assert (await api.patch(f"tickets/{ticket}/", json=sent)).status_code == 200


async def test_an_event_is_told_in_the_words_of_this_api(api: RestClient) -> None:
    await api.patch(f"tickets/{key('offline')}/", json={"status": "in_progress", "due_date": None})
    page = await get(api)
    [status, updated] = page["results"]
    assert status == {
        "id": status["id"],
        "cursor": status["cursor"],
        "type": "status_changed",
        "at": "2025-11-19T12:00:00Z",
        "actor": str(key("keith")),
        "actor_name": "Keith Test",
        "via": "rest",
        "is_internal": False,
        "ticket": str(key("offline")),
        "ticket_number": "T-20251109-0001",
        "comment": None,
        "attachment": None,
        "changes": [{"field": "status", "from": "assigned", "to": "in_progress"}],
    }
    assert updated["changes"] == [{"field": "due_date", "from": "2025-11-19T11:00:00Z", "to": None}]
    assert (page["next"], page["cursor"]) == (None, updated["cursor"])


async def test_following_next_and_then_the_cursor_misses_nothing(api: RestClient) -> None:
    await happen(api, 5)
    page = await get(api, limit=2, type="updated")
    found = page["results"]
    while page["next"]:
        parts = urlsplit(page["next"])
        query = {name: value[0] for name, value in parse_qs(parts.query).items()}
        assert parts.path == "/api/v1/ticket-events/"
        assert query == {"limit": "2", "type": "updated", "after": page["cursor"]}
        page = await get(api, **query)
        found += page["results"]
    assert [event["ticket"] for event in found] == [
        str(key(name)) for name in ("offline", "bill", "offline", "bill", "offline")
    ]

    end = page["cursor"]
    assert await get(api, after=end) == {"next": None, "cursor": end, "results": []}
    await api.patch(f"tickets/{key('offline')}/", json={"subject": "New"})
    [event] = (await get(api, after=end))["results"]
    assert event["ticket"] == str(key("offline"))


async def test_pages_are_bounded_by_bytes_as_well(api: RestClient) -> None:
    text = "x" * 300_000
    changes = [{"field": "description", "from": "y", "to": text}]
    await api.add(*(event(f"e{i}", "offline", type="updated", changes=changes) for i in range(10)))
    page = await get(api, limit=1000)
    found = [page["results"]]
    while page["next"]:
        page = (await api.get(page["next"].removeprefix("http://desk.test"))).json()
        found.append(page["results"])
    assert [len(events) for events in found] == [7, 3]
    assert len({event["id"] for events in found for event in events}) == 10


async def test_of_long_texts_there_are_excerpts_with_their_lengths(api: RestClient) -> None:
    path = f"tickets/{key('offline')}/"
    for description in ("a" * 3000, "a" * 3000 + "b"):
        sent = {"description": description, "subject": f"{len(description)}"}
        assert (await api.patch(path, json=sent)).status_code == 200
    subject, text = (await get(api))["results"][-1]["changes"]
    assert subject == {"field": "subject", "from": "3000", "to": "3001"}
    lengths = {"excerpt_start": 2900, "from_length": 3000, "to_length": 3001}
    assert text == {"field": "description", "from": "a" * 100, "to": "a" * 100 + "b", **lengths}


async def test_nothing_yet_has_no_cursor(api: RestClient) -> None:
    assert await get(api) == {"next": None, "cursor": None, "results": []}


async def test_customers_follow_their_own_company_with_the_same_cursors(api: RestClient) -> None:
    await happen(api, 4)
    everything = await get(api)
    first = everything["results"][0]["cursor"]
    mine = await get(api, "carla", after=first)
    assert [event["ticket"] for event in mine["results"]] == [str(key("offline"))]
    assert mine["results"][0] == everything["results"][2]


async def test_what_is_deleted_stays_as_a_tombstone(api: RestClient) -> None:
    await api.delete(f"tickets/{key('offline')}/")
    [event] = (await get(api, "carla", ticket=str(key("offline"))))["results"]
    assert (event["type"], event["ticket"]) == ("deleted", str(key("offline")))


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        ("after=nonsense", {"detail": "The cursor is not one of this server's."}),
        ("ticket=7", {"ticket": ["“7” is not a valid UUID."]}),
        (
            "type=bogus",
            {"type": ["Select a valid choice. bogus is not one of the available choices."]},
        ),
        (
            f"actor={key('offline')}",
            {"actor": ["Select a valid choice. That choice is not one of the available choices."]},
        ),
    ],
)
async def test_what_is_wrong_is_told(api: RestClient, query: str, answer: Any) -> None:
    response = await api.get(f"{PATH}?{query}")
    assert (response.status_code, response.json()) == (400, answer)


async def test_a_page_is_one_statement(api: RestClient) -> None:
    await happen(api, 10)
    await get(api)
    api.statements.clear()
    assert len((await get(api, limit=1000))["results"]) == 10
    assert len(api.statements) == 1
