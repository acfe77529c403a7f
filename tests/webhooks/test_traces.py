"""Traces of deliveries: the receiver learns of them, and they have no addresses."""

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from deskgraph.webhooks.deliverer import Deliverer
from deskgraph.webhooks.sender import Sender
from deskgraph.webhooks.signing import verify
from tests.deskgraph.observability.spans import Kept, trace_of, tree
from tests.support.clock import NOON
from tests.support.world import World
from tests.webhooks.conftest import Hooks
from tests.webhooks.receiver import Receiver

pytestmark = pytest.mark.anyio


def traced_hooks(world: World, receiver: Receiver, kept: Kept) -> Hooks:
    deliverer = Deliverer(world.services, Sender(private=True), traced=kept.traces.delivery)
    return Hooks(world, deliverer, receiver, {})


async def test_a_delivery_is_a_trace_that_its_receiver_goes_on_with(
    private_world: World, receiver: Receiver
) -> None:
    kept = Kept()
    hooks = traced_hooks(private_world, receiver, kept)
    webhook = await hooks.create(url=f"{receiver.url}?token=secret")
    await hooks.happen()
    await hooks.work()
    [delivery] = await hooks.deliveries()
    *statements, root = kept.take()
    assert tree([*statements, root])["webhook delivery"] == [one.name for one in statements]
    assert "COMMIT" in {one.name for one in statements}
    assert root.kind is SpanKind.CLIENT
    assert dict(root.attributes or {}) == {
        "deskgraph.webhook.id": str(webhook),
        "deskgraph.delivery.id": str(delivery.id),
        "deskgraph.webhook.result": "delivered",
        "http.response.status_code": 204,
    }
    assert not [one for one in (*statements, root) if "secret" in one.to_json()]
    [received] = receiver.received
    assert root.context is not None
    sent, flags = received.headers["traceparent"].rsplit("-", 1)
    assert sent == f"00-{trace_of(root)}-{root.context.span_id:016x}"
    assert int(flags, 16) & 1
    verify([hooks.secrets[webhook]], received.headers, received.body, int(NOON.timestamp()))
    await hooks.deliverer.stop()


@pytest.mark.parametrize(("status", "result"), [(500, "rejected"), (None, "failed")])
async def test_a_delivery_that_fails_is_a_span_that_does(
    private_world: World, receiver: Receiver, status: int | None, result: str
) -> None:
    kept = Kept()
    hooks = traced_hooks(private_world, receiver, kept)
    if status is None:
        await hooks.create(url="http://127.0.0.1:1/")
    else:
        await hooks.create()
        receiver.answers(status)
    await hooks.happen()
    await hooks.work()
    root = kept.take()[-1]
    assert root.status.status_code is StatusCode.ERROR
    assert root.status.description is None
    about = dict(root.attributes or {})
    assert about["deskgraph.webhook.result"] == result
    assert about.get("http.response.status_code") == status
    await hooks.deliverer.stop()


async def test_a_delivery_that_is_not_sampled_tells_of_no_trace(
    private_world: World, receiver: Receiver
) -> None:
    kept = Kept(sampled=0.1)
    hooks = traced_hooks(private_world, receiver, kept)
    await hooks.create()
    await hooks.happen()
    await hooks.work()
    assert kept.take() == ()
    [received] = receiver.received
    assert "traceparent" not in received.headers
    await hooks.deliverer.stop()
