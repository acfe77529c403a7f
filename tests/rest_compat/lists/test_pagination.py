"""Windows and their links, in both styles; whatever a client writes into the numbers."""

from itertools import product

import pytest

from rest_compat.http.responses import RestError
from rest_compat.lists.pagination import MAX_ROWS, Window, window_of
from tests.support.rest_client import RestClient
from tests.support.rows import ticket

URL = "http://desk.test/api/v1/tickets/"


@pytest.mark.parametrize(
    ("params", "window"),
    [
        ({}, Window(20, 0, 1)),
        ({"page": "3"}, Window(20, 40, 3)),
        ({"page": " +2 "}, Window(20, 20, 2)),
        ({"page": ""}, Window(20, 0, 1)),
        ({"page": "last"}, Window(20, 0, 0)),
        ({"page": "2", "page_size": "5"}, Window(5, 5, 2)),
        ({"page_size": "5000"}, Window(MAX_ROWS, 0, 1)),
        ({"page_size": "0"}, Window(20, 0, 1)),
        ({"page_size": "-3"}, Window(20, 0, 1)),
        ({"page_size": "x"}, Window(20, 0, 1)),
        ({"limit": "5", "offset": "7"}, Window(5, 7)),
        ({"limit": "5000"}, Window(MAX_ROWS, 0)),
        ({"limit": "", "offset": ""}, Window(20, 0)),
        ({"limit": "x", "offset": "-1"}, Window(20, 0)),
        ({"limit": "0", "offset": "3"}, Window(20, 3)),
        ({"page": "2", "limit": "5"}, Window(20, 20, 2)),
    ],
)
def test_windows(params: dict[str, str], window: Window) -> None:
    assert window_of(params) == window


@pytest.mark.parametrize("page", ["0", "-1", "x", "1.5", "9" * 5000, "first", "\0"])
def test_pages_that_no_list_has(page: str) -> None:
    with pytest.raises(RestError) as refused:
        window_of({"page": page})
    assert refused.value.status == 404


@pytest.mark.parametrize(
    ("window", "query", "count", "links"),
    [
        (Window(20, 0, 1), "", 20, (None, None)),
        (Window(20, 0, 1), "", 0, (None, None)),
        (Window(20, 0, 1), "", 21, ("?page=2", None)),
        (Window(20, 20, 2), "page=2", 41, ("?page=3", "")),
        (Window(20, 40, 3), "page=3", 41, (None, "?page=2")),
        (Window(5, 0, 1), "status=&b=2&b=1&page_size=5", 6,
         ("?b=2&b=1&page=2&page_size=5&status=", None)),
        (Window(20, 20, 2), "page=2&limit=50", 41, ("?page=3", "")),
        (Window(5, 5, 2), "a=1&offset=7&page=2&page_size=5", 11, ("?a=1&page=3&page_size=5",
                                                                "?a=1&page_size=5")),
        (Window(20, 20, 2), "limit=&page=last&page=2", 41, ("?page=3", "")),
        (Window(5, 5), "limit=5&offset=5&page_size=7", 11,
         ("?limit=5&offset=10&page_size=7", "?limit=5&page_size=7")),
        (Window(5, 0), "offset=0&limit=5", 6, ("?limit=5&offset=5", None)),
        (Window(5, 5), "limit=5&offset=5&a=%C3%BC", 11,
         ("?a=%C3%BC&limit=5&offset=10", "?a=%C3%BC&limit=5")),
        (Window(5, 7), "limit=5&offset=7", 8, (None, "?limit=5&offset=2")),
        (Window(5, 100), "limit=5&offset=100", 8, (None, "?limit=5&offset=95")),
        (Window(20, 3), "limit=x&offset=3", 30, ("?limit=20&offset=23", "?limit=20")),
    ],
)  # fmt: skip
def test_links(
    window: Window, query: str, count: int, links: tuple[str | None, str | None]
) -> None:
    following, previous = (None if link is None else URL + link for link in links)

    assert window.links(URL, query, count) == (following, previous)


