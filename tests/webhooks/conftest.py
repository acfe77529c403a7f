"""A desk whose deliverer is moved by hand: nothing is sent before a test says so."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import col, select

from deskgraph.database.database import Database
from deskgraph.webhooks.deliverer import Deliverer
from deskgraph.webhooks.sender import Sender
from models import Ticket, Webhook, WebhookAttempt, WebhookDelivery
from resolvers.commands import comments, tickets, webhooks
from tests.viewers.world import World, key, open_world
from tests.webhooks.receiver import Receiver, receiving


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


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def shared_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the URL of a migrated database, once for each kind of database."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_database"))
    template: Path = request.getfixturevalue("sqlite_template")
    return f"sqlite:///{shutil.copy(template, tmp_path_factory.mktemp('shared') / 'desk.db')}"


@pytest.fixture(scope="module")
async def shared_world(
    anyio_backend: str, shared_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """Give a desk that stays open; its statements are compiled once."""
    async with open_world(shared_url, tmp_path_factory.mktemp("media")) as opened:
        opened.services = replace(opened.services, private_webhooks=True)
        yield opened


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
async def deliverers(shared_world: World) -> AsyncIterator[Callable[..., Deliverer]]:
    """Give a function that makes deliverers, each as a process of its own would have it."""
    made: list[Deliverer] = []

    def make(patience: float = 10) -> Deliverer:
        sender = Sender(private=True, patience=patience)
        made.append(Deliverer(shared_world.services, sender, jitter=lambda: 1.0))
        return made[-1]

    yield make
    for each in made:
        await each.stop()


@pytest.fixture
async def hooks(
    shared_world: World, receiver: Receiver, deliverers: Callable[..., Deliverer]
) -> Hooks:
    """Give the desk as every test finds it."""
    await shared_world.reset()
    return Hooks(shared_world, deliverers(), receiver, {})


@pytest.fixture
def database(hooks: Hooks) -> Database:
    return hooks.world.database
