"""The API document (OpenAPI 3.1), made of the routes, shapes, forms and filters that serve."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from resolvers.http.idempotency_key import KEY_HEADER
from resolvers.units.idempotency import MAX_KEY_LENGTH
from rest_compat.http.bodies import MULTIPART
from rest_compat.http.responses import JSON_TYPE
from rest_compat.openapi.operations import File, Handler, Operation, operation_of
from rest_compat.openapi.parameters import after_cursor, in_path, in_query
from rest_compat.openapi.responses import HEADERS, answers_of
from rest_compat.openapi.values import Json, Schemas, Words

VERSION = "v1"
ABOUT = """\
The paths that clients of the older system call. Bodies are JSON, and multipart for files. The same
fields may be sent as forms, too, as older clients do. Unknown and read-only fields are ignored, and
texts are trimmed.

A path without its trailing slash redirects (301) to the one with it. Every GET is there as HEAD,
too, and OPTIONS describes a path. A method that a path does not have is 405, and `Allow` says which
it has.

`Authorization: Bearer …` carries the access token that `auth/login/` answers with.
"""
SCHEMES: Json = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The access token of a login.",
    },
    "signature": {
        "type": "apiKey",
        "in": "query",
        "name": "signature",
        "description": "A link that the server signed, with the time when it expires.",
    },
}
# RFC 9110, section 13.1.1.
ENTITY_TAGS: Json = {
    "type": "string",
    "pattern": r'^(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)$',
    "example": '"63tb5oea4fWjg3cm"',
}
IDEMPOTENCY_KEY: Json = {
    "type": "string",
    "pattern": rf"^[!#-\[\]-~]{{1,{MAX_KEY_LENGTH}}}$",
    "example": "8e03978e-40d5-43e8-bc93-6894a57f9324",
}
NO_WORDS: Words = {}
# What docstrings have for readers of the code: recordings, and headings of the reference.
_ASIDE = re.compile(r"\s*\((?:[^()]*\")?[^()]*(?:\"|recorded)[^()]*\)")


@dataclass(frozen=True)
class Path:
    """A path as the routes have it: its name, the handler of each method, who may ask."""

    path: str
    name: str
    handlers: Mapping[str, Handler]
    public: bool


def document(paths: Iterable[Path], words: Words = NO_WORDS, url: str = "/") -> Json:
    """Return the document of some paths; ``words`` are for fields, ``url`` is the server's."""
    schemas = Schemas(words)
    described: Json = {}
    for path in paths:
        shown = re.sub(r"\{(\w+):path\}", r"{\1}", path.path)
        described[shown] = {
            method.lower(): _operation(path, shown, method, handler, schemas)
            for method, handler in path.handlers.items()
        }
    return {
        "openapi": "3.1.0",
        "info": {"title": "deskgraph", "version": VERSION, "description": ABOUT},
        "servers": [{"url": url}],
        "security": [{"token": []}],
        "tags": [{"name": name} for name in dict.fromkeys(map(_tag, described))],
        "paths": described,
        "components": {
            "schemas": dict(sorted(schemas.named.items())),
            "headers": HEADERS,
            "responses": dict(sorted(schemas.refusals.items())),
            "securitySchemes": SCHEMES,
        },
    }


def _operation(path: Path, shown: str, method: str, handler: Handler, schemas: Schemas) -> Json:
    operation = operation_of(handler)
    summary = _summary(operation, method, handler)
    parameters = in_path(shown)
    if operation.listing is not None:
        windowed = operation.answers is operation.listing.read
        parameters += in_query(operation.listing, schemas, windowed=windowed)
        parameters += after_cursor() if operation.follows else []
    described: Json = {
        "operationId": _operation_id(shown, method),
        "summary": summary,
        "tags": [_tag(shown)],
    }
    if path.public:
        described["security"] = []
    if operation.answers is File:
        described["security"] = [{"token": []}, {"signature": []}]
        parameters += _of_downloads()
    # Whatever is read with a token may be asked for again.
    is_polled = method == "GET" and not path.public
    parameters += _in_header(operation, is_polled=is_polled, is_keyed=_is_keyed(path, method))
    if parameters:
        described["parameters"] = parameters
    if operation.form is not None:
        described["requestBody"] = _body(operation, method, schemas)
    statuses = _refusals(path, shown, method, operation)
    answers = answers_of(operation, statuses, schemas, is_polled=is_polled)
    return {**described, "responses": answers}


