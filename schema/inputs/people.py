"""The inputs of the mutations of companies, contacts and users."""

from strawberry import ID

from schema.inputs.values import write_input
from schema.types.descriptions import argument, field
from schema.types.enums import Role


@write_input("A new company, for `createCompany`.")
class CreateCompanyInput:
    name: str = field("The name that people use, at most 255 characters.")
    legal_entity_name: str | None = argument("The name on contracts.")
    country: str | None = argument("The country of its address.")
    city: str | None = argument("The city of its address.")
    website: str | None = argument("The address of its web site.")
    industry: str | None = argument("The line of business that it is in.")
    billing_entity: str | None = argument("Which of our companies bills it.")
    is_active: bool | None = argument("Whether it is a customer today.")
    notes: str | None = argument("What staff know about it.")


@write_input("A company and its fields to change, for `updateCompany`; the others stay.")
class UpdateCompanyInput:
    id: ID = field("The company that is to be changed.")
    name: str | None = argument("The name that people use, at most 255 characters.")
    legal_entity_name: str | None = argument("The name on contracts.")
    country: str | None = argument("The country of its address.")
    city: str | None = argument("The city of its address.")
    website: str | None = argument("The address of its web site.")
    industry: str | None = argument("The line of business that it is in.")
    billing_entity: str | None = argument("Which of our companies bills it.")
    is_active: bool | None = argument("Whether it is a customer today.")
    notes: str | None = argument("What staff know about it.")


@write_input("A new contact, for `createContact`.")
class CreateContactInput:
    company_id: ID = field("The company that the person works for.")
    name: str = field("The person's name, at most 100 characters.")
    email: str | None = argument("The email address, or an empty text.")
    phone: str | None = argument("The phone number, or an empty text.")
    title: str | None = argument("The position that the person has.")
    department: str | None = argument("Where in the company the person works.")
    contact_type: str | None = argument("What the contact is for, such as Primary or Technical.")
    is_primary: bool | None = argument("Whether it is the primary contact of its company.")
    notes: str | None = argument("What staff know about it.")


@write_input("A contact and its fields to change, for `updateContact`; the others stay.")
class UpdateContactInput:
    id: ID = field("The contact that is to be changed.")
    company_id: ID | None = argument("The company that the person works for.")
    name: str | None = argument("The person's name, at most 100 characters.")
    email: str | None = argument("The email address, or an empty text.")
    phone: str | None = argument("The phone number, or an empty text.")
    title: str | None = argument("The position that the person has.")
    department: str | None = argument("Where in the company the person works.")
    contact_type: str | None = argument("What the contact is for, such as Primary or Technical.")
    is_primary: bool | None = argument("Whether it is the primary contact of its company.")
    is_active: bool | None = argument(
        "Whether it is in use; one that is not stays with its tickets."
    )
    notes: str | None = argument("What staff know about it.")


@write_input("A new user, for `createUser`.")
class CreateUserInput:
    username: str = field("The name to log in with, at most 150 characters.")
    password: str = field("The password: at least 10 characters, and none that everybody uses.")
    role: Role = field("What the user is to the desk: staff of a team, an Admin or a customer.")
    company_id: ID | None = argument("The company of a customer; staff have none.")
    first_name: str | None = argument("The given name of the user.")
    last_name: str | None = argument("The family name of the user.")
    email: str | None = argument("The email address, or an empty text.")
    phone: str | None = argument("The phone number, or an empty text.")
    department: str | None = argument("Where in their company the user works.")


@write_input("A user and the fields to change, for `updateUser`; the others stay.")
class UpdateUserInput:
    id: ID = field("The user who is to be changed.")
    username: str | None = argument("The name to log in with, at most 150 characters.")
    password: str | None = argument(
        "The password: at least 10 characters, and none that everybody uses."
    )
    role: Role | None = argument(
        "What the user is to the desk: staff of a team, an Admin or a customer."
    )
    company_id: ID | None = argument("The company of a customer; null for staff.")
    first_name: str | None = argument("The given name of the user.")
    last_name: str | None = argument("The family name of the user.")
    email: str | None = argument("The email address, or an empty text.")
    phone: str | None = argument("The phone number, or an empty text.")
    department: str | None = argument("Where in their company the user works.")
    is_active: bool | None = argument("Whether the user can log in.")


@write_input("Which company to deactivate, for `deactivateCompany`.")
class DeactivateCompanyInput:
    id: ID = field("The company that is no customer any more.")


@write_input("Which contact to deactivate, for `deactivateContact`.")
class DeactivateContactInput:
    id: ID = field("The contact that is not in use any more.")


@write_input("Which user to deactivate, for `deactivateUser`.")
class DeactivateUserInput:
    id: ID = field("The user who can no longer log in.")
