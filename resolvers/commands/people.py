"""Users, companies and contacts: created, changed and deactivated by Admins."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from models import Company, Contact, Role, User
from resolvers import access
from resolvers.auth.passwords import Passwords
from resolvers.auth.viewers import end_sessions
from resolvers.commands import validation
from resolvers.errors import Invalid, NotFound, Problem, Unauthenticated
from resolvers.services import Context, Database, Viewer

Row = TypeVar("Row", bound=SQLModel)


async def create_company(context: Context, values: Mapping[str, object]) -> UUID:
    """Create a company. Raises ``Forbidden`` and ``Invalid``."""
    access.require_admin(context.require_viewer(), "create companies")
    cleaned, problems = validation.clean(
        validation.COMPANY, values, partial=False, max_text_bytes=context.services.max_text_bytes
    )
    validation.raise_problems(problems)
    now = context.services.clock()
    company = Company(**cleaned, created_at=now, updated_at=now)
    async with context.services.database.transaction() as session:
        session.add(company)
    return company.id


async def update_company(context: Context, company_id: UUID, changes: Mapping[str, object]) -> None:
    """Change a company; ``is_active: False`` deactivates it and ends its customers' sessions."""
    access.require_admin(context.require_viewer(), "change companies")
    now = context.services.clock()
    async with context.services.database.transaction() as session:
        company = await _locked(session, Company, company_id)
        cleaned, problems = validation.clean(
            validation.COMPANY,
            changes,
            partial=True,
            max_text_bytes=context.services.max_text_bytes,
        )
        validation.raise_problems(problems)
        ends = company.is_active and not cleaned.get("is_active", True)
        if _apply(company, cleaned):
            company.updated_at = now
        if ends:
            for customer in await _all_locked(session, col(User.company_id) == company_id):
                end_sessions(customer, now)
    if ends:
        context.services.viewers.forget_all()


async def create_contact(context: Context, values: Mapping[str, object]) -> UUID:
    """Create a contact of a company. Raises ``Forbidden`` and ``Invalid``."""
    access.require_admin(context.require_viewer(), "create contacts")
    cleaned, problems = validation.clean(
        validation.CONTACT, values, partial=False, max_text_bytes=context.services.max_text_bytes
    )
    async with context.services.database.transaction() as session:
        await _check_company(session, cleaned, problems)
        validation.raise_problems(problems)
        now = context.services.clock()
        company_id = cleaned.pop("company")
        contact = Contact(**cleaned, company_id=company_id, created_at=now, updated_at=now)
        session.add(contact)
    return contact.id


async def update_contact(context: Context, contact_id: UUID, changes: Mapping[str, object]) -> None:
    """Change a contact; ``is_active: False`` deactivates it."""
    access.require_admin(context.require_viewer(), "change contacts")
    async with context.services.database.transaction() as session:
        contact = await _locked(session, Contact, contact_id)
        cleaned, problems = validation.clean(
            validation.CONTACT,
            changes,
            partial=True,
            max_text_bytes=context.services.max_text_bytes,
        )
        await _check_company(session, cleaned, problems)
        validation.raise_problems(problems)
        if "company" in cleaned:
            cleaned["company_id"] = cleaned.pop("company")
        if _apply(contact, cleaned):
            contact.updated_at = context.services.clock()


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
    """Create a user, without a viewer as whoever runs commands may. Raises ``Invalid``."""
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
    cleaned, problems = validation.clean(validation.USER, changes, partial=True)
    password = await _hashed(services.passwords, cleaned)
    async with _naming_a_user(services.database) as session:
        # Before the user, and in the same order as everybody: two of them may change each other.
        admins = await _locked_admins(session) if {"role", "is_active"} & cleaned.keys() else None
        await _require_admin_still(session, viewer, "change users")
        user = await _locked(session, User, user_id)
        await _check_user(session, cleaned, problems, user)
        if admins == [user_id]:
            _check_last_admin(cleaned, problems)
        validation.raise_problems(problems)
        ends = "password" in cleaned or (user.is_active and not cleaned.get("is_active", True))
        user.company_id = cleaned.pop("company", user.company_id)
        if cleaned.pop("password", None) is not None:
            user.password = password
        _apply(user, cleaned)
        if ends:
            end_sessions(user, services.clock())
    services.viewers.forget(user_id)


async def _require_admin_still(session: AsyncSession, viewer: Viewer, deed: str) -> None:
    """Look at the viewer again: who was demoted a second ago may not make an Admin of anybody."""
    user = await session.get(User, viewer.id)
    if user is None or not user.is_active:
        raise Unauthenticated
    access.require_admin(Viewer(user.id, user.role, user.company_id), deed)


async def _locked_admins(session: AsyncSession) -> list[UUID]:
    """Return the ids of all active Admins, and keep them as they are."""
    is_admin = col(User.role) == Role.ADMIN
    return [user.id for user in await _all_locked(session, is_admin, col(User.is_active).is_(True))]


def _check_last_admin(cleaned: Mapping[str, Any], problems: validation.Problems) -> None:
    if cleaned.get("role", Role.ADMIN) is not Role.ADMIN:
        problems.setdefault("role", [Problem("last_admin")])
    if not cleaned.get("is_active", True):
        problems.setdefault("is_active", [Problem("last_admin")])


async def _all_locked(session: AsyncSession, *conditions: ColumnElement[bool]) -> Sequence[User]:
    """Return users, locked in the order of their ids, so that nobody waits for each other."""
    wanted = select(User).where(*conditions).order_by(col(User.id)).with_for_update()
    # As they are once they are locked, and not as they were read before.
    return (await session.exec(wanted, execution_options={"populate_existing": True})).all()


async def _hashed(passwords: Passwords, cleaned: Mapping[str, Any]) -> str:
    """Return the hash of a password, if there is one; made before others wait for the transaction.

    Nothing is worth hashing that will be refused.
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


async def _locked(session: AsyncSession, model: type[Row], key: UUID) -> Row:
    row = await session.get(model, key, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(model.__name__)
    return row


def _apply(row: SQLModel, cleaned: Mapping[str, Any]) -> bool:
    """Change a row's values; returns whether any of them was another one."""
    changed = {name: value for name, value in cleaned.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    return bool(changed)


async def _check_company(
    session: AsyncSession, cleaned: Mapping[str, Any], problems: validation.Problems
) -> None:
    key = cleaned.get("company")
    if key is not None and await session.get(Company, key) is None:
        problems["company"] = [Problem("does_not_exist", {"value": str(key)})]


async def _check_user(
    session: AsyncSession,
    cleaned: Mapping[str, Any],
    problems: validation.Problems,
    current: User | None,
) -> None:
    await _check_company(session, cleaned, problems)
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
