"""Whose a token is: users as they are now, looked at again every few seconds."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Join, SelectBase, bindparam, or_, select

from models import Company, Role, User, table_of
from models.types import UtcDateTime, Uuid36
from resolvers.auth.tokens import Claims, microseconds
from resolvers.errors import Deactivated, SessionEnded
from resolvers.query.plans import fetch_row
from resolvers.services import Services, Viewer

# A session that ended is over within five seconds: this long a user is believed without a look.
VIEWER_LIFETIME = timedelta(seconds=4)
MAX_VIEWERS = 10_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_users = table_of(User)
_companies = table_of(Company)


@dataclass(frozen=True, slots=True)
class Account:
    """An active user, and since when their tokens are good."""

    viewer: Viewer
    tokens_not_before: datetime | None


class Viewers:
    """The users seen in the last seconds, so that a request need not ask for its user again."""

    def __init__(self) -> None:
        self._seen: dict[UUID, tuple[datetime, Account]] = {}
        self._asked: dict[UUID, asyncio.Task[Account]] = {}

    def get(self, user_id: UUID, now: datetime) -> Account | None:
        """Return a user who was looked up a moment ago."""
        seen = self._seen.get(user_id)
        if seen is None or not seen[0] <= now < seen[0] + VIEWER_LIFETIME:
            return None
        return seen[1]

    def put(self, account: Account, now: datetime) -> None:
        """Remember a user for a moment."""
        if len(self._seen) >= MAX_VIEWERS:
            self._seen.clear()
        self._seen[account.viewer.id] = (now, account)

    def forget(self, user_id: UUID) -> None:
        """Look a user up again at the next request: what they are has changed."""
        self._seen.pop(user_id, None)
        self._asked.pop(user_id, None)

    def forget_all(self) -> None:
        """Look everybody up again."""
        self._seen.clear()
        self._asked.clear()

    async def look_up(self, services: Services, user_id: UUID) -> Account:
        """Ask for a user, once for all who ask at a time: hundreds may follow events.

        Raises ``Deactivated``.
        """
        asked = self._asked.get(user_id)
        if asked is None:
            now = services.clock()
            asked = self._asked[user_id] = asyncio.create_task(_account(services, user_id))
            asked.add_done_callback(lambda done: self._answered(user_id, done, now))
        # One of those who wait for it may leave.
        return await asyncio.shield(asked)

    def _answered(self, user_id: UUID, asked: "asyncio.Task[Account]", now: datetime) -> None:
        # So that a failure without a waiting task is not logged.
        failed = asked.cancelled() or asked.exception() is not None
        if self._asked.get(user_id) is not asked:
            # Forgotten meanwhile: what was read may be of before the change.
            return
        del self._asked[user_id]
        if not failed:
            self.put(asked.result(), now)


async def viewer_of(services: Services, access_token: str) -> Viewer:
    """Return whom an access token belongs to.

    Raises ``Unauthenticated``: ``TokenExpired`` or ``SessionEnded`` where it was good once. It has
    ended where it was issued before the user's ``tokens_not_before``.
    """
    claims = services.tokens.check(access_token, "access")
    account = services.viewers.get(claims.user_id, services.clock())
    if account is None or _is_newer(claims, account):
        account = await services.viewers.look_up(services, claims.user_id)
    if not claims.is_current(account.tokens_not_before):
        raise SessionEnded
    return account.viewer


def _is_newer(claims: Claims, account: Account) -> bool:
    """Whether another process has ended the user's sessions since they were looked up here."""
    return (claims.not_before or 0) > microseconds(account.tokens_not_before)


def end_sessions(user: User, now: datetime) -> None:
    """Make all tokens of a user no good that were issued up to now."""
    before = user.tokens_not_before or _EPOCH
    # Later in any case, whatever the clocks of several machines say.
    user.tokens_not_before = max(now, before + timedelta(microseconds=1))


async def _account(services: Services, user_id: UUID) -> Account:
    row = await fetch_row(services, _active, _active, {"user_id": user_id})
    if row is None:
        raise Deactivated
    role, company_id, not_before = row
    viewer = Viewer(user_id, Role(role), None if company_id is None else UUID(str(company_id)))
    # The driver's own value: SQLite has texts.
    moment = UtcDateTime().process_result_value(not_before, services.database.dialect)
    return Account(viewer, moment)


def _active() -> SelectBase:
    wanted = select(_users.c.role, _users.c.company_id, _users.c.tokens_not_before)
    user_id = bindparam("user_id", type_=Uuid36)
    return wanted.select_from(with_company()).where(_users.c.id == user_id, *is_active())


def with_company() -> Join:
    """Return the users with their companies, if they have one."""
    return _users.outerjoin(_companies, _companies.c.id == _users.c.company_id)


def is_active() -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for users of ``with_company`` who may log in.

    Customers of a deactivated company may not.
    """
    return _users.c.is_active, or_(_companies.c.id.is_(None), _companies.c.is_active)
