"""Writes of companies, contacts and users."""

import strawberry

from resolvers.commands import companies, contacts, users
from resolvers.context import Context
from schema.inputs import people as inputs
from schema.inputs.values import values_of
from schema.operations import payloads
from schema.operations.mutation_field import KEYS, Made, mutation
from schema.projection.arguments import known_id

_INACTIVE = {"is_active": False}


@strawberry.type
class PeopleMutation:
    """The writes that only Admins may do."""

    @mutation("Create a company. Admins only.", payloads.CreateCompanyPayload)
    async def create_company(self, context: Context, given: inputs.CreateCompanyInput) -> Made:
        return {"company": await companies.create_company(context, values_of(given))}

    @mutation("Change fields of a company. Admins only.", payloads.UpdateCompanyPayload)
    async def update_company(self, context: Context, given: inputs.UpdateCompanyInput) -> Made:
        key = known_id(given.id)
        await companies.update_company(context, key, values_of(given, without=KEYS))
        return {"company": key}

    @mutation(
        "Deactivate a company; nothing is deleted. Admins only.", payloads.DeactivateCompanyPayload
    )
    async def deactivate_company(
        self, context: Context, given: inputs.DeactivateCompanyInput
    ) -> Made:
        key = known_id(given.id)
        await companies.update_company(context, key, _INACTIVE)
        return {"company": key}

    @mutation("Create a contact. Admins only.", payloads.CreateContactPayload)
    async def create_contact(self, context: Context, given: inputs.CreateContactInput) -> Made:
        return {"contact": await contacts.create_contact(context, values_of(given))}

    @mutation("Change fields of a contact. Admins only.", payloads.UpdateContactPayload)
    async def update_contact(self, context: Context, given: inputs.UpdateContactInput) -> Made:
        key = known_id(given.id)
        await contacts.update_contact(context, key, values_of(given, without=KEYS))
        return {"contact": key}

    @mutation(
        "Deactivate a contact; nothing is deleted. Admins only.", payloads.DeactivateContactPayload
    )
    async def deactivate_contact(
        self, context: Context, given: inputs.DeactivateContactInput
    ) -> Made:
        key = known_id(given.id)
        await contacts.update_contact(context, key, _INACTIVE)
        return {"contact": key}

    @mutation("Create a user. Admins only.", payloads.CreateUserPayload)
    async def create_user(self, context: Context, given: inputs.CreateUserInput) -> Made:
        return {"user": await users.create_user(context, values_of(given))}

    @mutation("Change fields of a user. Admins only.", payloads.UpdateUserPayload)
    async def update_user(self, context: Context, given: inputs.UpdateUserInput) -> Made:
        key = known_id(given.id)
        await users.update_user(context, key, values_of(given, without=KEYS))
        return {"user": key}

    @mutation("Deactivate a user; nothing is deleted. Admins only.", payloads.DeactivateUserPayload)
    async def deactivate_user(self, context: Context, given: inputs.DeactivateUserInput) -> Made:
        key = known_id(given.id)
        await users.update_user(context, key, _INACTIVE)
        return {"user": key}
