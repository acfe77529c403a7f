"""A desk whose deliverer is moved by hand: nothing is sent before a test says so."""

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, select

from deskgraph.webhooks.deliverer import Deliverer
from deskgraph.webhooks.sender import Sender, trusted_authorities
from models import Ticket, Webhook, WebhookAttempt, WebhookDelivery
from resolvers.commands import comments, tickets, webhooks
from tests.support.rows import key
from tests.support.world import World
from tests.webhooks.receiver import Receiver, receiving

# Read once: it takes tens of ms, and receivers of most tests have no certificate.
AUTHORITIES = functools.cache(trusted_authorities)


@dataclass
class Hooks:
    """A world with webhooks, and the deliverer of one process."""

    world: World
    deliverer: Deliverer
    receiver: Receiver
    secrets: dict[UUID, str]

    async def create(self, who: str = "admin", **values: Any) -> UUID:
        """Create a webhook of the receiver."""
        given = {"url": self.receiver.url, **values}
        made, secret = await webhooks.create_webhook(self.world.context(who), given)
        self.secrets[made] = secret
        return made

    async def happen(self, ticket: str = "offline", count: int = 1) -> None:
        """Have a technician change the subject of a ticket so many times."""
        for _ in range(count):
            now = await self.world.get(Ticket, key(ticket))
            await tickets.update_ticket(
                self.world.context("keith"), now.id, {"subject": f"{now.version + 1}"}
            )

    async def comment(self, ticket: str, text: str, *, internal: bool = False) -> UUID:
        given = {"text": text, "is_internal": internal}
        return await comments.add_comment(self.world.context("keith"), key(ticket), given)

    async def work(self, deliverer: Deliverer | None = None) -> None:
        """Let the deliverer work until there is nothing left to do now."""
        worker = deliverer or self.deliverer
        while True:
            due = await worker.step()
            # What is under way may keep a step from seeing what comes next.
            began = bool(worker.sending)
            await worker.sent()
            if not began and (due is None or due > self.world.clock.now):
                return

    async def deliveries(self, webhook: UUID | None = None) -> list[WebhookDelivery]:
        wanted = select(WebhookDelivery).order_by(col(WebhookDelivery.seq), col(WebhookDelivery.id))
        async with self.world.database.transaction() as session:
            found = (await session.exec(wanted)).all()
        return [one for one in found if webhook in (None, one.webhook_id)]

    async def states(self) -> list[str]:
        return [one.state.value for one in await self.deliveries()]

    async def attempts(self) -> list[WebhookAttempt]:
        wanted = select(WebhookAttempt).order_by(col(WebhookAttempt.at), col(WebhookAttempt.number))
        async with self.world.database.transaction() as session:
            return list((await session.exec(wanted)).all())

    async def webhook(self, webhook: UUID) -> Webhook:
        return await self.world.get(Webhook, webhook)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def receivers() -> Iterator[Callable[[], Receiver]]:
    """Give a function that runs further receivers."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(receiving())


@pytest.fixture
def private_world(world: World) -> World:
    """Let webhooks go to addresses of this machine."""
    world.services = replace(world.services, private_webhooks=True)
    return world


@pytest.fixture
async def deliverers(private_world: World) -> AsyncIterator[Callable[..., Deliverer]]:
    """Give a function that makes deliverers, each as a process of its own would have it."""
    made: list[Deliverer] = []

    def make(patience: float = 10) -> Deliverer:
        sender = Sender(private=True, patience=patience, authorities=AUTHORITIES)
        made.append(Deliverer(private_world.services, sender, jitter=lambda: 1.0))
        return made[-1]

    yield make
    for each in made:
        await each.stop()


@pytest.fixture
async def hooks(
    private_world: World, receiver: Receiver, deliverers: Callable[..., Deliverer]
) -> Hooks:
    """Give the desk as every test finds it."""
    return Hooks(private_world, deliverers(), receiver, {})
