"""The wording of errors for GraphQL: codes that stay, sentences for people."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import strawberry
from graphql import GraphQLError, GraphQLFormattedError

from resolvers import errors
from resolvers.bulk.jobs import JobEnded, JobRefused
from resolvers.errors import (
    Aborted,
    BadCredentials,
    BadCursor,
    BadInput,
    CountMismatch,
    CursorExpired,
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
from resolvers.query.undo.reasons import UndoRefusalReason, UndoRefused
from resolvers.units.idempotency import BadKey, IdempotencyError, KeyInUse
from schema.errors.codes import Code
from schema.errors.redaction import without_values
from schema.transport.refused import RequestRefused
from schema.types.conflicts import Conflict, conflict_of
from schema.types.descriptions import field as described
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
    "tags_twice": "Give either all of the tags, or those that come and go.",
    "tag_added": "A tag may not be added and removed at once.",
    "batch_size": "Takes 1 to {max} tickets at once, not {count}.",
    "events_size": "Takes 1 to {max} events at once, not {count}.",
    "undo_alone": "Changes of comments and files are undone one by one, by `undo`.",
    "too_many": "{count} tickets match, and only {max} go at once: choose fewer of them.",
    "too_long": "The texts of these tickets have more than {max} bytes: choose fewer of them.",
    "given_twice": "Each ticket may be given only once.",
    "ids_or_filter": "Give either `ids` or `filter`.",
    "only_with_filter": "Only a `filter` has an expected count.",
    "several": "There are several of this name: give the id.",
    "no_rows": "The file has no tickets.",
    "no_header": "The first line is no header.",
    "not_utf8": "Line {line} is not UTF-8: save the file as CSV UTF-8.",
    "open_quote": "The quotes that begin in line {line} do not end.",
    "record_too_long": "The ticket in line {line} has more than {max} bytes. Is a quote missing?",
    "too_many_rows": "The file has more than {max} tickets: import it in parts.",
    "too_many_columns": "There may be at most {max} columns, not {count}.",
    "columns_twice": "These are given twice: {names}.",
    "fields_twice": "Several columns are the same field: {names}.",
    "no_such_columns": "The file has no such columns: {names}.",
    "unknown_columns": "It is not known what these columns are: {names}. Name them in `mapping`, "
    "with null to leave them out.",
    "columns_missing": "There is neither a column nor a default for: {names}.",
    "no_row": "The line is no row of CSV.",
    "other_columns": "The row has {count} values, and the header {expected}.",
    "no_json": "The line is not JSON.",
    "no_object": "The line is no JSON object.",
    "member_twice": "The object has the member {name!r} twice.",
    "field_twice": "Several members are the same field: {name}.",
    "unknown_member": "It is not known what the member {name!r} is: name it in `mapping`.",
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
# Errors that say themselves what is wrong; the first that fits counts.
_SAID: tuple[tuple[type[ServiceError], Code], ...] = (
    (BadCursor, Code.BAD_CURSOR),
    (CursorExpired, Code.CURSOR_EXPIRED),
    (BadInput, Code.BAD_USER_INPUT),
    (TimedOut, Code.TIMEOUT),
    (Throttled, Code.THROTTLED),
    (Unavailable, Code.UNAVAILABLE),
    (BadKey, Code.BAD_USER_INPUT),
    (KeyInUse, Code.IDEMPOTENCY_KEY_IN_USE),
    (IdempotencyError, Code.IDEMPOTENCY_KEY_REUSED),
)
# Why something cannot be undone: INVALID, unless it is for what others have done, or may not.
_UNDO_CODES = dict.fromkeys(UndoRefusalReason, ErrorCode.INVALID) | {
    UndoRefusalReason.FORBIDDEN: ErrorCode.FORBIDDEN,
    UndoRefusalReason.CHANGED: ErrorCode.CONFLICT,
    UndoRefusalReason.RESTORED: ErrorCode.CONFLICT,
    UndoRefusalReason.DELETED: ErrorCode.CONFLICT,
}
# Errors about no field, which say themselves what is wrong.
_PLAIN: Mapping[type[ServiceError], ErrorCode] = {
    Forbidden: ErrorCode.FORBIDDEN,
    Aborted: ErrorCode.ABORTED,
    JobRefused: ErrorCode.INVALID,
    JobEnded: ErrorCode.CONFLICT,
}
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

    message: str = described("What is wrong, as a sentence for people.")
    code: ErrorCode = described("What kind of error it is, for programs.")
    field: list[str] | None = described("The path into the input, where it is about one value.")
    conflict: Conflict | None = described(
        "What has happened since `expectedVersion`, where the code is CONFLICT.", None
    )


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


def input_path(name: str) -> list[str]:
    """Return the path into an input of a field; a dot leads into a part of the input."""
    return [input_name(part) for part in name.split(".")]


def failure_of(error: ServiceError) -> Failure:
    """Return the payload of an expected failure; re-raises unexpected ones."""
    if isinstance(error, Invalid):
        return Failure(
            [
                UserError(message=sentence(problem), code=ErrorCode.INVALID, field=input_path(name))
                for name, problems in error.problems.items()
                for problem in problems
            ]
        )
    field, conflict = None, None
    if isinstance(error, NotFound):
        code, message = ErrorCode.NOT_FOUND, f"There is no such {error.kind.lower()}."
        field = [input_name(error.field) if error.field else "id"]
    elif isinstance(error, UndoRefused):
        code, message, field = _UNDO_CODES[error.reason], str(error), ["eventId"]
    elif (plain := _PLAIN.get(type(error))) is not None:
        code, message = plain, str(error)
    elif isinstance(error, CountMismatch):
        code, message, field = ErrorCode.CONFLICT, str(error), ["expectedCount"]
    elif isinstance(error, BadCredentials):
        code, message = ErrorCode.INVALID, "Username or password is wrong."
    elif isinstance(error, TooLarge):
        code = ErrorCode.INVALID
        message, field = f"The file is larger than {error.limit} bytes.", ["file"]
    elif isinstance(error, errors.Conflict):
        code, field = ErrorCode.CONFLICT, [input_name(error.field)]
        message, conflict = _told(error), conflict_of(error)
    else:
        raise error
    return Failure([UserError(message=message, code=code, field=field, conflict=conflict)])


def _told(error: errors.Conflict) -> str:
    if error.expected > error.actual:
        return f"There is no version {error.expected} yet: {error.actual} is the current one."
    return f"It has changed: version {error.actual} is the current one, not {error.expected}."


def formatted(error: GraphQLError, request_id: str) -> GraphQLFormattedError:
    """Return an error as clients see it, without what they may not know.

    It has a code, and the id under which the log has its request.
    """
    cause = _cause(error)
    shown = error.formatted
    extensions: dict[str, object] = dict(error.extensions or {})
    if cause is None:
        code, shown["message"] = Code.BAD_USER_INPUT, without_values(error.message)
    elif isinstance(cause, RequestRefused):
        code, shown["message"] = cause.code, str(cause)
    elif isinstance(cause, ServiceError):
        code, shown["message"] = _expected(cause)
        if isinstance(cause, Throttled | Unavailable | KeyInUse):
            extensions = {"retryAfter": cause.seconds, **extensions}
    else:
        logger.error("unexpected error, request %s", request_id, exc_info=cause)
        code, shown["message"] = Code.INTERNAL, "Something went wrong on our side."
        extensions = {}
    shown["extensions"] = {"code": code, **extensions, "requestId": request_id}
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
    for kind, code in _SAID:
        if isinstance(error, kind):
            return code, str(error)
    if isinstance(error, Invalid | NotFound | errors.Conflict | TooLarge):
        # In a mutation they are in its payload.
        (first, *_) = failure_of(error).errors
        return _CODES.get(first.code, Code.BAD_USER_INPUT), first.message
    return Code.FORBIDDEN, str(error)