@pytest.mark.anyio
async def test_windows_lead_through_the_whole_list(api: RestClient) -> None:
    for i in range(45):
        await api.add(ticket(f"more{i}", 100 + i))
    everything = (await api.get("tickets/?page_size=1000")).json()["results"]
    assert len(everything) == 48

    for start in ("?page=1", "?limit=20", "?page_size=7", "?limit=13&offset=0&open="):
        rows, url = [], URL + start
        back = []
        while url:
            body = (await api.get(url.removeprefix("http://desk.test"))).json()
            assert body["count"] == 48
            rows += body["results"]
            back.append(body["previous"])
            url = body["next"]
        assert rows == everything
        assert back[0] is None
        assert all(back[1:])


@pytest.mark.anyio
async def test_links_lead_to_the_windows_beside_whatever_was_mixed(api: RestClient) -> None:
    for i in range(9):
        await api.add(ticket(f"more{i}", 100 + i))
    whole = [row["id"] for row in (await api.get("tickets/?limit=100")).json()["results"]]
    mixtures = product(
        ("", "page=1", "page=2", "page=3", "page=last"),
        ("", "page_size=3"),
        ("", "limit=4", "limit=x"),
        ("", "offset=4", "offset=0", "offset=8"),
    )
    for parts in mixtures:
        query = "&".join(filter(None, parts))
        response = await api.get(f"tickets/?{query}")
        if response.status_code == 404:
            continue  # With twenty rows to a page there is one.
        body = response.json()
        rows = [row["id"] for row in body["results"]]
        start = whole.index(rows[0])
        size = window_of(dict(part.split("=") for part in query.split("&") if part)).limit
        for name, expected in (
            ("next", whole[start + size : start + 2 * size]),
            ("previous", whole[max(0, start - size) :][:size] if start else []),
        ):
            found = []
            if body[name] is not None:
                beside = await api.get(body[name].removeprefix("http://desk.test"))
                found = [row["id"] for row in beside.json()["results"]]
            assert found == expected, (query, name)


@pytest.mark.anyio
async def test_the_last_page_by_its_name(api: RestClient) -> None:
    await api.get("tickets/")
    body = (await api.get("tickets/?page=last&page_size=2")).json()

    assert [row["subject"] for row in body["results"]] == ["Subject of offline"]
    assert (body["count"], body["next"]) == (3, None)
    assert body["previous"] == URL + "?page_size=2"
    assert (await api.get("tickets/?page=last&search=nothing")).json()["results"] == []


@pytest.mark.anyio
async def test_a_page_past_the_end(api: RestClient) -> None:
    for page in ("2", "0", "-1", "x", str(10**30), "9" * 5000):
        response = await api.get(f"tickets/?page={page}")
        assert response.status_code == 404
        assert response.json() == {"detail": "Invalid page."}
    assert (await api.get("tickets/?page=2&page_size=2")).status_code == 200
    assert (await api.get("tickets/?page=1&status=pending")).json()["count"] == 0


@pytest.mark.anyio
async def test_numbers_that_no_list_needs_do_no_harm(api: RestClient) -> None:
    numbers = ("-1", "0", "1e9", "x", "", str(2**31), str(2**63), "9" * 40, "9" * 5000, "%00", "٣")
    for number in numbers:
        for name in ("limit", "offset", "page_size"):
            for path in ("tickets/", "ticket-comments/", "contacts/"):
                response = await api.get(f"{path}?{name}={number}")
                assert response.status_code == 200, (name, number)
                assert "count" in response.json()


@pytest.mark.anyio
async def test_links_start_with_the_address_that_was_used(api: RestClient) -> None:
    headers = {"Host": "other.example:8443"}
    body = (await api.get("tickets/?limit=1", headers=headers)).json()

    assert body["next"] == "http://other.example:8443/api/v1/tickets/?limit=1&offset=1"
