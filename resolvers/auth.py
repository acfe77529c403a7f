"""Logging in and staying logged in."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, String, bindparam, select

from models import RefreshToken, Role, User
from models.types import Uuid36
from resolvers.desk import Desk, Viewer
from resolvers.errors import BadCredentials, SessionEnded, Unauthenticated
from resolvers.passwords import hash_password, needs_rehash, verify_password
from resolvers.plans import fetch_row
from resolvers.terms import storable
from resolvers.tokens import Claims

# A deactivated user is out within five seconds: this long a viewer is believed without a look.
VIEWER_LIFETIME = timedelta(seconds=4)
MOST_VIEWERS = 10_000

_users = User.__table__  # type: ignore[attr-defined]
_tokens = RefreshToken.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True)
class Login:
    """The tokens of a new login."""

    access: str
    refresh: str
    user_id: UUID


class Viewers:
    """The users seen in the last seconds, so that a request need not ask for its user again."""

    def __init__(self) -> None:
        self._seen: dict[UUID, tuple[datetime, Viewer]] = {}
        self._asked: dict[UUID, asyncio.Task[Viewer]] = {}

    def get(self, user_id: UUID, now: datetime) -> Viewer | None:
        """Return a viewer who was looked up a moment ago."""
        seen = self._seen.get(user_id)
        if seen is None or not seen[0] <= now < seen[0] + VIEWER_LIFETIME:
            return None
        return seen[1]

    def put(self, viewer: Viewer, now: datetime) -> None:
        """Remember a viewer for a moment."""
        if len(self._seen) >= MOST_VIEWERS:
            self._seen.clear()
        self._seen[viewer.id] = (now, viewer)

    def forget(self, user_id: UUID) -> None:
        """Look a user up again at the next request: what they are has changed."""
        self._seen.pop(user_id, None)
        self._asked.pop(user_id, None)

    async def look_up(self, desk: Desk, user_id: UUID) -> Viewer:
        """Ask for a user, once for all who ask at a time: hundreds may follow events.

        Raises ``SessionEnded``.
        """
        asked = self._asked.get(user_id)
        if asked is None:
            asked = self._asked[user_id] = asyncio.create_task(_active_viewer(desk, user_id))
            asked.add_done_callback(lambda done: self._answered(user_id, done))
        # One of those who wait for it may leave.
        return await asyncio.shield(asked)

    def _answered(self, user_id: UUID, asked: "asyncio.Task[Viewer]") -> None:
        if self._asked.get(user_id) is asked:
            del self._asked[user_id]
        if not asked.cancelled():
            # Perhaps nobody is left to be told of a failure.
            asked.exception()


async def login(desk: Desk, username: str, password: str) -> Login:
    """Check a password and issue tokens; an old hash is replaced by argon2id.

    Raises ``BadCredentials``, after equally long for unknown users and wrong passwords.
    """
    user_id, stored = await _user_by_name(desk, username)
    # In a thread: a hash is meant to be slow, and others are waiting.
    genuine = await asyncio.to_thread(verify_password, storable(password), stored)
    # What no text can hold was never part of a password.
    if user_id is None or stored is None or not genuine or storable(password) != password:
        raise BadCredentials
    new_hash = None
    if needs_rehash(stored):
        new_hash = await asyncio.to_thread(hash_password, password)
    refresh_token, claims = desk.tokens.refresh(user_id)
    async with desk.database.transaction() as session:
        user = await session.get(User, user_id, with_for_update=True)
        if user is None or not user.is_active:
            raise BadCredentials
        user.last_login = desk.clock()
        if new_hash is not None and user.password == stored:
            user.password = new_hash
        session.add(_row(claims))
    return Login(desk.tokens.access(user_id), refresh_token, user_id)


async def refresh(desk: Desk, token: str) -> str:
    """Return a new access token for a refresh token.

    Raises ``Unauthenticated`` where the token is no good or revoked, or its user deactivated.
    Tokens of the old system have no row here and are good until they expire.
    """
    claims = desk.tokens.check(token, "refresh")
    revoked = await fetch_row(desk, _revoked, _revoked, {"jti": claims.jti})
    if revoked is not None:
        raise Unauthenticated
    await _active_viewer(desk, claims.user_id)
    return desk.tokens.access(claims.user_id)


async def logout(desk: Desk, viewer: Viewer | None, token: str) -> bool:
    """Revoke a refresh token; returns whether there was one to revoke.

    With a viewer, only a token of theirs is revoked. Whoever has the token may end it.
    """
    try:
        claims = desk.tokens.check(token, "refresh")
    except Unauthenticated:
        return False
    if viewer is not None and claims.user_id != viewer.id:
        return False
    async with desk.database.transaction() as session:
        # Locked, because two logouts at once would both add the row.
        if await session.get(User, claims.user_id, with_for_update=True) is None:
            return False
        row = await session.get(RefreshToken, claims.jti)
        if row is None:
            row = _row(claims)
            session.add(row)
        row.revoked_at = row.revoked_at or desk.clock()
    return True


async def viewer_of(desk: Desk, access_token: str) -> Viewer:
    """Return whom an access token belongs to.

    Raises ``Unauthenticated``: ``TokenExpired`` or ``SessionEnded`` where it was good once.
    """
    claims = desk.tokens.check(access_token, "access")
    now = desk.clock()
    viewer = desk.viewers.get(claims.user_id, now)
    if viewer is None:
        viewer = await desk.viewers.look_up(desk, claims.user_id)
        desk.viewers.put(viewer, now)
    return viewer


async def _active_viewer(desk: Desk, user_id: UUID) -> Viewer:
    row = await fetch_row(desk, _active, _active, {"user_id": user_id})
    if row is None:
        raise SessionEnded
    role, company_id = row
    return Viewer(user_id, Role(role), None if company_id is None else UUID(str(company_id)))


def _active() -> Select[Any]:
    user_id = bindparam("user_id", type_=Uuid36)
    return select(_users.c.role, _users.c.company_id).where(
        _users.c.id == user_id, _users.c.is_active
    )


async def _user_by_name(desk: Desk, username: str) -> tuple[UUID | None, str | None]:
    """Return the id and hash of an active user."""
    if storable(username) != username:
        return None, None
    row = await fetch_row(desk, _named, _named, {"username": username})
    return (None, None) if row is None else (UUID(str(row[0])), row[1])


def _named() -> Select[Any]:
    username = bindparam("username", type_=String)
    return select(_users.c.id, _users.c.password).where(
        _users.c.username == username, _users.c.is_active
    )


def _revoked() -> Select[Any]:
    jti = bindparam("jti", type_=String)
    return select(_tokens.c.jti).where(_tokens.c.jti == jti, _tokens.c.revoked_at.isnot(None))


def _row(claims: Claims) -> RefreshToken:
    return RefreshToken(
        jti=claims.jti,
        user_id=claims.user_id,
        issued_at=claims.issued_at,
        expires_at=claims.expires_at,
    )
