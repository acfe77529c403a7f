"""The rows that a ticket refers to: whether they exist for the viewer, and belong together."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select

from models import Company, Contact, Role, User, table_of
from models.types import Uuid36
from resolvers import access
from resolvers.commands import validation
from resolvers.commands.ticket_rows import COLUMN_OF
from resolvers.errors import Problem
from resolvers.viewer import Viewer
from resolvers.write_statements import (
    KEY,
    Statement,
    StoredRow,
    Transaction,
    always,
    key_list,
    with_key,
    with_keys,
)

_companies, _contacts, _users = table_of(Company), table_of(Contact), table_of(User)
# The company's id, the contact's company and the user's role; null of a row that does not exist.
_REFERENCED = always(
    select(
        *(
            select(column)
            .where(column.table.c.id == bindparam(name, type_=Uuid36))
            .scalar_subquery()
            .label(name)
            for name, column in (
                ("company", _companies.c.id),
                ("contact", _contacts.c.company_id),
                ("assigned_to", _users.c.role),
            )
        )
    )
)
_COMPANY_OF_CONTACT = always(
    select(_contacts.c.company_id).where(with_key(_contacts)).with_for_update(read=True)
)
_SOME_COMPANIES = always(select(_companies.c.id).where(with_keys(_companies)))
_SOME_USERS = always(select(_users.c.id, _users.c.role).where(with_keys(_users)))
# In the order of their ids, as all that lock several rows do.
_SOME_CONTACTS = always(
    select(_contacts.c.id, _contacts.c.company_id)
    .where(with_keys(_contacts))
    .order_by(_contacts.c.id)
    .with_for_update(read=True)
)


@dataclass(frozen=True)
class References:
    """What there is of the rows that tickets refer to.

    ``contacts`` has the company of each contact, ``users`` the role of each user.
    """

    companies: Collection[UUID | None]
    contacts: Mapping[UUID | None, UUID | None]
    users: Mapping[UUID | None, Role | None]

    def add_problems(
        self, viewer: Viewer, cleaned: validation.Cleaned, problems: validation.Problems
    ) -> None:
        """Add a problem for each reference to a row that does not exist for the viewer."""
        company, contact, user = (cleaned.get(name) for name in COLUMN_OF)
        of_contact, role = self.contacts.get(contact), self.users.get(user)
        exists = {
            "company": company is not None
            and company in self.companies
            and access.can_see_company(viewer, company),
            "contact": of_contact is not None and access.can_see_company(viewer, of_contact),
            "assigned_to": role is not None and role is not Role.CUSTOMER,
        }
        for name, is_there in exists.items():
            if cleaned.get(name) is not None and not is_there:
                problems[name] = [Problem("does_not_exist", {"value": str(cleaned[name])})]


async def check_references(
    transaction: Transaction,
    viewer: Viewer,
    cleaned: validation.Cleaned,
    problems: validation.Problems,
) -> None:
    """Add a problem for each reference to a row that does not exist for the viewer."""
    keys = {name: cleaned.get(name) for name in COLUMN_OF}
    if not any(keys.values()):
        return
    found = await transaction.fetch_row(_REFERENCED, keys)
    assert found is not None
    company, of_contact, role = found
    references = References({company}, {keys["contact"]: of_contact}, {keys["assigned_to"]: role})
    references.add_problems(viewer, cleaned, problems)


async def references_of(
    transaction: Transaction, cleaned: Sequence[validation.Cleaned]
) -> References:
    """Return what there is of all rows that some values refer to; their contacts are locked."""
    company, contact, user = (
        {one[name] for one in cleaned if one.get(name) is not None} for name in COLUMN_OF
    )
    companies = await _some(transaction, _SOME_COMPANIES, company)
    contacts = await companies_of_contacts(transaction, contact)
    users = await _some(transaction, _SOME_USERS, user)
    return References({row[0] for row in companies}, contacts, dict(users))


async def companies_of_contacts(
    transaction: Transaction, keys: Iterable[UUID]
) -> Mapping[UUID | None, UUID | None]:
    """Return the companies of contacts by their ids, which stay so until the transaction ends."""
    return dict(await _some(transaction, _SOME_CONTACTS, keys))


async def _some(
    transaction: Transaction, statement: Statement, keys: Iterable[UUID]
) -> list[StoredRow]:
    listed = key_list(keys)
    return await transaction.fetch(statement, listed) if listed else []


async def check_contact(
    transaction: Transaction,
    after: Mapping[str, object],
    cleaned: validation.Cleaned,
    problems: validation.Problems,
    before: Mapping[str, object],
) -> None:
    """Keep a ticket's contact one of its company, where a write changes either.

    Where only the company changes, a contact that is left behind is dropped (in ``cleaned``). What
    was stored otherwise, by an import or because the contact itself has moved, stays as it is.
    """
    key = contact_to_check(after, problems, before)
    if key is None:
        return
    found = await transaction.fetch_row(_COMPANY_OF_CONTACT, {KEY: key})
    fit_contact(None if found is None else found[0], after, cleaned, problems)


def contact_to_check(
    after: Mapping[str, Any], problems: validation.Problems, before: Mapping[str, object]
) -> UUID | None:
    """Return the contact that has to be one of its ticket's company, if any."""
    key: UUID | None = after.get("contact")
    same = all(after.get(name) == before.get(name) for name in ("company", "contact"))
    return None if same or problems.keys() & {"company", "contact"} else key


def fit_contact(
    company: UUID | None,
    after: Mapping[str, object],
    cleaned: validation.Cleaned,
    problems: validation.Problems,
) -> None:
    """Do what ``check_contact`` does, given the company of the contact to check."""
    if company is not None and company == after.get("company"):
        return
    if "contact" in cleaned:
        problems["contact"] = [Problem("contact_of_other_company")]
    else:
        cleaned["contact"] = None
