"""The commands ``user list``, ``show``, ``password``, ``role`` and others, and ``sessions end``."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import typer
from sqlmodel import col, select
from sqlmodel.sql.expression import Select

from deskgraph.cli.errors import CommandError, open_database
from deskgraph.cli.people import company_id_of, role_of, worded
from deskgraph.database.database import Database
from deskgraph.settings import load_settings
from models import Company, User
from models.types import time_text
from resolvers.auth.passwords import Passwords
from resolvers.auth.viewers import end_sessions
from resolvers.commands.users import change_user
from resolvers.errors import Invalid

COLUMNS = ("username", "role", "company", "active", "last_login")
WIDTHS = (20, 8, 24, 6, 24)
# The users are read and printed in pieces, so that any number of them fits into memory.
CHUNK = 1000
Account = Mapping[str, object]


async def list_users(*, as_json: bool) -> None:
    """Print all users by name: a table, or a JSON object on each line."""
    async with open_database(load_settings()) as database:
        if not as_json:
            typer.echo(_line(COLUMNS))
        after = ""
        while chunk := await _accounts(database, after):
            for account in chunk:
                typer.echo(json.dumps(account) if as_json else _table_line(account))
            after = str(chunk[-1]["username"])


async def show_user(username: str) -> str:
    """Return what is known of a user, a line for each field; never the password's hash."""
    async with open_database(load_settings()) as database:
        account = await _account(database, username)
    width = max(map(len, account))
    return "\n".join(f"{name:{width}}  {_shown(value)}" for name, value in account.items())


async def set_password(username: str, password: str) -> str:
    """Give a user another password, which ends their sessions, and say so."""
    await _change(username, {"password": password})
    return f"{username} has a new password; all their sessions have ended."


async def set_active(username: str, *, active: bool) -> str:
    """Let a user log in or not, and say so."""
    await _change(username, {"is_active": active})
    if active:
        return f"{username} is active and can log in."
    return f"{username} is deactivated; all their sessions have ended."


async def set_role(username: str, role: str, company: str | None) -> str:
    """Give a user another role, and say so; a customer has a company, nobody else has one."""
    found = role_of(role)
    async with open_database(load_settings()) as database:
        company_id = None if company is None else await company_id_of(database, company)
        await _change_in(database, username, {"role": found, "company": company_id})
    return f"{username} is {found.value} now."


async def end_user_sessions(username: str) -> str:
    """End all sessions of a user, and say so; they can log in again."""
    async with open_database(load_settings()) as database, database.transaction() as session:
        wanted = select(User).where(User.username == username).with_for_update()
        user = (await session.exec(wanted)).first()
        if user is None:
            raise _unknown(username)
        end_sessions(user, datetime.now(UTC))
    return f"All sessions of {username} have ended."


async def _change(username: str, changes: Mapping[str, object]) -> None:
    async with open_database(load_settings()) as database:
        await _change_in(database, username, changes)


async def _change_in(database: Database, username: str, changes: Mapping[str, object]) -> None:
    async with database.transaction() as session:
        user_id = (await session.exec(select(User.id).where(User.username == username))).first()
    if user_id is None:
        raise _unknown(username)
    try:
        await change_user(database, Passwords(), datetime.now(UTC), user_id, changes)
    except Invalid as invalid:
        raise CommandError(worded(invalid.problems)) from None


def _unknown(username: str) -> CommandError:
    return CommandError(f"There is no user {username!r}.")


async def _account(database: Database, username: str) -> Account:
    async with database.transaction() as session:
        found = (await session.exec(_wanted().where(User.username == username))).first()
    if found is None:
        raise _unknown(username)
    return _read(*found)


async def _accounts(database: Database, after: str) -> Sequence[Account]:
    wanted = _wanted().where(col(User.username) > after).order_by(col(User.username)).limit(CHUNK)
    async with database.transaction() as session:
        return [_read(*row) for row in await session.exec(wanted)]


def _wanted() -> Select[User, str]:
    return select(User, Company.name).outerjoin(Company, col(Company.id) == col(User.company_id))


def _read(user: User, company: str | None) -> Account:
    return {
        "username": user.username,
        "role": user.role.value,
        "company": company,
        "active": user.is_active,
        "last_login": None if user.last_login is None else time_text(user.last_login),
        "id": str(user.id),
        "first_name": user.first_name,
        "last_name": user.last_name,
        "email": user.email,
        "date_joined": time_text(user.date_joined),
    }


def _table_line(account: Account) -> str:
    return _line([_shown(account[name]) for name in COLUMNS])


def _line(values: Sequence[str]) -> str:
    return "  ".join(
        f"{value:{width}}" for value, width in zip(values, WIDTHS, strict=True)
    ).rstrip()


def _shown(value: object) -> str:
    """Return a value as one line for a terminal: control characters are written as escapes."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
    text = str(value)
    return text if text.isprintable() else repr(text)
