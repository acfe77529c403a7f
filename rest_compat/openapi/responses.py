"""Answers: what each operation says when it is done, and each of its refusals."""

from http import HTTPStatus

from resolvers.errors import AnswerTooLarge, CursorExpired, Unavailable
from resolvers.query.execute import Query
from resolvers.services import MAX_ANSWER_BYTES
from resolvers.units.idempotency import KeyReused
from rest_compat.http.bodies import MAX_ENVELOPE_BYTES
from rest_compat.http.error_messages import FAILED, SENTENCES
from rest_compat.http.responses import JSON_TYPE
from rest_compat.openapi.conflicts import failed_precondition, refused_undo
from rest_compat.openapi.examples import example_of
from rest_compat.openapi.operations import UNKNOWN, File, Operation
from rest_compat.openapi.values import Json, Schemas, members

SENTENCE: Json = {"type": "string", "description": "What is wrong, for people."}
MESSAGES: Json = {"type": "array", "items": {"type": "string"}, "minItems": 1}
HEADERS: dict[str, Json] = {
    "Allow": {
        "description": "The methods that the path has.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Link": {
        "description": "Where GraphiQL is shown: its address with the same request as a GraphQL "
        'operation, `rel="alternate"`.',
        "schema": {"type": "string"},
    },
    "WWW-Authenticate": {"description": "How to authenticate.", "schema": {"type": "string"}},
    "X-Request-Id": {
        "description": "The id of the request, which the server's log has, too.",
        "schema": {"type": "string"},
    },
    "Content-Disposition": {
        "description": "Always a download, with the file's name.",
        "required": True,
        "schema": {"type": "string"},
    },
    "Retry-After": {
        "description": "How many seconds to wait.",
        "required": True,
        "schema": {"type": "integer"},
    },
    "Preference-Applied": {
        "description": "`merge` where the change was merged with those of others.",
        "schema": {"type": "string"},
    },
    "ETag": {
        "description": "Names what is answered; another one once that has changed.",
        "required": True,
        "schema": {"type": "string"},
    },
}
MORE_HEADERS = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}
REASONS = {
    400: "A value or the body is not acceptable; each wrong field has its sentences. Or the answer "
    f"would have more than {MAX_ANSWER_BYTES} bytes.",
    401: "The token is missing, expired or not one of this server's.",
    403: "The viewer may not do this.",
    404: "There is no such thing, or the viewer may not see it.",
    406: "The client does not accept JSON.",
    409: "Somebody else changed it at the same time; or a request with the same "
    "`Idempotency-Key` is still running.",
    410: "Events after the cursor are no longer kept.",
    412: "`If-Match` names another state of it than the current one; nothing was changed.",
    413: "The file or the body is too large.",
    415: "The body is of a type that the path does not take.",
    422: "The `Idempotency-Key` belongs to another request; nothing was changed.",
    429: "Too many points were used in a short time, or too many logins were tried.",
    503: "The database or the file store is away, full or read-only; the sentence says whether "
    "anything was changed.",
}
DETAILS = {
    400: "JSON parse error - Expecting value: line 1 column 1 (char 0)",
    401: "Authentication credentials were not provided.",
    403: "Only Admins may create users.",
    404: "No Ticket matches the given query.",
    406: "Could not satisfy the request Accept header.",
    409: "It was changed by somebody else in the meantime.",
    410: str(CursorExpired()),
    412: FAILED,
    413: f"A body may have at most {2 * MAX_ENVELOPE_BYTES} bytes.",
    422: str(KeyReused()),
    415: 'Unsupported media type "text/plain" in request.',
    429: "Request was throttled. Expected available in 6 seconds.",
    503: str(Unavailable("database")),
}
# What a download says besides: RFC 9110, sections 13 to 15.
DOWNLOADS = {
    206: "The part of the file that `Range` asks for.",
    304: "The file is still the one that `If-None-Match` names.",
    307: "Of a signed link: the file is at the store's own address, for a minute.",
    412: "The file is not the one that `If-Match` names.",
    416: "`Range` begins after the end of the file.",
}
BYTES: Json = {"schema": {"type": "string", "format": "binary"}}
# Some generators know no ranges of types, so that of any bytes comes first.
BINARY: Json = {"application/octet-stream": BYTES, "*/*": BYTES}
DONE = {200: "Done.", 201: "Created.", 204: "Deleted."}


