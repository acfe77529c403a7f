"""Bodies: JSON, forms and multipart, read into one mapping."""

import codecs
import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request

from resolvers.headers import parse_header
from rest_compat.answers import JSON_TYPE, RestError
from rest_compat.multipart import End, Part, events

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
# Files have their own limit; a text of this size was never typed.
MOST_BYTES = 5 * 1024 * 1024
MOST_FIELDS = 1000
# A body is of these types, too, where a client is too general about it.
ANY_TYPE = ("*/*", "application/*")
# Python knows more, some of which take for ever on a long text.
CHARSETS = frozenset({"utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252", "utf-16"})


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
    options = parse_header(request.headers.get("content-type", ""))[1]
    try:
        name = codecs.lookup(options.get("charset", "utf-8")).name
    except (LookupError, ValueError):
        return "utf-8"
    return name if name in CHARSETS else "utf-8"


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
        data = parse(raw, _charset(request))
        body = Body(data, is_form=kind == FORM)
    # Errors repeat what was sent in the spelling it was sent in.
    request.state.given = body.data
    return body


def too_large() -> RestError:
    """Return the refusal of a body that is larger than any form."""
    return RestError(413, {"detail": f"A body may have at most {MOST_BYTES} bytes."})


async def _read_bytes(request: Request) -> bytes:
    chunks = bytearray()
    async for chunk in request.stream():
        chunks += chunk
        if len(chunks) > MOST_BYTES:
            raise too_large()
    return bytes(chunks)


def _parse_json(raw: bytes, charset: str) -> Mapping[str, object]:
    if not raw:
        return {}
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
            parse_qsl(text, keep_blank_values=True, encoding=charset, max_num_fields=MOST_FIELDS)
        )
    except ValueError:
        raise RestError(400, {"detail": f"A form may have at most {MOST_FIELDS} fields."}) from None


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
            if size > MOST_BYTES:
                raise too_large()
    return fields
