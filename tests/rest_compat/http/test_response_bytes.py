"""The limit of an answer's size: reads refuse, and writes say that they were done."""

from typing import Any

import pytest

from tests.support.rest_client import RestClient
from tests.support.rows import comment, key

pytestmark = pytest.mark.anyio

LIMIT = 20_000
REFUSED = {
    "detail": f"The answer has more than {LIMIT} bytes: ask for fewer rows, or less of each."
}


@pytest.fixture
async def long(api: RestClient, monkeypatch: pytest.MonkeyPatch) -> RestClient:
    """Give a ticket with thirty comments of 1000 bytes each, and a limit of 20,000."""
    monkeypatch.setitem(api.services.__dict__, "max_answer_bytes", LIMIT)
    await api.add(*(comment(f"c{i}", "offline", text="x" * 1000) for i in range(30)))
    return api


async def test_a_larger_answer_is_refused(long: RestClient) -> None:
    ticket = f"tickets/{key('offline')}/"
    for path in ("ticket-comments/?page_size=1000", "tickets/", ticket):
        answer = await long.get(path)
        assert (answer.status_code, answer.json()) == (400, REFUSED)
    for path in ("ticket-comments/?page_size=10", "tickets/?status=closed"):
        assert (await long.get(path)).status_code == 200


async def test_a_write_with_a_larger_answer_says_that_it_was_done(long: RestClient) -> None:
    path = f"tickets/{key('offline')}/"
    done = {"id": str(key("offline")), "detail": f"It was done. {REFUSED['detail']}"}
    writes: list[tuple[str, str, dict[str, Any], int]] = [
        ("PATCH", path, {"subject": "Changed"}, 200),
        ("POST", path + "assign/", {"user_id": None}, 200),
        ("POST", path + "add_comment/", {"text": "Done"}, 201),
    ]
    for method, where, body, status in writes:
        answer = await long.call(method, where, json=body)
        assert (answer.status_code, answer.json()) == (status, done)
        assert "etag" not in answer.headers
    stored = await long.everything()
    (row,) = [row for row in stored["tickets"] if key("offline") in row]
    assert "Changed" in row
    assert any("Done" in row for row in stored["comments"])
    # A condition cannot be checked without the answer: nothing is done.
    before = await long.everything()
    answer = await long.call(
        "PATCH", path, json={"subject": "Again"}, headers={"If-Match": '"other"'}
    )
    assert (answer.status_code, answer.json()) == (400, REFUSED)
    assert await long.everything() == before
