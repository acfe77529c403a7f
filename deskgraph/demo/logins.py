"""The logins of the demo, whose password is public: the demo is for development only."""

from collections.abc import Collection

from sqlalchemy import select

from deskgraph.database.database import Database
from deskgraph.demo.data import demo_data
from deskgraph.settings import Settings, SettingsError
from models import User, table_of
from resolvers.auth.passwords import verify_password

PASSWORD = "demo-desk-2025"  # noqa: S105 - public on purpose, see the module's first line
# One login for each kind of viewer.
LOGINS = {"admin": "an admin", "keith": "a technician", "customer": "a customer"}

_users = table_of(User)


def usernames() -> list[str]:
    """Return the names of all who can log in to the demo."""
    data = demo_data()
    customers = (one for company in data["companies"] for one in company["customers"])
    return [*(one["username"] for one in data["staff"]), *(one.split("/")[0] for one in customers)]


async def working_logins(database: Database, names: Collection[str] = LOGINS) -> list[str]:
    """Return who of some users of the demo is there and still has the demo's password."""
    found = select(_users.c.username, _users.c.password).where(
        _users.c.username.in_(names), _users.c.is_active
    )
    async with database.engine.connect() as connection:
        stored = {row.username: row.password for row in await connection.execute(found)}
    # They share one hash as long as nobody changed anything: one slow check is enough.
    genuine = {hash_ for hash_ in set(stored.values()) if verify_password(PASSWORD, hash_)}
    return [name for name in names if stored.get(name) in genuine]


async def check_production(settings: Settings, database: Database) -> None:
    """Raise ``SettingsError`` if users in production have the demo's password."""
    if not settings.production:
        return
    if left := await working_logins(database, usernames()):
        raise SettingsError(
            f"The database has logins with the demo's password, which is public: "
            f"{', '.join(left)}. Change their passwords or deactivate them by `deskgraph user`, or "
            f"use another database."
        )
