"""Refresh tokens: families that rotate, and how they end."""

from datetime import datetime, timedelta

from sqlalchemy import SelectBase, String, bindparam, select
from sqlmodel import col, update
from sqlmodel.ext.asyncio.session import AsyncSession

from models import RefreshToken, table_of
from models.types import UtcDateTime
from resolvers.auth.login import Login, forget_expired, locked_user, token_row
from resolvers.auth.tokens import Claims, microseconds
from resolvers.auth.viewers import current_account, viewer_of
from resolvers.errors import Unauthenticated
from resolvers.query.statements import fetch_row
from resolvers.services import Services
from resolvers.viewer import Viewer

# For so long a token that was exchanged gets the same successor again: two tabs of a browser, or
# a client whose answer was lost, ask twice.
REUSE_PERIOD = timedelta(seconds=10)

_tokens = table_of(RefreshToken)


async def rotate(services: Services, token: str) -> Login:
    """Exchange a refresh token for its successor and a new access token.

    One that was exchanged before ends its family, whose members may be in two hands. Tokens of the
    old system have no row yet and begin a family. Raises ``Unauthenticated``.
    """
    claims = services.tokens.check(token, "refresh")
    async with services.database.transaction() as session:
        user = await locked_user(session, claims)
        not_before = user.tokens_not_before
        row = await _known(session, claims)
        successor = await _successor(services, session, row, not_before)
    if successor is None:
        raise Unauthenticated
    access = services.tokens.access(claims.user_id, not_before)
    return Login(access, services.tokens.refresh_again(successor), claims.user_id)


async def _successor(
    services: Services, session: AsyncSession, row: RefreshToken, not_before: datetime | None
) -> Claims | None:
    """Return what follows a token; None where its family has ended, perhaps just now."""
    now = services.clock()
    if row.revoked_at is not None:
        return None
    if row.successor is None:
        await forget_expired(session, row.user_id, now)
        _, claims = services.tokens.refresh(row.user_id, not_before)
        row.used_at, row.successor = now, claims.jti
        session.add(token_row(claims, row.family_id))
        return claims
    if _is_reused(row.used_at, now):
        await _end_family(session, row.family_id, now)
        return None
    following = await session.get(RefreshToken, row.successor)
    if following is None or following.revoked_at is not None:
        return None
    return Claims(
        user_id=following.user_id,
        jti=following.jti,
        issued_at=following.issued_at,
        expires_at=following.expires_at,
        not_before=microseconds(not_before),
    )


async def refresh(services: Services, token: str) -> str:
    """Return a new access token for a refresh token, which stays good: the old system's contract.

    Raises ``Unauthenticated``. A token that was exchanged by ``rotate`` ends its family here, too.
    """
    claims = services.tokens.check(token, "refresh")
    account = await current_account(services, claims.user_id)
    if not claims.is_current(account.tokens_not_before) or await _has_ended(services, claims):
        raise Unauthenticated
    return services.tokens.access(claims.user_id, account.tokens_not_before)


async def is_valid(services: Services, token: str) -> bool:
    """Whether a token of either kind is good: it and its session have not ended."""
    try:
        await viewer_of(services, token)
    except Unauthenticated:
        try:
            await refresh(services, token)
        except Unauthenticated:
            return False
    return True


async def logout(services: Services, viewer: Viewer | None, token: str) -> bool:
    """Revoke a refresh token and its family; returns whether there was one to revoke.

    With a viewer, only a token of theirs is revoked. Everybody who has the token may end it.
    """
    try:
        claims = services.tokens.check(token, "refresh")
        if viewer is not None and claims.user_id != viewer.id:
            return False
        async with services.database.transaction() as session:
            await locked_user(session, claims)
            row = await _known(session, claims)
            await session.flush()
            await _end_family(session, row.family_id, services.clock())
    except Unauthenticated:
        return False
    return True


async def _has_ended(services: Services, claims: Claims) -> bool:
    row = await fetch_row(services, _state, _state, {"jti": claims.jti})
    if row is None:
        return False
    family_id, revoked_at, used_at = row
    if revoked_at is not None:
        return True
    dialect, now = services.database.dialect, services.clock()
    if not _is_reused(UtcDateTime().process_result_value(used_at, dialect), now):
        return False
    async with services.database.transaction() as session:
        await locked_user(session, claims)
        await _end_family(session, family_id, now)
    return True


def _state() -> SelectBase:
    jti = bindparam("jti", type_=String)
    found = select(_tokens.c.family_id, _tokens.c.revoked_at, _tokens.c.used_at)
    return found.where(_tokens.c.jti == jti)


def _is_reused(used_at: datetime | None, now: datetime) -> bool:
    return used_at is not None and now - used_at > REUSE_PERIOD


async def _known(session: AsyncSession, claims: Claims) -> RefreshToken:
    """Return the row of a token; one of the old system's begins a family."""
    row = await session.get(RefreshToken, claims.jti)
    if row is None:
        row = token_row(claims, claims.jti)
        session.add(row)
    return row


async def _end_family(session: AsyncSession, family_id: str | None, now: datetime) -> None:
    await session.exec(
        update(RefreshToken)
        .where(col(RefreshToken.family_id) == family_id, col(RefreshToken.revoked_at).is_(None))
        .values(revoked_at=now)
    )
