"""The commands ``user add`` and ``token``."""

import contextlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import typer
from sqlalchemy import or_
from sqlmodel import col, select

from deskgraph.cli.errors import CommandError, open_database
from deskgraph.database.database import Database
from deskgraph.settings import load_settings
from models import Company, Role, User
from resolvers.auth.passwords import Passwords
from resolvers.auth.tokens import Tokens
from resolvers.commands.users import add_user as insert_user
from resolvers.errors import Invalid, Problem


@dataclass(frozen=True)
class NewUser:
    """What ``user add`` was given."""

    username: str
    role: str
    company: str | None
    email: str
    first_name: str
    last_name: str


def read_password(*, from_stdin: bool) -> str:
    """Return the password from a pipe, or ask for it twice at a terminal."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise CommandError("There is no terminal to ask for the password: use --password-stdin.")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


async def add_user(new: NewUser, password: str) -> str:
    """Create the user as an Admin would, and say so.

    Raises ``CommandError`` with all that is wrong.
    """
    role = role_of(new.role)
    async with open_database(load_settings()) as database:
        values: dict[str, object] = {
            "username": new.username,
            "password": password,
            "role": role,
            "email": new.email,
            "first_name": new.first_name,
            "last_name": new.last_name,
        }
        if new.company is not None:
            values["company"] = await company_id_of(database, new.company)
        try:
            await insert_user(database, Passwords(), _now(), values)
        except Invalid as invalid:
            raise CommandError(worded(invalid.problems)) from None
    return f"Added {new.username.strip()} ({role.value})."


async def access_token(username: str) -> str:
    """Return a new access token of an active user."""
    settings = load_settings()
    tokens = Tokens(
        settings.signing_key(),
        access_minutes=settings.access_token_minutes,
        refresh_days=settings.refresh_token_days,
        clock=_now,
    )
    async with open_database(settings) as database, database.transaction() as session:
        user = (await session.exec(select(User).where(User.username == username))).first()
        company = None
        if user is not None and user.company_id is not None:
            company = await session.get(Company, user.company_id)
    if user is None:
        raise CommandError(f"There is no user {username!r}.")
    if not user.is_active:
        raise CommandError(f"The user {username!r} is deactivated.")
    if company is not None and not company.is_active:
        raise CommandError(f"The company of the user {username!r} is deactivated.")
    return tokens.access(user.id, user.tokens_not_before)


def role_of(text: str) -> Role:
    """Return the role of a name in any case; raises ``CommandError``."""
    for role in Role:
        if role.value.lower() == text.strip().lower():
            return role
    known = ", ".join(role.value for role in Role)
    raise CommandError(f"There is no role {text!r}; the roles are {known}.")


async def company_id_of(database: Database, wanted: str) -> UUID:
    """Find a company by its id or its whole name; raises ``CommandError``."""
    matches = col(Company.name) == wanted.strip()
    with contextlib.suppress(ValueError):  # It is a name, then.
        matches = or_(matches, col(Company.id) == UUID(wanted.strip()))
    async with database.transaction() as session:
        found = (await session.exec(select(Company.id).where(matches).limit(2))).all()
    if not found:
        raise CommandError(f"There is no company {wanted!r}.")
    if len(found) > 1:
        raise CommandError(f"Several companies are called {wanted!r}: give the id of one.")
    return found[0]


def worded(problems: Mapping[str, Sequence[Problem]]) -> str:
    """Return a sentence for each problem of a user's values."""
    sentences = []
    for field, some in problems.items():
        name = f"--{field.replace('_', '-')}"
        sentences += [_sentence(name, problem) for problem in some]
    return " ".join(sentences)


def _sentence(name: str, problem: Problem) -> str:
    params = problem.params
    match problem.code:
        case "blank" | "required" | "null":
            return f"{name} is needed{' for a customer' if name == '--company' else ''}."
        case "taken":
            return "There is a user with this name already."
        case "too_short":
            return f"The password needs {params['min']} characters or more."
        case "too_common":
            return "The password is one of those that everybody tries first."
        case "max_length":
            return f"{name} may have {params['max']} characters at most."
        case "only_for_customers":
            return "--company is for customers only."
        case "last_admin":
            return "This is the last active Admin: make somebody else one first."
        case _:
            return f"{name} is not valid."


def _now() -> datetime:
    return datetime.now(UTC)
