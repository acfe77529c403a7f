"""Writes of users, for Admins."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models import Role, User
from resolvers import access
from resolvers.auth.passwords import Passwords
from resolvers.auth.viewers import end_sessions
from resolvers.commands import validation
from resolvers.commands.rows import check_company, locked_row, set_values
from resolvers.context import Context
from resolvers.errors import Invalid, Problem, Unauthenticated
from resolvers.services import Database
from resolvers.viewer import Viewer


async def create_user(context: Context, values: Mapping[str, object]) -> UUID:
    """Create a user; a customer needs a company, and nobody else has one."""
    viewer, services = context.require_viewer(), context.services
    access.require_admin(viewer, "create users")
    return await add_user(services.database, services.passwords, services.clock(), values, viewer)


async def add_user(
    database: Database,
    passwords: Passwords,
    now: datetime,
    values: Mapping[str, object],
    viewer: Viewer | None = None,
) -> UUID:
    """Create a user; without a viewer (a command of the server) nobody's role is checked.

    Raises ``Invalid``.
    """
    cleaned, problems = validation.clean(validation.USER, values, partial=False)
    password = await _hashed(passwords, cleaned)
    async with _naming_a_user(database) as session:
        if viewer is not None:
            await _require_admin_still(session, viewer, "create users")
        await _check_user(session, cleaned, problems, None)
        validation.raise_problems(problems)
        company_id = cleaned.pop("company", None)
        del cleaned["password"]
        user = User(**cleaned, password=password, company_id=company_id, date_joined=now)
        session.add(user)
    return user.id


async def update_user(context: Context, user_id: UUID, changes: Mapping[str, object]) -> None:
    """Change a user; ``is_active: False`` deactivates them.

    That and a new password end the user's sessions within seconds. There is always an active
    Admin: the last one stays what they are.
    """
    viewer, services = context.require_viewer(), context.services
    access.require_admin(viewer, "change users")
    await change_user(
        *(services.database, services.passwords, services.clock(), user_id, changes), viewer
    )
    services.after_commit(partial(services.viewers.forget, user_id))


async def change_user(
    database: Database,
    passwords: Passwords,
    now: datetime,
    user_id: UUID,
    changes: Mapping[str, object],
    viewer: Viewer | None = None,
) -> None:
    """Change a user as ``update_user``; without a viewer (a command) nobody's role is checked.

    Raises ``Invalid`` and ``NotFound``.
    """
    cleaned, problems = validation.clean(validation.USER, changes, partial=True)
    password = await _hashed(passwords, cleaned)
    async with _naming_a_user(database) as session:
        # Before the user, and in the same order as everybody: two of them may change each other.
        admins = await _locked_admins(session) if {"role", "is_active"} & cleaned.keys() else None
        if viewer is not None:
            await _require_admin_still(session, viewer, "change users")
        user = await locked_row(session, User, user_id)
        await _check_user(session, cleaned, problems, user)
        if admins == [user_id]:
            _check_last_admin(cleaned, problems)
        validation.raise_problems(problems)
        ends = "password" in cleaned or (user.is_active and not cleaned.get("is_active", True))
        user.company_id = cleaned.pop("company", user.company_id)
        if cleaned.pop("password", None) is not None:
            user.password = password
        set_values(user, cleaned)
        if ends:
            end_sessions(user, now)


async def _require_admin_still(session: AsyncSession, viewer: Viewer, action: str) -> None:
    """Check the viewer's row: one who was demoted a second ago may not make an Admin of anybody."""
    user = await session.get(User, viewer.id)
    if user is None or not user.is_active:
        raise Unauthenticated
    access.require_admin(Viewer(user.id, user.role, user.company_id), action)


async def _locked_admins(session: AsyncSession) -> list[UUID]:
    """Return the ids of all active Admins, locked."""
    is_admin = col(User.role) == Role.ADMIN
    return [
        user.id for user in await locked_users(session, is_admin, col(User.is_active).is_(True))
    ]


def _check_last_admin(cleaned: validation.Cleaned, problems: validation.Problems) -> None:
    if cleaned.get("role", Role.ADMIN) is not Role.ADMIN:
        problems.setdefault("role", [Problem("last_admin")])
    if not cleaned.get("is_active", True):
        problems.setdefault("is_active", [Problem("last_admin")])


async def locked_users(session: AsyncSession, *conditions: ColumnElement[bool]) -> Sequence[User]:
    """Return users, locked in the order of their ids, so that nobody waits for each other."""
    wanted = select(User).where(*conditions).order_by(col(User.id)).with_for_update()
    # As they are once they are locked, and not as they were read before.
    return (await session.exec(wanted, execution_options={"populate_existing": True})).all()


async def _hashed(passwords: Passwords, cleaned: validation.Cleaned) -> str:
    """Return the hash of the password, ``""`` if there is none or it will be refused.

    Called before the transaction, as hashing takes long and others wait for it.
    """
    return await passwords.hash(cleaned["password"]) if "password" in cleaned else ""


@asynccontextmanager
async def _naming_a_user(database: Database) -> AsyncIterator[AsyncSession]:
    """Give a transaction that is ``Invalid`` where somebody else has just taken the name."""
    try:
        async with database.transaction() as session:
            yield session
    except IntegrityError as error:
        if "username" not in str(error.orig):
            raise
        raise Invalid({"username": [Problem("taken")]}) from None


async def _check_user(
    session: AsyncSession,
    cleaned: validation.Cleaned,
    problems: validation.Problems,
    current: User | None,
) -> None:
    await check_company(session, cleaned, problems)
    if "username" in cleaned:
        taken = (
            await session.exec(select(User.id).where(User.username == cleaned["username"]))
        ).first()
        if taken is not None and (current is None or taken != current.id):
            problems["username"] = [Problem("taken")]
    role = cleaned.get("role", current.role if current else None)
    company = cleaned.get("company", current.company_id if current else None)
    if role is Role.CUSTOMER and company is None:
        problems.setdefault("company", [Problem("required")])
    elif role is not None and role is not Role.CUSTOMER and company is not None:
        problems.setdefault("company", [Problem("only_for_customers")])
