"""A small desk for the REST face: two companies, staff, customers, and clients that ask as them."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import httpx
import pytest
from sqlmodel import SQLModel
from starlette.applications import Starlette

from deskgraph.app import create_services
from deskgraph.database.database import Database
from deskgraph.settings import Settings
from models import (
    Comment,
    Company,
    Contact,
    Role,
    Team,
    Ticket,
    TicketCategory,
    TicketPriority,
    TicketStatus,
    User,
)
from resolvers.auth.passwords import hash_password
from resolvers.query.plans import Plans
from resolvers.services import Services
from rest_compat import rest_routes
from tests.support.clock import NOON, Clock
from tests.support.stored import stored_rows

API = "/api/v1/"
_SPACE = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
PASSWORD = "correct horse"
_HASH = hash_password(PASSWORD)
PLANS: dict[tuple[bool, str], Plans] = {}


def key(name: str) -> UUID:
    """Return the id of a row of the world."""
    return uuid5(_SPACE, name)


@dataclass
class Api:
    """The REST face as clients meet it; ``who`` names the user that asks, None a stranger."""

    client: httpx.AsyncClient
    services: Services
    clock: Clock
    statements: list[str]

    async def call(
        self, method: str, path: str, who: str | None = "keith", **more: Any
    ) -> httpx.Response:
        headers = dict(more.pop("headers", {}))
        if who is not None:
            headers["Authorization"] = f"Bearer {self.services.tokens.access(key(who))}"
        if "json" in more:
            # The client's own encoder could not send half of a surrogate pair.
            more["content"] = json.dumps(more.pop("json"))
            headers["Content-Type"] = "application/json"
        url = path if path.startswith("/") else API + path
        return await self.client.request(method, url, headers=headers, **more)

    async def let_olga_in(self) -> None:
        """Activate the company of the customer who sees none of most tickets here."""
        path = f"companies/{self.key('centara')}/"
        assert (await self.patch(path, "norbert", json={"is_active": True})).status_code == 200

    async def get(self, path: str, who: str | None = "keith", **more: Any) -> httpx.Response:
        return await self.call("GET", path, who, **more)

    async def post(self, path: str, who: str | None = "keith", **more: Any) -> httpx.Response:
        return await self.call("POST", path, who, **more)

    async def patch(self, path: str, who: str | None = "keith", **more: Any) -> httpx.Response:
        return await self.call("PATCH", path, who, **more)

    async def put(self, path: str, who: str | None = "keith", **more: Any) -> httpx.Response:
        return await self.call("PUT", path, who, **more)

    async def delete(self, path: str, who: str | None = "keith") -> httpx.Response:
        return await self.call("DELETE", path, who)

    async def add(self, *rows: SQLModel) -> None:
        """Insert rows as they are."""
        async with self.services.database.transaction() as session:
            session.add_all(rows)

    async def refuses(
        self, method: str, path: str, body: Any, status: int, answer: Any, who: str = "keith"
    ) -> None:
        """Send a write that must be refused, and look that nothing came of it."""
        before = await self.everything()
        response = await self.call(method, path, who, json=body)
        assert response.status_code == status, response.text
        assert response.json() == answer
        assert await self.everything() == before

    @staticmethod
    def minimal(**more: Any) -> dict[str, Any]:
        """Return a body that is just enough for a ticket."""
        return {"subject": "S", "description": "D", "company": str(key("hilton")), **more}

    @staticmethod
    def key(name: str) -> UUID:
        """Return the id of a row of the world."""
        return key(name)

    @staticmethod
    def ticket(name: str, number: int, **more: Any) -> Ticket:
        """Return a ticket of Hilton's; each one is an hour younger than the one before."""
        at = NOON - timedelta(days=10) + timedelta(hours=number)
        values: dict[str, Any] = {
            "id": key(name),
            "ticket_number": f"T-20251109-{number:04}",
            "subject": f"Subject of {name}",
            "description": f"Description of {name}",
            "company_id": key("hilton"),
            "created_by_id": key("keith"),
            "created_at": at,
            "updated_at": at,
        }
        return Ticket(**values | more)

    @staticmethod
    def comment(name: str, of: str, **more: Any) -> Comment:
        """Return a comment of a ticket."""
        values: dict[str, Any] = {
            "id": key(name),
            "ticket_id": key(of),
            "author_id": key("keith"),
            "text": f"Text of {name}",
            "created_at": NOON - timedelta(days=1),
            "updated_at": NOON - timedelta(days=1),
        }
        return Comment(**values | more)

    async def everything(self) -> dict[str, list[Any]]:
        """Return all rows of all tables, to see that a refused write changed none."""
        database = self.services.database
        assert isinstance(database, Database)
        return await stored_rows(database)