def _in_header(operation: Operation, *, is_polled: bool, is_keyed: bool) -> list[Json]:
    """Return what an operation takes in headers."""
    found: list[Json] = []
    if is_polled:
        text = "The `ETag` of what is there already: 304 where it is still the answer."
        # What is no tag is none that the answer has.
        found.append(_parameter("If-None-Match", "header", text, {"type": "string"}))
    if operation.conditional:
        text = "The `ETag` of what is to be changed: 412 where it is another one by now."
        found.append(_parameter("If-Match", "header", text, ENTITY_TAGS))
    if is_keyed:
        text = (
            "A text of your own for this request. Sent again with it, the request is not done "
            "again: it gets the first response."
        )
        found.append(_parameter(KEY_HEADER, "header", text, IDEMPOTENCY_KEY))
    if operation.merges:
        text = (
            "`merge`: a change whose fields nobody else has changed since the tag of `If-Match` is "
            "done all the same (RFC 7240)."
        )
        prefer = {"type": "string", "example": "merge"}
        found.append(_parameter("Prefer", "header", text, prefer))
    return found


def _is_keyed(path: Path, method: str) -> bool:
    """Whether the operation takes an idempotency key: a write by a user."""
    return not path.public and method not in ("GET", "HEAD", "OPTIONS")


def _of_downloads() -> list[Json]:
    """Return the parameter that goes with a signature, and the headers of RFC 9110."""
    expires = "Of a signed link: until when it works, as a Unix time."
    span, tag = {"type": "string", "example": "bytes=0-1023"}, {"type": "string"}
    return [
        _parameter("expires", "query", expires, {"type": "integer"}),
        _parameter("Range", "header", "The one part of the file that is wanted.", span),
        _parameter("If-Range", "header", "The `ETag` that the part has to be of.", tag),
        _parameter("If-None-Match", "header", "The `ETag` of what is there already.", tag),
        _parameter("If-Match", "header", "The `ETag` of what is expected.", tag),
    ]


def _parameter(name: str, place: str, text: str, schema: Json) -> Json:
    return {"name": name, "in": place, "description": text, "schema": schema}


def _body(operation: Operation, method: str, schemas: Schemas) -> Json:
    # Forms are taken, too, but generators make unusable clients of bodies of several types.
    form = operation.form or {}
    partial = method == "PATCH"
    has_file = any(rule.kind is File for rule in operation.rules.values())
    schema = schemas.body(operation.about, form, operation.rules, partial=partial)
    # A client that is generated for an optional body has to ask whether there is one.
    content = {MULTIPART if has_file else JSON_TYPE: {"schema": schema}}
    return {"required": True, "content": content}


def _refusals(path: Path, shown: str, method: str, operation: Operation) -> list[int]:
    """Return the statuses of an operation's refusals: its path, method and body decide."""
    writes = method not in ("GET", "HEAD", "OPTIONS")
    found = operation.errors.keys() | operation.refusals
    # By what the client accepts: all of it is JSON, but files.
    found |= set() if operation.answers is File else {406}
    found |= {429, 503}
    if operation.form is not None:
        found |= {400, 413, 415}
    if _is_keyed(path, method):
        found |= {400, 409, 422}
    if operation.conditional:
        found |= {400, 412}
    if operation.listing is not None:
        found |= {400} if operation.answers is not operation.listing.read else {400, 404}
        found |= {410} if operation.follows else set()
    if "{" in shown:
        found.add(404)
    if not path.public or operation.answers is File:
        found.add(401)
        found |= {403} if writes else set()
    return sorted(found)


def _summary(operation: Operation, method: str, handler: Handler) -> str:
    if operation.summary:
        return operation.summary
    if method in ("PUT", "PATCH") and operation.about:
        what = operation.about.lower()
        what = f"{'an' if what[0] in 'aeio' else 'a'} {what}"
        some = f"Change some fields of {what}."
        return some if method == "PATCH" else f"Change {what}, all of its required fields given."
    first = (getattr(handler, "__doc__", None) or "").partition("\n")[0]
    return _ASIDE.sub("", first).replace("``", "`")


def _operation_id(shown: str, method: str) -> str:
    words = re.findall(r"\w+", shown.removeprefix("/api/v1"))
    return "_".join([method.lower(), *words] if words else [method.lower(), "root"])


def _tag(shown: str) -> str:
    first, *_ = [*shown.removeprefix("/api/v1").split("/")[1:], ""]
    return "media" if shown.startswith("/media/") else first or "root"
