"""The rows that a ticket refers to: whether they exist for the viewer, and belong together."""

from collections.abc import Mapping

from sqlalchemy import bindparam, select

from models import Company, Contact, Role, User, table_of
from models.types import Uuid36
from resolvers import access
from resolvers.commands import validation
from resolvers.commands.ticket_rows import COLUMN_OF
from resolvers.errors import Problem
from resolvers.viewer import Viewer
from resolvers.write_statements import KEY, Transaction, always, with_key

_contacts = table_of(Contact)
# The company's id, the contact's company and the user's role; null of a row that does not exist.
_REFERENCED = always(
    select(
        *(
            select(column)
            .where(column.table.c.id == bindparam(name, type_=Uuid36))
            .scalar_subquery()
            .label(name)
            for name, column in (
                ("company", table_of(Company).c.id),
                ("contact", _contacts.c.company_id),
                ("assigned_to", table_of(User).c.role),
            )
        )
    )
)
_COMPANY_OF_CONTACT = always(
    select(_contacts.c.company_id).where(with_key(_contacts)).with_for_update(read=True)
)


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
    company, contact, role = found
    exists = {
        "company": company is not None and access.can_see_company(viewer, company),
        "contact": contact is not None and access.can_see_company(viewer, contact),
        "assigned_to": role is not None and role is not Role.CUSTOMER,
    }
    for name, key in keys.items():
        if key is not None and not exists[name]:
            problems[name] = [Problem("does_not_exist", {"value": str(key)})]


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
    key = after.get("contact")
    same = all(after.get(name) == before.get(name) for name in ("company", "contact"))
    if key is None or same or problems.keys() & {"company", "contact"}:
        return
    contact = await transaction.fetch_row(_COMPANY_OF_CONTACT, {KEY: key})
    if contact is not None and contact[0] == after.get("company"):
        return
    if "contact" in cleaned:
        problems["contact"] = [Problem("contact_of_other_company")]
    else:
        cleaned["contact"] = None