def _user(name: str, role: Role, number: int, **more: Any) -> User:
    joined = NOON - timedelta(days=100 - number)
    values: dict[str, Any] = {
        "id": key(name),
        "username": name,
        "password": _HASH,
        "first_name": name.capitalize(),
        "last_name": "Test",
        "email": f"{name}@desk.example",
        "phone": f"+{number}",
        "role": role,
        "date_joined": joined,
    }
    return User(**values | more)


async def fill(services: Services) -> None:
    """Insert the world that every test starts with."""
    old: dict[str, Any] = dict.fromkeys(("created_at", "updated_at"), NOON - timedelta(days=50))
    async with services.database.transaction() as session:
        session.add(Company(id=key("hilton"), name="Hilton", country="Thailand", **old))
        session.add(Company(id=key("centara"), name="Centara", is_active=False, **old))
        await session.flush()
        session.add(_user("norbert", Role.ADMIN, 1))
        session.add(_user("keith", Role.TECH, 2))
        session.add(_user("gone", Role.SALES, 3, is_active=False))
        session.add(_user("carla", Role.CUSTOMER, 4, company_id=key("hilton")))
        session.add(_user("olga", Role.CUSTOMER, 5, company_id=key("centara")))
        john: dict[str, Any] = {
            "id": key("john"),
            "company_id": key("hilton"),
            "name": "John Smith",
            **old,
        }
        session.add(Contact(**john, email="john@hilton.example", is_primary=True))
        await session.flush()
        session.add(
            Api.ticket(
                "offline",
                1,
                subject="Zone offline",
                status=TicketStatus.ASSIGNED,
                priority=TicketPriority.URGENT,
                category=TicketCategory.TECHNICAL,
                contact_id=key("john"),
                assigned_to_id=key("keith"),
                assigned_team=Team.TECH,
                due_date=NOON - timedelta(hours=1),
                tags="zone,urgent",
            )
        )
        session.add(Api.ticket("volume", 2, created_by_id=key("carla")))
        session.add(Api.ticket("bill", 3, company_id=key("centara"), status=TicketStatus.CLOSED))
        await session.flush()
        session.add(Api.comment("public", "offline"))
        session.add(Api.comment("internal", "offline", is_internal=True, text="Between us"))


@pytest.fixture
def clock() -> Clock:
    """Give a clock that the test may move."""
    return Clock()


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Give settings that no environment changes."""
    return Settings(
        _env_file=None,  # type: ignore[call-arg]
        database_url=database_url,
        files_url=f"file://{tmp_path / 'media'}",
        secret_key="a key that only the tests know, long enough",  # type: ignore[arg-type]
        max_upload_mb=1,
        media_links="path",
        public_url=None,
        rate_limit="off",
    )


@pytest.fixture
async def app(
    anyio_backend: str, settings: Settings, clock: Clock, statements: list[str]
) -> AsyncIterator[Starlette]:
    """Give the REST face alone over the world."""
    services, database = create_services(settings, clock=clock, observer=statements.append)
    # Compiling the same statements again would take most of every test's time.
    kept = PLANS.setdefault((database.is_sqlite, settings.media_links), services.plans)
    services = replace(services, plans=kept)
    await database.open()
    await fill(services)
    application = Starlette(routes=rest_routes(services, settings.public_url))
    application.state.services = services
    yield application
    await database.close()


@pytest.fixture
async def api(app: Starlette, clock: Clock, statements: list[str]) -> AsyncIterator[Api]:
    """Give clients of the application, in this process."""
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://desk.test") as client:
        yield Api(client, app.state.services, clock, statements)
