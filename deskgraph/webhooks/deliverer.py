"""The deliverer: takes and sends what is due, for as long as its process runs.

Each process has one, and they need not know of each other. While there are no webhooks it looks
once in a while whether there are any, and listens to nothing.
"""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import datetime
from uuid import UUID

from deskgraph.backoff import Backoff
from deskgraph.webhooks.enqueue import MAX_WAITING, Enqueued, enqueue
from deskgraph.webhooks.overview import WebhookStatus, overview
from deskgraph.webhooks.queue import Claimed, claim, finish, release
from deskgraph.webhooks.retry_policy import Jitter
from deskgraph.webhooks.sender import AttemptResult, Sender
from deskgraph.webhooks.signing import signed_headers
from resolvers.errors import Unavailable
from resolvers.services import Services

logger = logging.getLogger("deskgraph.webhooks")

# How many requests to one webhook a process makes at once; a slow receiver holds up no other.
AT_ONCE = 4
# How often a process looks for webhooks that another one created while it knew of none, in seconds.
IDLE_SECONDS = 60.0
# The least time between two looks where another process was faster, in seconds.
MIN_WAIT_SECONDS = 0.05
# How long requests may go on when the process ends, in seconds.
STOP_SECONDS = 3.0
# How long to wait after a failure of the database: at first, and at most.
FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS = 1.0, 30.0


class DeliveryTrace:
    """What traces a delivery: nothing, unless traces are on and it is sampled."""

    # What tells its receiver of the trace.
    headers: Mapping[str, str] = {}

    def note(self, outcome: AttemptResult) -> None:
        """Note what came of it."""


NO_TRACE = DeliveryTrace()
# Gives a block in which a delivery is made.
TraceDelivery = Callable[[Claimed], AbstractContextManager[DeliveryTrace]]


def untraced(_claimed: Claimed) -> AbstractContextManager[DeliveryTrace]:
    """Give a block without a trace."""
    return nullcontext(NO_TRACE)


class Deliverer:
    """Runs with ``run``; ``step`` is one look at what there is to do."""

    def __init__(
        self,
        services: Services,
        sender: Sender | None = None,
        jitter: Jitter = random.random,
        traced: TraceDelivery = untraced,
    ) -> None:
        self._services = services
        self._sender = sender or Sender(private=services.private_webhooks)
        self._jitter = jitter
        self._traced = traced
        self._sending: dict[asyncio.Task[None], Claimed] = {}
        self._busy: Counter[UUID] = Counter()
        self._wake = services.webhooks_changed
        self._running: asyncio.Task[None] | None = None
        self._idle = True

    async def start(self) -> None:
        """Look once, and go on in the background."""
        await self.step()
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop looking, let requests end for a moment, and give back what is not finished."""
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running
        if self._sending:
            await asyncio.wait(self._sending, timeout=STOP_SECONDS)
        left = dict(self._sending)
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        for claimed in left.values():
            with suppress(Exception):  # It will be due again by itself.
                await release(self._services, claimed)
        await self._sender.close()

    @property
    def sending(self) -> list[asyncio.Task[None]]:
        """The requests that are under way."""
        return list(self._sending)

    async def sent(self) -> None:
        """Wait until all requests that were begun have ended."""
        while self._sending:
            await asyncio.wait(list(self._sending))

    async def step(self) -> datetime | None:
        """Take and begin to send what is due; returns when the next is."""
        latest, webhooks = await overview(self._services)
        self._idle = not webhooks
        dues = [await self._serve(webhook, latest) for webhook in webhooks]
        return min((due for due in dues if due is not None), default=None)

    async def _serve(self, webhook: WebhookStatus, latest: int) -> datetime | None:
        """Do what there is to do for one webhook; returns when there is more."""
        now, taken = self._services.clock(), Enqueued()
        if webhook.enabled and webhook.cursor < latest and webhook.waiting < MAX_WAITING:
            taken = await enqueue(self._services, webhook, latest)
        # One that fails is spared, and so is the database: each failure is a write.
        free = (1 if webhook.failing else AT_ONCE) - self._busy.get(webhook.id, 0)
        if free > 0 and (taken.count or (webhook.due is not None and webhook.due <= now)):
            claimed = await claim(self._services, webhook.id, free)
            for one in claimed:
                self._begin(one)
            # Others may be due, or another process has been faster: the next look finds out.
            return now
        if taken.more:
            return now
        # Where as many requests are under way as may be, the end of one wakes us.
        return webhook.due if free > 0 else None

    def _begin(self, claimed: Claimed) -> None:
        task = asyncio.create_task(self._send(claimed))
        self._sending[task] = claimed
        self._busy[claimed.webhook_id] += 1
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        claimed = self._sending.pop(task)
        self._busy[claimed.webhook_id] -= 1
        if not self._busy[claimed.webhook_id]:
            del self._busy[claimed.webhook_id]
        self._wake.set()

    async def _send(self, claimed: Claimed) -> None:
        with self._traced(claimed) as trace:
            await self._send_traced(claimed, trace)

    async def _send_traced(self, claimed: Claimed, trace: DeliveryTrace) -> None:
        at = self._services.clock()
        headers = signed_headers(
            claimed.secrets, claimed.message_id, int(at.timestamp()), claimed.body
        )
        headers.update(trace.headers)
        outcome = await self._sender.post(claimed.url, headers, claimed.body)
        trace.note(outcome)
        self._services.instruments.attempted(outcome.result)
        try:
            reason = await finish(self._services, claimed, at, outcome, self._jitter)
        except Unavailable:
            logger.warning("the delivery %s is not recorded, it will be sent again", claimed.id)
            return
        except Exception:
            # It is due again when the claim ends.
            logger.exception("cannot record the delivery %s", claimed.id)
            return
        if reason is not None:
            logger.warning("webhook %s is disabled: %s", claimed.webhook_id, reason)

    async def _run(self) -> None:
        backoff = Backoff(FIRST_RETRY_SECONDS, MAX_RETRY_SECONDS)
        due: datetime | None = self._services.clock()
        while True:
            seen = self._services.event_signal.count
            self._wake.clear()
            try:
                due = await self.step()
                backoff.reset()
            except Unavailable:
                # The database has logged that it is away.
                await backoff.wait()
                continue
            except Exception:
                logger.exception("cannot look for deliveries")
                await backoff.wait()
                continue
            await self._wait(seen, due)

    async def _wait(self, seen: int, due: datetime | None) -> None:
        """Wait until there may be something to do."""
        waits: list[Coroutine[object, object, object]] = [self._wake.wait()]
        if self._idle:
            waits.append(asyncio.sleep(IDLE_SECONDS))
        else:
            waits.append(self._services.event_signal.wait(seen))
        if due is not None:
            left = (due - self._services.clock()).total_seconds()
            waits.append(asyncio.sleep(max(left, MIN_WAIT_SECONDS)))
        tasks = [asyncio.create_task(wait) for wait in waits]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
