"""Points and logins through REST: the same buckets as GraphQL's, with REST's answers."""

import asyncio

import pytest

from deskgraph.settings import Settings
from resolvers.auth.passwords import Passwords
from resolvers.rate_limits import RateLimiter
from tests.resolvers.hashers import BlockingHasher
from tests.support.clock import Clock
from tests.support.rest_client import RestClient
from tests.support.rows import key

pytestmark = pytest.mark.anyio
PASSWORD = "wrong"


@pytest.fixture
async def api(own_api: RestClient) -> RestClient:
    return own_api


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Give each user 1,200 points a minute, 20 a second."""
    return settings.model_copy(update={"rate_limit": 1200, "max_cost": 100})


def rates_of(api: RestClient) -> RateLimiter:
    assert api.services.rates is not None
    return api.services.rates


async def left(api: RestClient, viewer: str) -> int:
    return (await rates_of(api).draw(f"user:{key(viewer)}", 0)).available


async def test_a_read_costs_the_objects_of_its_answer(api: RestClient, clock: Clock) -> None:
    for path, objects in (
        # The answer itself, three tickets, their five comments and three files.
        ("tickets/", 12),
        ("tickets/?limit=1", 4),
        (f"tickets/{key('offline')}/", 4),
        ("companies/", 3),
        ("companies/simple/", 2),
        ("tickets/stats/", 3),
        ("auth/me/", 1),
        ("ticket-events/", 1),
        ("", 1),
        # Refused after it was looked for.
        ("tickets/?page=9999", 1),
        ("tickets/none/", 1),
        ("nothing/", 0),
    ):
        # A plan that is new costs more.
        await api.get(path, "keith")
        clock.move(seconds=600)
        before = await left(api, "keith")
        await api.get(path, "keith")
        assert before - await left(api, "keith") == objects, path


async def test_a_write_costs_ten_whatever_comes_of_it(api: RestClient, clock: Clock) -> None:
    path = f"tickets/{key('offline')}/"
    # A plan that is new costs more.
    await api.patch(path, "keith", json={"subject": "New"})
    clock.move(seconds=600)
    for body, status in (({"subject": "Other"}, 200), ({"subject": ""}, 400)):
        before = await left(api, "keith")
        assert (await api.patch(path, "keith", json=body)).status_code == status
        assert before - await left(api, "keith") == 10
    assert await left(api, "admin") == 1200


async def test_too_few_points_are_a_429(
    api: RestClient, clock: Clock, statements: list[str]
) -> None:
    # Twenty tickets with twenty comments and twenty files each: 821 points.
    await rates_of(api).draw(f"user:{key('keith')}", 400)
    rows = await api.everything()
    statements.clear()
    response = await api.get("tickets/", "keith")
    assert response.status_code == 429
    assert response.json() == {"detail": "Request was throttled. Expected available in 2 seconds."}
    assert response.headers["retry-after"] == "2"
    assert response.headers["allow"] == "GET, POST, HEAD, OPTIONS"
    await rates_of(api).draw(f"user:{key('keith')}", 800)
    response = await api.patch(f"tickets/{key('offline')}/", "keith", json={"subject": "Other"})
    assert response.status_code == 429
    assert response.json() == {"detail": "Request was throttled. Expected available in 1 second."}
    assert await api.everything() == rows
    assert (await api.get("tickets/", "admin")).status_code == 200
    clock.move(seconds=60)
    assert (await api.get("tickets/", "keith")).status_code == 200


async def test_who_leaves_gets_nothing_back(
    api: RestClient, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A plan that is new costs more, and an account is looked up again after a while.
    await api.get("tickets/", "keith")
    clock.move(seconds=600)
    await api.get("auth/me/", "keith")
    before = await left(api, "keith")
    asked = asyncio.Event()

    async def never(*_statement: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    with monkeypatch.context() as patch:
        patch.setattr(api.services.database, "fetch_row", never)
        reading = asyncio.create_task(api.get("tickets/", "keith"))
        await asked.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
    assert before - await left(api, "keith") == 821


async def test_strangers_share_the_points_of_their_address(api: RestClient) -> None:
    await rates_of(api).draw("address:127.0.0.1", 1195)
    response = await api.post("jwt/token/verify/", None, json={"token": "x"})
    assert response.status_code == 429
    # Who has no token at all is told so before anything is counted.
    assert (await api.get("tickets/", None)).status_code == 401
    assert (await api.get("tickets/", "keith")).status_code == 200


@pytest.mark.parametrize("name", ["keith", "nobody-of-this-name"])
async def test_the_eleventh_login_of_a_minute_is_refused(
    api: RestClient, clock: Clock, statements: list[str], name: str
) -> None:
    sent = {"username": name, "password": PASSWORD}
    for path, status in (("auth/login/", 400), ("jwt/token/", 401)) * 5:
        assert (await api.post(path, None, json=sent)).status_code == status
    statements.clear()
    for path in ("auth/login/", "jwt/token/"):
        response = await api.post(path, None, json=sent | {"username": f" {name.upper()} "})
        assert response.status_code == 429
        assert response.json() == {
            "detail": "Request was throttled. Expected available in 6 seconds."
        }
        assert response.headers["retry-after"] == "6"
    assert statements == []
    assert (await api.post("auth/login/", None, json=sent | {"username": "x"})).status_code == 400
    clock.move(seconds=6)
    assert (await api.post("auth/login/", None, json=sent)).status_code == 400


async def test_a_password_with_blanks_around_it_counts_once(api: RestClient) -> None:
    sent = {"username": "keith", "password": f" {PASSWORD} "}
    for _ in range(10):
        assert (await api.post("auth/login/", None, json=sent)).status_code == 400
    assert (await api.post("auth/login/", None, json=sent)).status_code == 429


async def test_checks_of_passwords_beyond_the_queue_are_a_429(
    api: RestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasher = BlockingHasher()
    full = Passwords(hasher, threads=1, max_waiting=0)
    checking = asyncio.create_task(full.verify(PASSWORD, None))
    await asyncio.sleep(0)
    monkeypatch.setattr(api.services.passwords, "verify", full.verify)
    try:
        for path in ("auth/login/", "jwt/token/"):
            sent = {"username": "keith", "password": PASSWORD}
            response = await api.post(path, None, json=sent)
            assert (response.status_code, response.headers["retry-after"]) == (429, "2")
            assert response.json() == {
                "detail": "Request was throttled. Expected available in 2 seconds."
            }
    finally:
        hasher.go.set()
        await checking


async def test_names_of_one_address_are_limited_together(api: RestClient) -> None:
    for i in range(51):
        sent = {"username": f"name {i}", "password": PASSWORD}
        response = await api.post("auth/login/", None, json=sent)
        assert response.status_code == (429 if i == 50 else 400)
