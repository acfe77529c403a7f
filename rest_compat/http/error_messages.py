"""The messages of this API, word for word those of the old system."""

import re
from collections.abc import Mapping

from resolvers.errors import (
    BadInput,
    Conflict,
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
from rest_compat.http.responses import RestError

NOT_VALID_UUID = "“{value}” is not a valid UUID."
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


def refusal(error: ServiceError, given: Mapping[str, object]) -> RestError:
    """Word an error of the resolvers; ``given`` is the body that was sent.

    Statuses and bodies: the reference's "Status Codes", with 403, 409, 412, 413, 429 and 503 for
    what the old system did not have.
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
        case Conflict():
            return RestError(409, {"detail": "It was changed by somebody else in the meantime."})
        case PreconditionFailed():
            return RestError(412, {"detail": "If-Match does not fit: it has changed since then."})
        case TooLarge():
            return RestError(413, {"detail": f"A file may have at most {error.limit} bytes."})
        case Throttled():
            # Django REST framework's sentence, which clients know from other servers.
            plural = "" if error.seconds == 1 else "s"
            expected = f"Expected available in {error.seconds} second{plural}."
            detail = {"detail": f"Request was throttled. {expected}"}
            return RestError(429, detail, {"Retry-After": str(error.seconds)})
        case Unavailable():
            return RestError(503, {"detail": str(error)}, {"Retry-After": str(error.seconds)})
        case BadInput() | TimedOut():
            return RestError(400, {"detail": str(error)})
    raise error
