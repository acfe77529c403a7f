"""``/healthz`` and ``/readyz``: whether this process serves, and whether it can do its work.

Neither takes a token or costs points. Anybody may ask, so a result is kept for a second, and
requests that come meanwhile share one check. What a part raises is not in the response: it may name
hosts.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deskgraph.database.database import Database
from deskgraph.database.migrate import COMPATIBLE_FROM, VERSION_TABLE, Version, head
from resolvers.services import FileStorage

# For how long a result is kept.
KEPT = timedelta(seconds=1)
# How long one part may take to answer.
CHECK_SECONDS = 2
NOT_KEPT = {"Cache-Control": "no-store"}
logger = logging.getLogger("deskgraph.health")


class NotReady(Exception):
    """A part of the server does not work; the text is a sentence for anybody."""


Check = Callable[[], Awaitable[None]]


class Health:
    """The checks of one process. ``draining`` says that it is about to end."""

    def __init__(
        self, database: Database, files: FileStorage, clock: Callable[[], datetime]
    ) -> None:
        self.draining = False
        self._database = database
        self._clock = clock
        schema = head()
        self._checks: Mapping[str, Check] = {
            "database": lambda: check_database(database, schema),
            "file store": lambda: check_files(files),
        }
        self._running: asyncio.Task[dict[str, str]] | None = None
        self._problems: dict[str, str] = {}
        self._until: datetime | None = None

    def drain(self) -> None:
        """Be not ready from now on: the process is about to end."""
        if not self.draining:
            logger.info("draining: the process ends when its requests have ended")
        self.draining = True

    def routes(self) -> list[Route]:
        """Return the routes of both addresses."""
        return [
            Route("/healthz", self._healthz, methods=["GET"]),
            Route("/readyz", self._readyz, methods=["GET"]),
        ]

    async def _healthz(self, _request: Request) -> Response:
        return JSONResponse({"status": "ok"}, headers=NOT_KEPT)

    async def _readyz(self, _request: Request) -> Response:
        """Return 200 if requests can be answered, and 503 with the parts that do not work.

        It is 200 as well while only writes are refused: balancers are to send reads.
        """
        if self.draining:
            problems = {"server": "The server is shutting down."}
        else:
            problems = await self.problems()
        if problems:
            answer = {"status": "unavailable", "problems": problems}
            return JSONResponse(answer, 503, headers={**NOT_KEPT, "Retry-After": "1"})
        if (refusal := self._database.refusal) is not None:
            refused = {"database": f"The database refuses writes: {refusal}."}
            return JSONResponse({"status": "degraded", "problems": refused}, headers=NOT_KEPT)
        return JSONResponse({"status": "ready"}, headers=NOT_KEPT)

    async def problems(self) -> dict[str, str]:
        """Return a sentence for each part that does not work, by its name."""
        if self._until is not None and self._until - KEPT <= self._clock() < self._until:
            return self._problems
        if self._running is None:
            self._running = asyncio.create_task(self._look())
        # A client that goes away does not end the check for the others.
        return await asyncio.shield(self._running)

    async def _look(self) -> dict[str, str]:
        try:
            found = await asyncio.gather(*map(_problem, self._checks, self._checks.values()))
            named = zip(self._checks, found, strict=True)
            problems = {name: problem for name, problem in named if problem is not None}
            self._report(problems)
            self._problems, self._until = problems, self._clock() + KEPT
            return problems
        finally:
            self._running = None

    def _report(self, problems: Mapping[str, str]) -> None:
        """Log what has changed since the last check."""
        for name in self._checks:
            problem = problems.get(name)
            if problem is not None and problem != self._problems.get(name):
                logger.error("not ready: %s", problem)
            elif problem is None and name in self._problems:
                logger.warning("the %s works again", name)


async def _problem(name: str, check: Check) -> str | None:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except NotReady as error:
        return str(error)
    except TimeoutError:
        return f"The {name} does not answer within {CHECK_SECONDS} seconds."
    return None


async def check_database(database: Database, schema: str) -> None:
    """Raise ``NotReady`` if the database does not answer, or has a schema that does not fit."""
    try:
        row = await database.fetch_row(f"SELECT version_num FROM {VERSION_TABLE}", [])  # noqa: S608
        fits = row is not None and row[0] == schema
        if row is not None and row[0] > schema:
            # Only here: a database that was never migrated since lacks the column.
            both = f"SELECT version_num, {COMPATIBLE_FROM} FROM {VERSION_TABLE}"  # noqa: S608
            revision, oldest = await database.fetch_row(both, [])
            fits = Version(revision, oldest or revision).serves(schema)
    except Exception as error:
        # Whatever the driver raises: a database that is away, full or broken is not ready.
        logger.debug("the database does not answer", exc_info=error)
        raise NotReady("The database does not answer.") from None
    if not fits:
        raise NotReady(f"The database does not have the schema {schema}.")


async def check_files(files: FileStorage) -> None:
    """Raise ``NotReady`` if nothing can be written to the file store."""
    try:
        await files.try_to_write()
    except Exception as error:
        logger.debug("the file store cannot be written", exc_info=error)
        raise NotReady("The file store cannot be written.") from None
