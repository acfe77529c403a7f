"""The wording of errors for GraphQL: codes that stay, sentences for people."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import strawberry
from graphql import GraphQLError, GraphQLFormattedError

from resolvers.errors import (
    BadCredentials,
    BadCursor,
    BadInput,
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Problem,
    ServiceError,
    Throttled,
    TimedOut,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from schema.errors.codes import Code
from schema.errors.redaction import without_values
from schema.transport.refused import RequestRefused
from schema.types.descriptions import field
from schema.types.enums import ErrorCode

logger = logging.getLogger("deskgraph.graphql")

# How a problem is said; the placeholders are its parameters.
SENTENCES: Mapping[str, str] = {
    "required": "A value is required.",
    "blank": "May not be blank.",
    "null": "May not be null.",
    "max_length": "May have at most {max} characters.",
    "max_bytes": "May have at most {max} bytes.",
    "null_characters": "May not contain null characters.",
    "surrogates": "May not contain halves of surrogate pairs.",
    "invalid_choice": "{value!r} is not one of the choices.",
    "does_not_exist": "There is no such object.",
    "invalid_uuid": "{value!r} is not an id.",
    "not_a_string": "Must be a text.",
    "invalid_boolean": "Must be true or false.",
    "invalid_time": "Must be an RFC 3339 time.",
    "incorrect_type": "A value of the type {type} does not fit here.",
    "contact_of_other_company": "The contact does not belong to the company of the ticket.",
    "user_or_null": "Give the id of a user, or null to unassign the ticket.",
    "stays_with_ticket": "A comment stays with its ticket.",
    "invalid_email": "Must be an email address.",
    "invalid_url": "Must be the address of a page.",
    "invalid_username": "May have letters, digits and @ . + - _ only.",
    "taken": "This name is taken.",
    "comma": "A tag may not contain a comma.",
    "too_short": "Must have at least {min} characters.",
    "too_common": "Too many people use this password: choose another one.",
    "wrong_password": "This is not the password.",
    "last_admin": "This is the last active Admin: make somebody else one first.",
    "only_for_customers": "Only customers belong to a company.",
    "no_viewer": "`mine` does not fit here: a webhook is nobody's.",
    "hours": "Must be between 0 and {max} hours.",
    "url": "Must be an address such as https://example.com/hooks/desk, in ASCII.",
    "url_https": "Must begin with https://.",
    "url_userinfo": "May not contain a user name or a password.",
    "url_network": "{address} is in a {network} network, where webhooks may not lead.",
}
_CODES = {ErrorCode.NOT_FOUND: Code.NOT_FOUND, ErrorCode.CONFLICT: Code.CONFLICT}
# Input fields that GraphQL calls otherwise than the resolvers do.
_INPUT_NAMES = {
    "company": "companyId",
    "contact": "contactId",
    "assigned_to": "assignedToId",
    "ticket": "ticketId",
    "user_id": "userId",
}


@strawberry.type(description="Why something that was asked for was not done.")
class UserError:
    """One expected failure."""

    message: str = field("What is wrong, as a sentence for people.")
    code: ErrorCode = field("What kind of error it is, for programs.")
    field: list[str] | None = field("The path into the input, where it is about one value.")


@dataclass(frozen=True)
class Failure:
    """The failed payload of any mutation: its errors, and null for every object."""

    errors: list[UserError]

    def __getattr__(self, _name: str) -> None:
        return None


class RefusedToken(Unauthenticated):
    """A refresh token is not valid, or no longer."""


def sentence(problem: Problem) -> str:
    """Return a problem as a sentence."""
    return SENTENCES[problem.code].format(**problem.params)


def input_name(name: str) -> str:
    """Return a field's name in GraphQL's inputs."""
    head, *tail = name.split("_")
    return _INPUT_NAMES.get(name, head + "".join(part.title() for part in tail))


def failure_of(error: ServiceError) -> Failure:
    """Return the payload of an expected failure; re-raises unexpected ones."""
    if isinstance(error, Invalid):
        return Failure(
            [
                UserError(
                    message=sentence(problem), code=ErrorCode.INVALID, field=[input_name(name)]
                )
                for name, problems in error.problems.items()
                for problem in problems
            ]
        )
    field = None
    if isinstance(error, NotFound):
        code, message = ErrorCode.NOT_FOUND, f"There is no such {error.kind.lower()}."
        field = [input_name(error.field) if error.field else "id"]
    elif isinstance(error, Forbidden):
        code, message = ErrorCode.FORBIDDEN, str(error)
    elif isinstance(error, BadCredentials):
        code, message = ErrorCode.INVALID, "Username or password is wrong."
    elif isinstance(error, TooLarge):
        code = ErrorCode.INVALID
        message, field = f"The file is larger than {error.limit} bytes.", ["file"]
    elif isinstance(error, Conflict):
        code, field = ErrorCode.CONFLICT, ["expectedVersion"]
        message = (
            f"It has changed: version {error.actual} is the current one, not {error.expected}."
        )
    else:
        raise error
    return Failure([UserError(message=message, code=code, field=field)])


def formatted(error: GraphQLError, request_id: str) -> GraphQLFormattedError:
    """Return an error as clients see it: with a code, and without what they may not know."""
    cause = _cause(error)
    shown = error.formatted
    extensions: dict[str, object] = dict(error.extensions or {})
    if cause is None:
        code, shown["message"] = Code.BAD_USER_INPUT, without_values(error.message)
    elif isinstance(cause, RequestRefused):
        code, shown["message"] = cause.code, str(cause)
    elif isinstance(cause, ServiceError):
        code, shown["message"] = _expected(cause)
        if isinstance(cause, Throttled | Unavailable):
            extensions = {"retryAfter": cause.seconds, **extensions}
    else:
        logger.error("unexpected error, request %s", request_id, exc_info=cause)
        code, shown["message"] = Code.INTERNAL, "Something went wrong on our side."
        extensions = {"requestId": request_id}
    shown["extensions"] = {"code": code, **extensions}
    return shown


def _cause(error: GraphQLError) -> Exception | None:
    """Return what was raised in the first place, None where GraphQL itself found the fault."""
    found: Exception | None = error
    while isinstance(found, GraphQLError):
        found = found.original_error
    return found


def worded(error: GraphQLError, request_id: str) -> GraphQLError:
    """Return an error that shows as ``formatted`` whatever formats it."""
    shown = formatted(error, request_id)
    return GraphQLError(
        shown["message"],
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=shown["extensions"],
    )


def _expected(error: ServiceError) -> tuple[Code, str]:
    if isinstance(error, RefusedToken):
        message = "The refresh token is not valid, or no longer: log in again."
        return Code.UNAUTHENTICATED, message
    if isinstance(error, Unauthenticated):
        return Code.UNAUTHENTICATED, "Log in to ask for this."
    if isinstance(error, BadCursor):
        return Code.BAD_CURSOR, str(error)
    if isinstance(error, BadInput):
        return Code.BAD_USER_INPUT, str(error)
    if isinstance(error, TimedOut):
        return Code.TIMEOUT, str(error)
    if isinstance(error, Throttled):
        return Code.THROTTLED, str(error)
    if isinstance(error, Unavailable):
        return Code.UNAVAILABLE, str(error)
    if isinstance(error, Invalid | NotFound | Conflict | TooLarge):
        # In a mutation they are in its payload.
        (first, *_) = failure_of(error).errors
        return _CODES.get(first.code, Code.BAD_USER_INPUT), first.message
    return Code.FORBIDDEN, str(error)
