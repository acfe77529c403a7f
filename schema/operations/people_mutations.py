"""Writes of companies, contacts and users."""

from typing import Annotated

import strawberry

from resolvers.commands import companies, contacts, users
from resolvers.services import Context
from schema.inputs import tickets as inputs
from schema.inputs.tickets import values_of
from schema.operations import payloads
from schema.operations.mutation_field import KEYS, Info, Made, given_input, perform
from schema.projection.arguments import known_id
from schema.types.descriptions import resolver


@strawberry.type
class PeopleMutation:
    """What Admins do; a part of ``Mutation``."""

    @resolver("Create a company. Admins only.")
    async def create_company(
        self, info: Info, given: Annotated[inputs.CreateCompanyInput, given_input()]
    ) -> payloads.CreateCompanyPayload:
        """Create."""

        async def deed(context: Context) -> Made:
            return {"company": await companies.create_company(context, values_of(given))}

        return await perform(info, deed)  # type: ignore[no-any-return]

    @resolver("Change fields of a company. Admins only.")
    async def update_company(
        self, info: Info, given: Annotated[inputs.UpdateCompanyInput, given_input()]
    ) -> payloads.UpdateCompanyPayload:
        """Change."""

        async def deed(context: Context) -> Made:
            key = known_id(given.id)
            await companies.update_company(context, key, values_of(given, without=KEYS))
            return {"company": key}

        return await perform(info, deed)  # type: ignore[no-any-return]

    @resolver("Deactivate a company; nothing is deleted. Admins only.")
    async def deactivate_company(
        self, info: Info, given: Annotated[inputs.DeactivateCompanyInput, given_input()]
    ) -> payloads.DeactivateCompanyPayload:
        """Deactivate."""

        async def deed(context: Context) -> Made:
            key = known_id(given.id)
            await companies.update_company(context, key, {"is_active": False})
            return {"company": key}

        return await perform(info, deed)  # type: ignore[no-any-return]

    @resolver("Create a contact. Admins only.")
    async def create_contact(
        self, info: Info, given: Annotated[inputs.CreateContactInput, given_input()]
    ) -> payloads.CreateContactPayload:
        """Create."""

        async def deed(context: Context) -> Made:
            return {"contact": await contacts.create_contact(context, values_of(given))}

        return await perform(info, deed)  # type: ignore[no-any-return]

    @resolver("Change fields of a contact. Admins only.")
    async def update_contact(
        self, info: Info, given: Annotated[inputs.UpdateContactInput, given_input()]
    ) -> payloads.UpdateContactPayload:
        """Change."""

        async def deed(context: Context) -> Made:
            key = known_id(given.id)
            await contacts.update_contact(context, key, values_of(given, without=KEYS))
            return {"contact": key}

        return await perform(info, deed)  # type: ignore[no-any-return]

    @resolver("Deactivate a contact; nothing is deleted. Admins only.")
    async def deactivate_contact(
        self, info: Info, given: Annotated[inputs.DeactivateContactInput, given_input()]
    ) -> payloads.DeactivateContactPayload:
        """Deactivate."""

        async def deed(context: Context) -> Made:
            key = known_id(given.id)
            await contacts.update_contact(context, key, {"is_active": False})
            return {"contact": key}

        return await perform(info, deed)  # type: ignore[no-any-return]

    @resolver("Create a user. Admins only.")
    async def create_user(
        self, info: Info, given: Annotated[inputs.CreateUserInput, given_input()]
    ) -> payloads.CreateUserPayload:
        """Create."""

        async def deed(context: Context) -> Made:
            return {"user": await users.create_user(context, values_of(given))}

        return await perform(info, deed)  # type: ignore[no-any-return]

    @resolver("Change fields of a user. Admins only.")
    async def update_user(
        self, info: Info, given: Annotated[inputs.UpdateUserInput, given_input()]
    ) -> payloads.UpdateUserPayload:
        """Change."""

        async def deed(context: Context) -> Made:
            key = known_id(given.id)
            await users.update_user(context, key, values_of(given, without=KEYS))
            return {"user": key}

        return await perform(info, deed)  # type: ignore[no-any-return]

    @resolver("Deactivate a user; nothing is deleted. Admins only.")
    async def deactivate_user(
        self, info: Info, given: Annotated[inputs.DeactivateUserInput, given_input()]
    ) -> payloads.DeactivateUserPayload:
        """Deactivate."""

        async def deed(context: Context) -> Made:
            key = known_id(given.id)
            await users.update_user(context, key, {"is_active": False})
            return {"user": key}

        return await perform(info, deed)  # type: ignore[no-any-return]
