"""Logging in and staying logged in."""

import logging
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import SelectBase, String, bindparam, select
from sqlmodel import col, delete
from sqlmodel.ext.asyncio.session import AsyncSession

from models import Company, RefreshToken, User, table_of
from models.types import Uuid36
from resolvers.auth.passwords import MAX_PADDING, needs_rehash
from resolvers.auth.tokens import Claims
from resolvers.auth.viewers import end_sessions, is_active, with_company
from resolvers.commands import validation
from resolvers.context import Context
from resolvers.errors import BadCredentials, Invalid, Problem, Unauthenticated
from resolvers.query.sql.elements import Pbkdf2Iterations
from resolvers.query.statements import fetch_row
from resolvers.request_record import current_request
from resolvers.services import Services
from resolvers.texts import is_storable, storable

# How often a login is tried again because the hash was changed by another one meanwhile.
ATTEMPTS = 3
# For how long it is believed how slow imported hashes are.
OLD_HASHES_LIFETIME = timedelta(minutes=10)

# What the log has of the name in a failed login: as much of one that may be a user's.
MAX_SHOWN_NAME = 32
_SANE_NAME = re.compile(r"[\w.@+-]{1,150}", re.ASCII)

_users = table_of(User)
logger = logging.getLogger("deskgraph.logins")


@dataclass(frozen=True)
class Login:
    """The tokens of a login."""

    access: str
    refresh: str
    user_id: UUID


async def log_in(services: Services, username: str, password: str, *, address: str = "") -> Login:
    """Check a password and issue tokens; an old hash is replaced by argon2id.

    Blanks around the password may belong to it or not: the old system cut them off. ``address`` is
    the client's. Raises ``BadCredentials``, after equal work for unknown users and wrong passwords,
    and ``Throttled``.
    """
    if services.rates is not None:
        await services.rates.count_login(address, username)
    try:
        done = await _checked(services, username, password)
    except BadCredentials:
        shown = username[:MAX_SHOWN_NAME] if _SANE_NAME.fullmatch(username) else None
        logger.warning("login failed", extra={"username": shown, "address": address})
        _note("failed")
        raise
    _note("succeeded")
    if services.rates is not None:
        await services.rates.remember_login(address, username)
    return done


def _note(result: str) -> None:
    record = current_request.get()
    if record is not None:
        record.login = result


async def _checked(services: Services, username: str, password: str) -> Login:
    """Check a password and issue tokens; raises ``BadCredentials``."""
    for _ in range(ATTEMPTS):
        user_id, stored = await _user_by_name(services, username)
        genuine = await _matching(services, password, stored)
        if user_id is None or stored is None or genuine is None:
            break
        new_hash = await services.passwords.hash(genuine) if needs_rehash(stored) else stored
        done = await _enter(services, user_id, stored, new_hash)
        if done is not None:
            return done
    raise BadCredentials


async def _enter(services: Services, user_id: UUID, stored: str, new_hash: str) -> Login | None:
    """Issue the tokens of a login; None where the hash is not the one that was checked any more.

    Another login may have replaced it, or somebody has changed the password meanwhile.
    """
    async with services.database.transaction() as session:
        user = await session.get(User, user_id, with_for_update=True)
        if user is None or not await _may_enter(session, user):
            raise BadCredentials
        if user.password != stored:
            return None
        user.password = new_hash
        user.last_login = services.clock()
        return await _begin(services, session, user)


async def change_password(context: Context, old: str, new: str) -> Login:
    """Change one's own password, which ends all sessions; returns the tokens of a new one.

    Raises ``Unauthenticated``, ``Throttled``, and ``Invalid`` where the old password is wrong or
    the new one is no good.
    """
    services, viewer = context.services, context.require_viewer()
    cleaned, problems = validation.clean(validation.PASSWORDS, {"new_password": new}, partial=False)
    validation.raise_problems(problems)
    if services.rates is not None:
        await services.rates.count_password(viewer.id)
    row = await fetch_row(services, _hash, _hash, {"user_id": viewer.id})
    stored = None if row is None else row[0]
    if await _matching(services, old, stored) is None:
        raise Invalid({"old_password": [Problem("wrong_password")]})
    new_hash = await services.passwords.hash(cleaned["new_password"])
    async with services.database.transaction() as session:
        user = await session.get(User, viewer.id, with_for_update=True)
        if user is None or not await _may_enter(session, user):
            raise Unauthenticated
        if user.password != stored:
            # Somebody else has changed it meanwhile.
            raise Invalid({"old_password": [Problem("wrong_password")]})
        user.password = new_hash
        end_sessions(user, services.clock())
        done = await _begin(services, session, user)
    services.after_commit(partial(services.viewers.forget, viewer.id))
    return done