def answers_of(
    operation: Operation, statuses: list[int], schemas: Schemas, *, is_polled: bool
) -> Json:
    """Return the answers of an operation by status: that of success, and the refusals.

    ``is_polled``: the answer has a tag, and 304 confirms it.
    """
    found = {str(operation.status): _success(operation, schemas, tagged=is_polled)}
    if is_polled:
        schemas.refusals["NotModified"] = {
            "description": "It is still the answer that `If-None-Match` names.",
            "headers": _with_headers("Allow", "Link", "X-Request-Id", "ETag"),
        }
        found["304"] = {"$ref": "#/components/responses/NotModified"}
    for status in statuses:
        found[str(status)] = _refusal(operation, status, schemas)
    if operation.answers is File:
        found |= {str(status): _download(status) for status in DOWNLOADS}
    return dict(sorted(found.items()))


def _with_headers(*names: str) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _success(operation: Operation, schemas: Schemas, *, tagged: bool) -> Json:
    common = _with_headers("Allow", "Link", "X-Request-Id")
    answer: Json = {"description": DONE[operation.status], "headers": common}
    if operation.tagged or tagged:
        answer["headers"] = common | _with_headers("ETag")
    if operation.merges:
        answer["headers"] |= _with_headers("Preference-Applied")
    if operation is UNKNOWN:
        answer["content"] = {JSON_TYPE: {"schema": {}}}
    elif operation.answers is File:
        answer["description"] = "The file."
        answer["headers"] = common | _with_headers("Content-Disposition", "ETag")
        del answer["headers"]["Link"]
        answer["content"] = BINARY
    elif operation.answers is not None:
        answer["content"] = {JSON_TYPE: {"schema": _answered(operation, schemas)}}
    return answer


def _download(status: int) -> Json:
    answer: Json = {
        "description": DOWNLOADS[status],
        "headers": _with_headers("Allow", "X-Request-Id"),
    }
    return answer | {"content": BINARY} if status == 206 else answer


def _answered(operation: Operation, schemas: Schemas) -> Json:
    if isinstance(operation.answers, Query):
        return schemas.answer(operation.answers)
    assert isinstance(operation.answers, dict)
    return members(
        {
            name: schemas.answer(one) if isinstance(one, Query) else _member(name, one)
            for name, one in operation.answers.items()
        }
    )


def _member(name: str, type_: object) -> Json:
    kind = ["string", "null"] if type_ == str | None else "string"
    return {"type": kind, "examples": [example_of("", name, "")]}


def _refusal(operation: Operation, status: int, schemas: Schemas) -> Json:
    if status == 400 or status in operation.errors or status in operation.refusals:
        return _refused(operation, status, schemas)
    name = HTTPStatus(status).phrase.title().replace(" ", "")
    schemas.refusals[name] = _refused(operation, status, schemas)
    return {"$ref": f"#/components/responses/{name}"}


def _refused(operation: Operation, status: int, schemas: Schemas) -> Json:
    detail = schemas.ref("Refusal", members({"detail": SENTENCE}))
    action = schemas.ref("ActionRefusal", members({"error": SENTENCE}))
    kinds: list[Json] = [_no_token(schemas) if status == 401 else detail]
    if status == 412:
        kinds = [failed_precondition(schemas, SENTENCE)]
    if status in operation.refusals & {403, 409}:
        kinds = [refused_undo(schemas, SENTENCE)]
    example: Json = {"detail": DETAILS[status]}
    if status == 400:
        fields = _field_errors(operation)
        kinds = [fields, detail]
        names = [name for name in fields["properties"] if name != "non_field_errors"]
        example = {name: [SENTENCES["required"]] for name in names[:1]} or example
    if status in operation.refusals and status == 400:
        example = {"detail": str(AnswerTooLarge(MAX_ANSWER_BYTES))}
    if status in operation.errors:
        kinds.append(action)
        example = {"error": operation.errors[status]}
    names = ["Allow", "Link", "X-Request-Id", *MORE_HEADERS.get(status, ())]
    schema = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    return {
        "description": REASONS[status],
        "headers": _with_headers(*names),
        "content": {JSON_TYPE: {"schema": schema, "example": example}},
    }


def _no_token(schemas: Schemas) -> Json:
    properties = {name: {"type": "string"} for name in ("token_class", "token_type", "message")}
    schema: Json = {
        "type": "object",
        "properties": {
            "detail": SENTENCE,
            "code": {"type": "string", "description": "What is wrong, for programs."},
            "messages": {
                "type": "array",
                "items": members(properties),
                "description": "What is wrong with the token.",
            },
        },
        "required": ["detail"],
        "additionalProperties": False,
    }
    return schemas.ref("Unauthenticated", schema)


def _field_errors(operation: Operation) -> Json:
    """Return the schema of 400 by field: the fields of the form, or the filters of the list."""
    names = [*(operation.form or {}), *(operation.listing.filters if operation.listing else [])]
    names = names if operation.error_fields is None else [*operation.error_fields]
    return {
        "type": "object",
        "properties": dict.fromkeys([*names, "non_field_errors"], MESSAGES),
        "additionalProperties": False,
        "minProperties": 1,
    }
