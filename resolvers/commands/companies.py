"""Writes of companies, for Admins."""

from collections.abc import Mapping
from uuid import UUID

from sqlmodel import col

from models import Company, User
from resolvers import access
from resolvers.auth.viewers import end_sessions
from resolvers.commands import validation
from resolvers.commands.rows import locked_row, set_values
from resolvers.commands.users import locked_users
from resolvers.context import Context


async def create_company(context: Context, values: Mapping[str, object]) -> UUID:
    """Create a company. Raises ``Forbidden`` and ``Invalid``."""
    access.require_admin(context.require_viewer(), "create companies")
    cleaned, problems = validation.clean(
        validation.COMPANY, values, partial=False, max_text_bytes=context.services.max_text_bytes
    )
    validation.raise_problems(problems)
    now = context.services.clock()
    company = Company(**cleaned, created_at=now, updated_at=now)
    async with context.services.database.transaction() as session:
        session.add(company)
    return company.id


async def update_company(context: Context, company_id: UUID, changes: Mapping[str, object]) -> None:
    """Change a company; ``is_active: False`` deactivates it and ends its customers' sessions."""
    access.require_admin(context.require_viewer(), "change companies")
    now = context.services.clock()
    async with context.services.database.transaction() as session:
        company = await locked_row(session, Company, company_id)
        cleaned, problems = validation.clean(
            validation.COMPANY,
            changes,
            partial=True,
            max_text_bytes=context.services.max_text_bytes,
        )
        validation.raise_problems(problems)
        ends = company.is_active and not cleaned.get("is_active", True)
        if set_values(company, cleaned):
            company.updated_at = now
        if ends:
            for customer in await locked_users(session, col(User.company_id) == company_id):
                end_sessions(customer, now)
    if ends:
        context.services.after_commit(context.services.viewers.forget_all)
