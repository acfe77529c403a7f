"""Which requests a key stands for, and which answers are stored with it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from resolvers.errors import Unavailable
from resolvers.services import FileStorage
from tests.rest_compat.conftest import open_api, with_rows
from tests.support.clock import Clock
from tests.support.rest_client import RestClient
from tests.support.rows import key
from tests.support.settings import settings_for

Send = Callable[[dict[str, str]], Awaitable[httpx.Response]]
KEY = {"Idempotency-Key": "one"}
REPLAYED = "Idempotency-Replayed"


class Store:
    """A file store that may be away; it counts what is stored."""

    def __init__(self, files: FileStorage) -> None:
        self._files = files
        self.away: frozenset[str] = frozenset()
        self.puts = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)

    async def put(self, *given: Any, **more: Any) -> None:
        self.puts += 1
        await self._do("put", *given, **more)

    async def delete(self, *given: Any) -> None:
        await self._do("delete", *given)

    async def _do(self, operation: str, *given: Any, **more: Any) -> None:
        if operation in self.away:
            raise Unavailable("file store")
        await getattr(self._files, operation)(*given, **more)


@pytest.fixture
def store(own_api: RestClient) -> Store:
    made = Store(own_api.services.files)
    object.__setattr__(own_api.services, "files", made)
    return made


def upload(content: bytes = b"one") -> dict[str, Any]:
    files = {"file": ("notes.txt", content)}
    return {"data": {"ticket": str(key("offline"))}, "files": files}


async def test_a_repeated_upload_does_not_touch_the_store(
    own_api: RestClient, store: Store
) -> None:
    first = await own_api.post("ticket-attachments/", headers=dict(KEY), **upload())
    assert (first.status_code, store.puts) == (201, 1)
    store.away = frozenset({"put", "delete"})
    again = await own_api.post("ticket-attachments/", headers=dict(KEY), **upload())
    assert (again.content, again.headers[REPLAYED]) == (first.content, "true")
    other = await own_api.post("ticket-attachments/", headers=dict(KEY), **upload(b"two"))
    assert other.status_code == 422
    assert store.puts == 1


async def test_an_answer_that_the_store_is_away_is_not_stored(
    own_api: RestClient, store: Store
) -> None:
    before = await own_api.everything()
    store.away = frozenset({"put"})
    failed = await own_api.post("ticket-attachments/", headers=dict(KEY), **upload())
    assert failed.status_code == 503
    assert await own_api.everything() == before
    store.away = frozenset()
    done = await own_api.post("ticket-attachments/", headers=dict(KEY), **upload())
    assert (done.status_code, REPLAYED in done.headers) == (201, False)


async def test_a_file_that_cannot_be_removed_is_left_for_the_cleanup(
    own_api: RestClient, store: Store
) -> None:
    before = await own_api.everything()
    store.away = frozenset({"delete"})
    tried = await own_api.post("ticket-attachments/", headers={"Prefer": "dry-run"}, **upload())
    assert tried.json()["status"] == 201
    assert await own_api.everything() == before


@pytest.fixture
async def hurried(anyio_backend: str, settings: Any, clock: Clock) -> AsyncIterator[RestClient]:
    """Give a client with points for two writes a minute."""
    given = settings_for(settings.database_url, settings.files_url[7:], rate_limit=20, max_cost=20)
    async with open_api(given, clock) as api:
        yield await with_rows(api)


async def test_a_refusal_for_the_rate_is_not_stored(hurried: RestClient) -> None:
    for _ in range(2):
        await hurried.patch(f"tickets/{key('offline')}/", json={"priority": "low"})
    before = await hurried.everything()
    refused = await hurried.post("tickets/", json=hurried.minimal(), headers=dict(KEY))
    assert (refused.status_code, "Retry-After" in refused.headers) == (429, True)
    assert await hurried.everything() == before
    hurried.world.clock.move(hours=1)
    done = await hurried.post("tickets/", json=hurried.minimal(), headers=dict(KEY))
    assert (done.status_code, REPLAYED in done.headers) == (201, False)


@pytest.mark.parametrize(
    ("sent", "same"),
    [
        ('"a\\\\b"', "a\\b"),
        ('"a\\"b"', 'a"b'),
        ('"', '"\\""'),
        ("a b ~", '"a b ~"'),
        ("  spaces around ", "spaces around"),
    ],
)
async def test_a_key_may_have_odd_characters(api: RestClient, sent: str, same: str) -> None:
    body = api.minimal()
    first = await api.post("tickets/", json=body, headers={"Idempotency-Key": sent})
    again = await api.post("tickets/", json=body, headers={"Idempotency-Key": same})
    assert (first.status_code, again.content) == (201, first.content)


async def test_a_request_has_one_key(api: RestClient) -> None:
    before = await api.everything()
    headers = [
        ("Idempotency-Key", "a"),
        ("Idempotency-Key", "b"),
        *api.world.headers("keith").items(),
    ]
    found = await api.client.post("/api/v1/tickets/", json=api.minimal(), headers=headers)
    assert (found.status_code, found.json()) == (
        400,
        {"detail": "A request has one Idempotency-Key."},
    )
    assert await api.everything() == before


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_what_writes_nothing_has_no_use_for_a_key(api: RestClient, method: str) -> None:
    path = f"tickets/{key('offline')}/"
    plain = await api.call(method, path)
    before = await api.everything()
    for headers in (KEY, {"Idempotency-Key": "x" * 300}, {"Prefer": "dry-run"}):
        found = await api.call(method, path, headers=dict(headers))
        assert (found.status_code, found.content) == (plain.status_code, plain.content)
        assert found.headers == plain.headers
    assert await api.everything() == before


async def test_what_a_write_depends_on_makes_it_another_one(api: RestClient) -> None:
    path = f"tickets/{key('offline')}/"
    await api.patch(path, json={"priority": "low"}, headers=dict(KEY))
    before = await api.everything()
    depends = await api.patch(path, json={"priority": "low"}, headers={**KEY, "If-Match": "*"})
    form = await api.patch(
        path,
        content='{"priority": "low"}',
        headers={**KEY, "Content-Type": "application/x-www-form-urlencoded"},
    )
    assert (depends.status_code, form.status_code) == (422, 422)
    assert await api.everything() == before


async def test_two_texts_are_not_one_with_their_border(api: RestClient) -> None:
    async def send(*parts: tuple[str, str]) -> int:
        files = [(name, (None, text)) for name, text in parts]
        found = await api.post("tickets/", files=files, headers=dict(KEY))
        return found.status_code

    first = await send(("subject", "a"), ("description", "b"))
    assert first == 400
    assert await send(("subject", "ab"), ("description", "")) == 422
    assert await send(("description", "b"), ("subject", "a")) == 422
    assert await send(("subject", "a"), ("description", "b")) == 400


@pytest.mark.parametrize(
    "prefer",
    [
        "dry-run",
        "Dry-Run",
        "return=minimal, dry-run",
        'dry-run=""',
        "dry-run; now",
        "x;y=1,dry-run",
    ],
)
async def test_a_dry_run_may_be_one_of_several_preferences(api: RestClient, prefer: str) -> None:
    before = await api.everything()
    found = await api.post("tickets/", json=api.minimal(), headers={"Prefer": prefer})
    assert found.json()["dry_run"] is True
    assert await api.everything() == before


@pytest.mark.parametrize(
    "prefer", ['x="a, dry-run"', "return=dry-run", "dry", "respond-async", '"']
)
async def test_other_preferences_change_nothing(api: RestClient, prefer: str) -> None:
    found = await api.post("tickets/", json=api.minimal(), headers={"Prefer": prefer})
    assert found.status_code == 201
    assert "Preference-Applied" not in found.headers


async def test_a_dry_run_with_a_value_is_refused_before_it_writes(api: RestClient) -> None:
    before = await api.everything()
    for value in ("true", "false", '"0"'):
        headers = {"Prefer": f"dry-run={value}"}
        found = await api.post("tickets/", json=api.minimal(), headers=headers)
        assert (found.status_code, found.json()) == (
            400,
            {"detail": "Prefer: dry-run has no value."},
        )
    assert await api.everything() == before


async def test_an_answer_that_is_too_large_to_store_is_refused(api: RestClient) -> None:
    path = f"tickets/{key('offline')}/add_comment/"
    for _ in range(5):
        assert (await api.post(path, json={"text": "x" * 1_000_000})).status_code == 201
    before = await api.everything()
    change = f"tickets/{key('offline')}/"
    found = await api.patch(change, json={"priority": "low"}, headers=dict(KEY))
    assert (found.status_code, found.json()["detail"].split(":")[0]) == (
        400,
        "The answer has more than 4194304 bytes",
    )
    assert await api.everything() == before
    assert (await api.patch(change, json={"priority": "low"})).status_code == 200


async def test_a_keyed_write_takes_these_statements(api: RestClient) -> None:
    """Two more rows are touched: the key is taken first, and the answer is stored last."""
    path = f"tickets/{key('offline')}/"
    subjects = ["third", "second", "first"]

    async def create(headers: dict[str, str]) -> httpx.Response:
        return await api.post("tickets/", json=api.minimal(), headers=headers)

    async def change(headers: dict[str, str]) -> httpx.Response:
        return await api.patch(path, json={"subject": subjects.pop()}, headers=headers)

    async def verbs(send: Send, **headers: str) -> list[str]:
        api.statements.clear()
        assert (await send(headers)).status_code in (200, 201)
        ours = ("INSERT", "UPDATE", "DELETE", "SELECT", "WITH")
        return [sql.split()[0] for sql in api.statements if sql.lstrip().startswith(ours)]

    for send in (create, change):
        # Its statements are compiled.
        await send({})
        plain = await verbs(send)
        keyed = await verbs(send, **{"Idempotency-Key": send.__name__})
        assert sorted(keyed) == sorted([*plain, "INSERT", "UPDATE"])
        assert (keyed[0], keyed[-1]) == ("INSERT", "UPDATE")
    # The key is there already, so what is stored under it is read, and nothing else is done.
    assert await verbs(create, **{"Idempotency-Key": "create"}) == ["INSERT", "SELECT"]
