"""What rows refer to by name: companies, contacts and users. A batch takes three statements."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, bindparam, func, or_, select
from sqlalchemy.types import String

from models import Company, Contact, User, table_of
from resolvers import access
from resolvers.errors import Problem
from resolvers.imports.layout import ImportField
from resolvers.imports.rows import Given
from resolvers.query.sql.elements import InIds, InList
from resolvers.texts import is_storable
from resolvers.viewer import Viewer
from resolvers.write_statements import Statement, Transaction, always

_companies, _contacts, _users = table_of(Company), table_of(Contact), table_of(User)


def _in(column: Any, name: str, kind: type[InList] = InList) -> ColumnElement[bool]:
    return kind(column, bindparam(name, type_=String))


_COMPANIES = always(
    select(_companies.c.name, _companies.c.id).where(_in(_companies.c.name, "names"))
)
_CONTACTS = always(
    select(_contacts.c.company_id, _contacts.c.name, _contacts.c.email, _contacts.c.id).where(
        _in(_contacts.c.company_id, "companies", InIds),
        or_(
            _in(_contacts.c.name, "names"),
            _in(_contacts.c.email, "emails"),
            # Some databases know only ASCII letters in both cases.
            _in(func.lower(_contacts.c.email), "emails"),
        ),
    )
)
_USERS = always(select(_users.c.username, _users.c.id).where(_in(_users.c.username, "names")))
# By what they are called: the ids of all that are.
_Found = Mapping[object, set[UUID]]
Values = dict[str, object]


@dataclass
class _Row:
    """A row with its values so far."""

    given: Given
    values: Values

    def name(self, field: ImportField, other: str) -> str | None:
        """Return the name in a field, unless the id of what it is for is given."""
        found = self.given.get(field)
        return None if other in self.values or not isinstance(found, str) else found.strip()


async def add_named(
    transaction: Transaction, viewer: Viewer, rows: Sequence[tuple[Given, Values]]
) -> None:
    """Add what rows refer to by name to their values, or a ``Problem`` where that is not clear.

    A ticket of a customer is for their own company unless the row says otherwise.
    """
    wanted = [_Row(*row) for row in rows]
    await _add_companies(transaction, viewer, wanted)
    await _add_contacts(transaction, wanted)
    names = {row.name(ImportField.ASSIGNED_TO_USERNAME, "assigned_to") for row in wanted}
    users = await _found(transaction, _USERS, names=names)
    for row in wanted:
        name = row.name(ImportField.ASSIGNED_TO_USERNAME, "assigned_to")
        if name is not None:
            row.values["assigned_to"] = _one(users, name, name)


async def _add_companies(transaction: Transaction, viewer: Viewer, rows: Sequence[_Row]) -> None:
    names = {row.name(ImportField.COMPANY_NAME, "company") for row in rows}
    found = {
        name: {key for key in keys if access.can_see_company(viewer, key)}
        for name, keys in (await _found(transaction, _COMPANIES, names=names)).items()
    }
    for row in rows:
        name = row.name(ImportField.COMPANY_NAME, "company")
        if name is not None:
            row.values["company"] = _one(found, name, name)
        elif viewer.company_id is not None:
            row.values.setdefault("company", viewer.company_id)


async def _add_contacts(transaction: Transaction, rows: Sequence[_Row]) -> None:
    emails = {row.name(ImportField.CONTACT_EMAIL, "contact") for row in rows}
    names = {row.name(ImportField.CONTACT_NAME, "contact") for row in rows}
    companies = [row.values.get("company") for row in rows]
    keys = sorted({str(key) for key in companies if isinstance(key, UUID)})
    found: dict[object, set[UUID]] = {}
    if keys and (listed := _listed(emails) + _listed(names)):
        values = {
            "companies": orjson.dumps(keys).decode(),
            "names": orjson.dumps(listed).decode(),
            "emails": orjson.dumps([*_listed(emails), *map(str.lower, _listed(emails))]).decode(),
        }
        for company, name, email, key in await transaction.fetch(_CONTACTS, values):
            found.setdefault((company, "name", name), set()).add(key)
            found.setdefault((company, "email", email.lower()), set()).add(key)
    for row, company in zip(rows, companies, strict=True):
        if not isinstance(company, UUID):
            # Which contact is meant shows only when the company is right.
            continue
        email = row.name(ImportField.CONTACT_EMAIL, "contact")
        name = row.name(ImportField.CONTACT_NAME, "contact")
        if email is not None:
            row.values["contact"] = _one(found, (company, "email", email.lower()), email)
        elif name is not None:
            row.values["contact"] = _one(found, (company, "name", name), name)


async def _found(
    transaction: Transaction, statement: Statement, *, names: Iterable[str | None]
) -> _Found:
    found: dict[object, set[UUID]] = {}
    if listed := _listed(names):
        values = {"names": orjson.dumps(listed).decode()}
        for name, key in await transaction.fetch(statement, values):
            found.setdefault(name, set()).add(key)
    return found


def _listed(names: Iterable[str | None]) -> list[str]:
    """Return the names that anything can be called."""
    return sorted(name for name in names if name is not None and is_storable(name))


def _one(found: _Found, name: object, shown: str) -> UUID | Problem:
    keys = found.get(name, set())
    if len(keys) == 1:
        return next(iter(keys))
    return Problem("several" if keys else "does_not_exist", {"value": shown[:100]})
