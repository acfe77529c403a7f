"""Streams over an outage of the database: they stay open, and miss no event."""

from unittest.mock import ANY

import pytest

from resolvers.events import subscription
from tests.live.conftest import Live
from tests.outages.conftest import logged
from tests.outages.outages import Outage, killed, stopped
from tests.support.processes.clusters import Cluster

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("outage", [stopped, killed])
async def test_followers_stay_and_miss_nothing(
    on_postgres: Live,
    cluster: Cluster,
    outage: Outage,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    live = on_postgres
    # Followers look at their login all the time, also while it cannot be read.
    monkeypatch.setattr(subscription, "RECHECK_SECONDS", 0.01)
    async with live.socket() as socket, live.stream() as stream:
        await socket.subscribe()
        await live.settled(2)
        await live.rename("volume", "Before")
        assert (await socket.next())["ticketNumber"] == (await stream.next())["ticketNumber"]

        async with outage(live, cluster):
            live.world.services.viewers.forget_all()
            # As after fifteen seconds: the end of the log is read.
            live.world.database.event_signal.notify()
            assert (await live.rest("GET", "tickets/")).status_code == 503

        await live.rename("volume", "After")
        await live.rename("volume", "And again")
        for follower in (socket, stream):
            assert [(await follower.next())["type"] for _ in range(2)] == ["UPDATED", "UPDATED"]
    said = logged(caplog, "deskgraph.events")
    assert [line.split(":")[0] for line in said] == [
        "database lost, notifications of new events fail",
        "database is back, notifications of new events work",
    ]


async def test_a_login_that_cannot_be_read_lets_a_socket_come_again(
    on_postgres: Live, cluster: Cluster
) -> None:
    live = on_postgres
    async with live.socket(init=False) as early, live.socket() as socket:
        async with stopped(live, cluster):
            live.world.services.viewers.forget_all()
            token = live.token("keith")
            await early.send(type="connection_init", payload={"Authorization": token})
            await socket.subscribe("{ viewer { username } }")
            refused = await socket.receive()
            # Try again later: clients of graphql-ws do not come again after 1011.
            assert (await early.ended())[0] == 1013
        assert refused["type"] == "error"
        assert refused["payload"][0]["extensions"] == {
            "code": "UNAVAILABLE",
            "retryAfter": 5,
            "requestId": ANY,
        }
        await socket.subscribe("{ viewer { username } }", id="2")
        answer = await socket.receive()
        assert answer["payload"]["data"] == {"viewer": {"username": "keith"}}
