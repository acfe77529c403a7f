"""How many deliveries wait, for those who watch the server."""

from datetime import timedelta

import pytest

from deskgraph.observability.backlog import backlog
from tests.webhooks.conftest import Hooks

pytestmark = pytest.mark.anyio


async def test_the_backlog_has_the_deliveries_that_wait_and_the_age_of_the_oldest(
    hooks: Hooks,
) -> None:
    services, clock = hooks.world.services, hooks.world.clock
    assert await backlog(services) == (0, 0, 0, 0)
    await hooks.create()
    await hooks.happen()
    hooks.receiver.answers(500, b"out of order")
    await hooks.deliverer.step()
    await hooks.deliverer.sent()
    assert await hooks.states() == ["pending"]
    clock.now += timedelta(seconds=90)
    assert await backlog(services) == (1, 90, 0, 0)

    hooks.receiver.answers(200)
    await hooks.deliverer.step()
    await hooks.deliverer.sent()
    assert await hooks.states() == ["delivered"]
    assert await backlog(services) == (0, 0, 0, 0)
