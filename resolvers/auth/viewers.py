"""Whose a token is: users as they are now, looked at again every few seconds."""

from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy import ColumnElement, Join, SelectBase, bindparam, or_, select

from models import Company, Role, User, table_of
from models.types import UtcDateTime, Uuid36
from resolvers.auth.accounts import Account
from resolvers.auth.tokens import Claims, microseconds
from resolvers.errors import Deactivated, SessionEnded
from resolvers.query.statements import fetch_row
from resolvers.request_record import current_request
from resolvers.services import Services
from resolvers.viewer import Viewer

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_users = table_of(User)
_companies = table_of(Company)


async def viewer_of(services: Services, access_token: str) -> Viewer:
    """Return whom an access token belongs to.

    Raises ``Unauthenticated``: ``TokenExpired`` or ``SessionEnded`` where it was good once. It has
    ended where it was issued before the user's ``tokens_not_before``.
    """
    claims = services.tokens.check(access_token, "access")
    account = services.viewers.get(claims.user_id, services.clock())
    if account is None or _is_newer(claims, account):
        account = await current_account(services, claims.user_id)
    if not claims.is_current(account.tokens_not_before):
        raise SessionEnded
    record = current_request.get()
    if record is not None:
        record.user_id = claims.user_id
    return account.viewer


async def current_account(services: Services, user_id: UUID) -> Account:
    """Return a user's account as it is stored now; raises ``Deactivated``."""
    return await services.viewers.look_up(user_id, services.clock(), partial(_account, services))


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
    # Drivers have values of their own: SQLite texts, and PostgreSQL a UUID that no JSON takes. A
    # statement may also have returned the id of the user, as it does of who has started a job.
    company = None if company_id is None else UUID(str(company_id))
    viewer = Viewer(UUID(str(user_id)), Role(role), company)
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
