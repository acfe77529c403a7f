"""Bodies: JSON, forms and multipart, read into one mapping."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from encodings.aliases import aliases
from urllib.parse import parse_qsl

from anyio import to_thread
from starlette.requests import Request

from resolvers.http.headers import parse_header
from resolvers.http.json_size import MAX_VALUES, has_too_many_values
from rest_compat.http.multipart import End, Part, events
from rest_compat.http.responses import JSON_TYPE, RestError

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
# What a body may have besides its longest text, in bytes; files have a limit of their own.
MAX_ENVELOPE_BYTES = 1024 * 1024
MAX_FIELDS = 1000
# Of clients that are not logged in: nothing that they may send is as long as a text.
MAX_ANONYMOUS_BYTES = 128 * 1024
LONG_FORM = 64 * 1024
# A body is of these types, too, where a client is too general about it.
ANY_TYPE = ("*/*", "application/*")
# Python knows more, some of which take for ever on a long text.
CHARSETS = ("utf_8", "ascii", "latin_1", "iso8859_15", "cp1252", "utf_16")
# By all their names, found once: Python keeps every name that it is asked for, for good.
_CODECS = {name: name for name in CHARSETS} | {
    alias: name for alias, name in aliases.items() if name in CHARSETS
}


@dataclass(frozen=True)
class Body:
    """What was sent. Forms cannot say null or false, so their empty values mean other things."""

    data: Mapping[str, object]
    is_form: bool


def media_type(request: Request) -> str:
    """Return the body's type, in lower case and without parameters."""
    return parse_header(request.headers.get("content-type", ""))[0]


def _charset(request: Request) -> str:
    """Return the encoding that the body's type names, or UTF-8."""
    _, options = parse_header(request.headers.get("content-type", ""))
    name = options.get("charset", "").lower().replace("-", "_").replace(" ", "_")
    return _CODECS.get(name, "utf_8")


def unsupported(request: Request) -> RestError:
    """Return the recorded refusal of a type that a path does not take."""
    sent = request.headers.get("content-type", "")
    return RestError(415, {"detail": f'Unsupported media type "{sent}" in request.'})


async def read_body(request: Request) -> Body:
    """Read a body of any of the three types; of repeated fields the last one counts.

    Raises ``RestError`` with the recorded answers: 400 for what cannot be parsed, 415 for other
    types. A body of no bytes is empty, whatever its type.
    """
    kind = media_type(request)
    if kind == MULTIPART:
        body = Body(await _read_multipart(request), is_form=True)
    else:
        raw = await _read_bytes(request)
        if kind not in (JSON_TYPE, FORM, *ANY_TYPE) and raw:
            raise unsupported(request)
        parse = _parse_form if kind == FORM else _parse_json
        if kind == FORM and len(raw) > LONG_FORM:
            # Decoding a form is slow, and other requests go on meanwhile.
            data = await to_thread.run_sync(parse, raw, _charset(request))
        else:
            data = parse(raw, _charset(request))
        body = Body(data, is_form=kind == FORM)
    # Errors repeat what was sent in the spelling it was sent in.
    request.state.given = body.data
    return body


def limit_body(request: Request, max_text_bytes: int | None) -> None:
    """Let a request's body have a text of this size; None for those who are not logged in.

    ``require_size`` holds it to that.
    """
    limit = MAX_ANONYMOUS_BYTES if max_text_bytes is None else max_text_bytes + MAX_ENVELOPE_BYTES
    request.state.max_body_bytes = limit


def require_size(request: Request, size: int) -> None:
    """Raise ``RestError`` where a body is larger than it may be."""
    most: int = request.state.max_body_bytes
    if size > most:
        raise RestError(413, {"detail": f"A body may have at most {most} bytes."})


async def _read_bytes(request: Request) -> bytes:
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        require_size(request, len(chunks))
    return bytes(chunks)


def _parse_json(raw: bytes, charset: str) -> Mapping[str, object]:
    if not raw:
        return {}
    if has_too_many_values(raw):
        raise RestError(400, {"detail": f"A body may have at most {MAX_VALUES} values."})
    try:
        # Not orjson: its errors are worded differently, and it refuses what Python accepts.
        data = json.loads(raw.decode(charset), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RestError(400, {"detail": f"JSON parse error - {error}"}) from None
    if isinstance(data, dict):
        return data
    if data is None:
        raise RestError(400, {"non_field_errors": ["No data provided"]})
    received = type(data).__name__
    sentence = f"Invalid data. Expected a dictionary, but got {received}."
    raise RestError(400, {"non_field_errors": [sentence]})


def _refuse_constant(name: str) -> None:
    raise ValueError(f"Out of range float values are not JSON compliant: {name!r}")


def _parse_form(raw: bytes, charset: str) -> Mapping[str, object]:
    try:
        text = raw.decode(charset)
    except UnicodeDecodeError:
        # As the old system did with letters that were not escaped.
        text = raw.decode("latin-1")
    try:
        return dict(
            parse_qsl(text, keep_blank_values=True, encoding=charset, max_num_fields=MAX_FIELDS)
        )
    except ValueError:
        raise RestError(400, {"detail": f"A form may have at most {MAX_FIELDS} fields."}) from None


async def _read_multipart(request: Request) -> Mapping[str, object]:
    """Read the texts of a multipart body; files in it belong to other paths and are left out."""
    fields: dict[str, object] = {}
    part = Part("", None)
    text = bytearray()
    size = 0
    async for event in events(request):
        if isinstance(event, Part):
            part, text = event, bytearray()
        elif isinstance(event, End):
            if part.filename is None:
                fields[part.name] = text.decode("utf-8", "replace")
        else:
            size += len(event)
            text += event
            require_size(request, size)
    return fields
