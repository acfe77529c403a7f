"""The messages of this API, word for word those of the old system."""

import re
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from resolvers.errors import (
    BadInput,
    Conflict,
    CursorExpired,
    Forbidden,
    Invalid,
    NotFound,
    PreconditionFailed,
    Problem,
    ServiceError,
    Throttled,
    TimedOut,
    TooLarge,
    Unavailable,
)
from resolvers.query.undo.reasons import UndoRefusalReason, UndoRefused
from resolvers.units.idempotency import IdempotencyError, KeyInUse, KeyReused
from rest_compat.http.responses import RestError

NOT_VALID_UUID = "“{value}” is not a valid UUID."
FAILED = "If-Match does not fit: it has changed since then."
NULL_CHARACTERS = "Null characters are not allowed."
SENTENCES: Mapping[str, str] = {
    "required": "This field is required.",
    "blank": "This field may not be blank.",
    "null": "This field may not be null.",
    "max_length": "Ensure this field has no more than {max} characters.",
    "max_bytes": "Ensure this field has no more than {max} bytes.",
    "comma": "A tag may not contain a comma.",
    "too_short": "Ensure this field has at least {min} characters.",
    "too_common": "This password is too common.",
    "last_admin": "This is the last active Admin: make somebody else one first.",
    "null_characters": NULL_CHARACTERS,
    "surrogates": "Surrogate characters are not allowed: U+{surrogate}.",
    "invalid_choice": '"{value}" is not a valid choice.',
    "does_not_exist": 'Invalid pk "{value}" - object does not exist.',
    "invalid_uuid": NOT_VALID_UUID,
    "not_a_string": "Not a valid string.",
    "invalid_boolean": "Must be a valid boolean.",
    "invalid_time": (
        "Datetime has wrong format. Use one of these formats instead: "
        "YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
    ),
    "time_out_of_range": "Datetime value out of range.",
    "incorrect_type": "Incorrect type. Expected pk value, received {type}.",
    "contact_of_other_company": "The contact does not belong to the company of the ticket.",
    "stays_with_ticket": "A comment stays with its ticket.",
    "invalid_email": "Enter a valid email address.",
    "invalid_url": "Enter a valid URL.",
    "invalid_username": (
        "Enter a valid username. This value may contain only letters, numbers, "
        "and @/./+/-/_ characters."
    ),
    "taken": "A user with that username already exists.",
    "only_for_customers": "Only customers belong to a company.",
}
_SURROGATE = re.compile("[\ud800-\udfff]")
# What the old system called an entity, where that was another name.
OLD_NAMES = {"Comment": "TicketComment", "Attachment": "TicketAttachment"}


def sentence(problem: Problem, given: object) -> str:
    """Say what is wrong with a value; ``given`` is what the client sent, which some repeat."""
    params = dict(problem.params)
    if problem.code == "surrogates":
        found = _SURROGATE.search(str(given))
        params["surrogate"] = f"{ord(found[0]) if found else 0xD800:X}"
    if given is not None:
        params["value"] = given
    return SENTENCES[problem.code].format(**params)


def explained(conflict: Conflict) -> dict[str, object]:
    """Return what has happened since the version of ``If-Match``, or since an event."""
    return {
        "expected_version": conflict.expected,
        "actual_version": conflict.actual,
        "is_explained": conflict.known,
        "changed_fields": list(conflict.changed),
        "fields": [
            {
                "field": one.field,
                "base": one.base,
                "base_excerpt_start": one.base_start,
                "base_length": one.base_length,
                "yours": one.yours,
                "theirs": one.theirs,
                "changed_by": one.actor_id,
                "changed_by_name": one.actor_name,
                "changed_at": one.at,
            }
            for one in conflict.fields
        ],
    }


def refusal(error: ServiceError, given: Mapping[str, object]) -> RestError:
    """Word an error of the resolvers; ``given`` is the body that was sent.

    Statuses and bodies: the reference's "Status Codes", with 403, 409, 410, 412, 413, 429 and 503
    for what the old system did not have.
    """
    match error:
        case Invalid():
            return RestError(
                400,
                {
                    name: [sentence(problem, given.get(name)) for problem in problems]
                    for name, problems in error.problems.items()
                },
            )
        case NotFound():
            name = OLD_NAMES.get(error.kind, error.kind)
            return RestError(404, {"detail": f"No {name} matches the given query."})
        case Forbidden():
            return RestError(403, {"detail": str(error)})
        case Conflict() | UndoRefused():
            return _undo_refusal(error)
        case PreconditionFailed():
            conflict = {"conflict": explained(error.conflict)} if error.conflict else {}
            return RestError(412, {"detail": FAILED, **conflict})
        case TooLarge():
            return RestError(413, {"detail": f"A file may have at most {error.limit} bytes."})
        case Throttled() | Unavailable():
            return _later(error)
        case IdempotencyError():
            return _key_refusal(error)
        case BadInput() | TimedOut():
            status = 410 if isinstance(error, CursorExpired) else 400
            return RestError(status, {"detail": str(error)})
    raise error


def _later(error: Throttled | Unavailable) -> RestError:
    """Say when to ask again."""
    status, detail = 503, str(error)
    if isinstance(error, Throttled):
        # Django REST framework's sentence, which clients know from other servers.
        plural = "" if error.seconds == 1 else "s"
        expected = f"Expected available in {error.seconds} second{plural}."
        status, detail = 429, f"Request was throttled. {expected}"
    return RestError(status, {"detail": detail}, {"Retry-After": str(error.seconds)})


def _key_refusal(error: IdempotencyError) -> RestError:
    """Word an error of an idempotency key (its IETF draft, section 2.7)."""
    detail = {"detail": str(error)}
    if isinstance(error, KeyInUse):
        return RestError(409, detail, {"Retry-After": str(error.seconds)})
    return RestError(422 if isinstance(error, KeyReused) else 400, detail)


def response_to(error: RestError | ServiceError, request: Request) -> Response:
    """Return the response to a request that was refused."""
    if isinstance(error, ServiceError):
        error = refusal(error, getattr(request.state, "given", {}))
    return error.response()


def _undo_refusal(error: Conflict | UndoRefused) -> RestError:
    """Say why something is not undone; what else may conflict comes as a precondition."""
    if isinstance(error, Conflict):
        detail = "It was changed by somebody else in the meantime."
        return RestError(409, {"detail": detail, "conflict": explained(error)})
    status = 403 if error.reason is UndoRefusalReason.FORBIDDEN else 409
    return RestError(status, {"detail": str(error), "reason": error.reason.value})