async def logout_everywhere(context: Context) -> None:
    """End all sessions of the viewer, this one as well; raises ``Unauthenticated``."""
    services, viewer = context.services, context.require_viewer()
    async with services.database.transaction() as session:
        user = await session.get(User, viewer.id, with_for_update=True)
        if user is None:
            raise Unauthenticated
        end_sessions(user, services.clock())
    services.after_commit(partial(services.viewers.forget, viewer.id))


async def locked_user(session: AsyncSession, claims: Claims) -> User:
    """Return the active user of a token of a current session; raises ``Unauthenticated``.

    The row is locked, so that whatever is done with a user's tokens happens one after the other.
    """
    user = await session.get(User, claims.user_id, with_for_update=True)
    if (
        user is None
        or not claims.is_current(user.tokens_not_before)
        or not await _may_enter(session, user)
    ):
        raise Unauthenticated
    return user


async def _may_enter(session: AsyncSession, user: User) -> bool:
    if user.company_id is None or not user.is_active:
        return user.is_active
    company = await session.get(Company, user.company_id)
    return company is not None and company.is_active


async def _begin(services: Services, session: AsyncSession, user: User) -> Login:
    """Begin a family of tokens."""
    await forget_expired(session, user.id, services.clock())
    refresh_token, claims = services.tokens.refresh(user.id, user.tokens_not_before)
    session.add(token_row(claims, claims.jti))
    return Login(services.tokens.access(user.id, user.tokens_not_before), refresh_token, user.id)


async def forget_expired(session: AsyncSession, user_id: UUID, now: datetime) -> None:
    """Delete the rows of a user's expired tokens: each login and each exchange adds one."""
    expired = col(RefreshToken.expires_at) < now
    await session.exec(delete(RefreshToken).where(col(RefreshToken.user_id) == user_id, expired))


def token_row(claims: Claims, family_id: str | None) -> RefreshToken:
    """Return the row of a refresh token."""
    return RefreshToken(
        jti=claims.jti,
        user_id=claims.user_id,
        issued_at=claims.issued_at,
        expires_at=claims.expires_at,
        family_id=family_id,
    )


async def _matching(services: Services, password: str, stored: str | None) -> str | None:
    """Return the password as it matches a hash: as it was sent, or without blanks around it."""
    await _look_at_old_hashes(services)
    found = None
    for candidate in dict.fromkeys((password, password.strip())):
        # What no text can hold was never part of a password.
        plain = storable(candidate)
        if await services.passwords.verify(plain, stored) and plain == candidate:
            found = found or candidate
    return found


async def _look_at_old_hashes(services: Services) -> None:
    """Find out from time to time how slow imported hashes are: all checks take as long."""
    old, now = services.passwords.old, services.clock()
    if old.seen_at is not None and old.seen_at <= now < old.seen_at + OLD_HASHES_LIFETIME:
        return
    row = await fetch_row(services, _slowest, _slowest, {})
    old.iterations, old.seen_at = min(int(row[0] or 0), MAX_PADDING), now


def _slowest() -> SelectBase:
    return select(Pbkdf2Iterations(_users.c.password)).select_from(_users)


async def _user_by_name(services: Services, username: str) -> tuple[UUID | None, str | None]:
    """Return the id and hash of a user who may log in."""
    if not is_storable(username):
        return None, None
    row = await fetch_row(services, _named, _named, {"username": username})
    return (None, None) if row is None else (UUID(str(row[0])), row[1])


def _named() -> SelectBase:
    username = bindparam("username", type_=String)
    wanted = select(_users.c.id, _users.c.password).select_from(with_company())
    return wanted.where(_users.c.username == username, *is_active())


def _hash() -> SelectBase:
    return select(_users.c.password).where(_users.c.id == bindparam("user_id", type_=Uuid36))
