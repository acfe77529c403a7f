"""Users, companies and contacts: lists and details for staff, changes for Admins."""

from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from models import Role
from resolvers.commands import companies, contacts, users, validation
from resolvers.commands.validation import FieldRules
from resolvers.context import Context
from resolvers.query.execute import Query, read_json
from resolvers.query.shapes import Args
from rest_compat.http.bodies import read_body
from rest_compat.http.etags import done_answer
from rest_compat.http.responses import text_answer
from rest_compat.lists import list_endpoint
from rest_compat.lists.list_endpoint import ListEndpoint
from rest_compat.openapi.operations import Handler, listed, operation
from rest_compat.serializers import shapes
from rest_compat.serializers.reads import body_for, id_of, row_answer
from rest_compat.serializers.request_fields import (
    Form,
    Input,
    boolean,
    choice,
    moment,
    reference,
    text,
    values_of,
)

USERS = ListEndpoint(
    "/api/v1/users/",
    "User",
    shapes.USER,
    {
        "role": list_endpoint.choice(Role),
        "is_active": list_endpoint.flag,
        "search": list_endpoint.search,
    },
    frozenset({"date_joined"}),
)
COMPANIES = ListEndpoint(
    "/api/v1/companies/",
    "Company",
    shapes.COMPANY,
    {
        "industry": list_endpoint.trimmed,
        "country": list_endpoint.trimmed,
        "is_active": list_endpoint.flag,
        "search": list_endpoint.search,
    },
    frozenset({"name"}),
)
CONTACTS = ListEndpoint(
    "/api/v1/contacts/",
    "Contact",
    shapes.CONTACT,
    {
        "company": list_endpoint.reference("Company"),
        "contact_type": list_endpoint.trimmed,
        "is_primary": list_endpoint.flag,
        "is_active": list_endpoint.flag,
        "search": list_endpoint.search,
    },
    frozenset({"name"}),
)

_TEXT = Input(text, blank=True)
_FLAG = Input(boolean)
USER: Form = {
    "username": Input(text, required=True),
    "password": Input(text, required=True),
    "role": Input(choice, required=True),
    "company": Input(reference, nullable=True),
    "is_active": _FLAG,
    **dict.fromkeys(("first_name", "last_name", "email", "phone", "department"), _TEXT),
}
COMPANY: Form = {
    "name": Input(text, required=True),
    "is_active": _FLAG,
    **dict.fromkeys(("legal_entity_name", "country", "city", "website", "industry"), _TEXT),
    **dict.fromkeys(("billing_entity", "notes"), _TEXT),
}
CONTACT: Form = {
    "company": Input(reference, required=True),
    "name": Input(text, required=True),
    "contact_type": Input(text),
    "is_primary": _FLAG,
    "is_active": _FLAG,
    "last_contacted": Input(moment, nullable=True),
    **dict.fromkeys(("email", "phone", "title", "department", "linkedin_url", "notes"), _TEXT),
}


def listing(what: ListEndpoint) -> Handler:
    """Return what lists these rows."""

    @listed(what, summary=f"List {what.path.split('/')[-2]}.")
    async def handler(request: Request, context: Context) -> Response:
        return await list_endpoint.list_answer(what, request, context)

    return handler


def detail(read: Query) -> Handler:
    """Return what shows one of these rows."""

    @operation(read, summary=f"Show a {read.entity.lower()}.")
    async def handler(request: Request, context: Context) -> Response:
        return await row_answer(context, read, id_of(request))

    return handler


def creating(
    form: Form,
    rules: FieldRules,
    create: Callable[[Context, Mapping[str, object]], Awaitable[UUID]],
    read: Query,
) -> Handler:
    """Return what creates one of these rows."""

    @operation(
        read,
        status=201,
        about=read.entity,
        form=form,
        rules=rules,
        summary=f"Create a {read.entity.lower()}.",
    )
    async def handler(request: Request, context: Context) -> Response:
        values = values_of(form, await read_body(request), partial=False)
        key = await create(context, values)
        return await done_answer(key, 201, row_answer(context, read, key, 201))

    return handler


def updating(
    form: Form,
    rules: FieldRules,
    update: Callable[[Context, UUID, Mapping[str, object]], Awaitable[None]],
    read: Query,
) -> Handler:
    """Return what changes one of these rows: some fields (PATCH) or all required ones (PUT)."""

    @operation(read, about=read.entity, form=form, rules=rules)
    async def handler(request: Request, context: Context) -> Response:
        key = id_of(request)
        partial = request.method == "PATCH"
        body = await body_for(request, context, read, key)
        await update(context, key, values_of(form, body, partial=partial))
        return await done_answer(key, 200, row_answer(context, read, key))

    return handler


@operation(shapes.SIMPLE_COMPANIES, listing=COMPANIES)
async def simple_companies(request: Request, context: Context) -> Response:
    """List all companies without pages, for a select box; the list's filters work here, too."""
    wanted = await list_endpoint.checked(COMPANIES, request, context)
    where, values = list_endpoint.filter_args(wanted)
    args = (Args(where=where, values=values),)
    return text_answer(await read_json(context, shapes.SIMPLE_COMPANIES, args) or "[]")


create_user = creating(USER, validation.USER, users.create_user, shapes.ONE_USER)
update_user = updating(USER, validation.USER, users.update_user, shapes.ONE_USER)
create_company = creating(COMPANY, validation.COMPANY, companies.create_company, shapes.ONE_COMPANY)
update_company = updating(COMPANY, validation.COMPANY, companies.update_company, shapes.ONE_COMPANY)
create_contact = creating(CONTACT, validation.CONTACT, contacts.create_contact, shapes.ONE_CONTACT)
update_contact = updating(CONTACT, validation.CONTACT, contacts.update_contact, shapes.ONE_CONTACT)
