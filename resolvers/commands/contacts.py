"""Writes of the contacts of companies, for Admins."""

from collections.abc import Mapping
from uuid import UUID

from models import Contact
from resolvers import access
from resolvers.commands import validation
from resolvers.commands.rows import check_company, locked_row, set_values
from resolvers.context import Context


async def create_contact(context: Context, values: Mapping[str, object]) -> UUID:
    """Create a contact of a company. Raises ``Forbidden`` and ``Invalid``."""
    access.require_admin(context.require_viewer(), "create contacts")
    cleaned, problems = validation.clean(
        validation.CONTACT, values, partial=False, max_text_bytes=context.services.max_text_bytes
    )
    async with context.services.database.transaction() as session:
        await check_company(session, cleaned, problems)
        validation.raise_problems(problems)
        now = context.services.clock()
        company_id = cleaned.pop("company")
        contact = Contact(**cleaned, company_id=company_id, created_at=now, updated_at=now)
        session.add(contact)
    return contact.id


async def update_contact(context: Context, contact_id: UUID, changes: Mapping[str, object]) -> None:
    """Change a contact; ``is_active: False`` deactivates it."""
    access.require_admin(context.require_viewer(), "change contacts")
    async with context.services.database.transaction() as session:
        contact = await locked_row(session, Contact, contact_id)
        cleaned, problems = validation.clean(
            validation.CONTACT,
            changes,
            partial=True,
            max_text_bytes=context.services.max_text_bytes,
        )
        await check_company(session, cleaned, problems)
        validation.raise_problems(problems)
        if "company" in cleaned:
            cleaned["company_id"] = cleaned.pop("company")
        if set_values(contact, cleaned):
            contact.updated_at = context.services.clock()
