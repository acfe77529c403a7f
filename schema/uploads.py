"""Uploads by the GraphQL multipart request specification."""

from collections.abc import Mapping
from typing import Any

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException as BadForm
from starlette.requests import Request

from schema.asked import Asked, asked_of, parsed
from schema.refusals import Refused

MOST_FILES = 10
# A page of another site cannot send these without asking first (Fetch, CORS-preflight), unlike a
# form. Apollo Server asks for one of its own two.
PREFLIGHT = (
    "GraphQL-Require-Preflight",
    "Apollo-Require-Preflight",
    "X-Apollo-Operation-Name",
    "X-Requested-With",
)


async def asked_of_form(request: Request) -> Asked | list[Asked]:
    """Read a request whose variables hold files; raises ``Refused``, and nothing is kept then."""
    if not any(request.headers.get(name, "").strip() for name in PREFLIGHT):
        raise Refused(
            400, f"A multipart request needs one of the headers {', '.join(PREFLIGHT)}, not empty."
        )
    form = await _form(request)
    operations = parsed(_text(form, "operations"), "The part `operations` must be JSON.")
    places = _places(parsed(_text(form, "map"), "The part `map` must be JSON."))
    files = _files(form)
    for name in files:
        if name not in places:
            raise Refused(400, f"The file {name!r} is not in the `map`.")
    for name, path in places.items():
        if name not in files:
            raise Refused(400, f"The `map` names a file {name!r} that is not there.")
        _put(operations, path, files[name])
    return asked_of(operations)


async def _form(request: Request) -> FormData:
    try:
        return await request.form(max_files=MOST_FILES, max_fields=MOST_FILES)
    except BadForm as error:
        raise Refused(error.status_code, error.detail) from None
    except (ValueError, LookupError, AttributeError):
        # What the parser has no name for, such as a charset that nobody knows.
        raise Refused(400, "The body is not multipart.") from None


def _text(form: FormData, name: str) -> str:
    match form.getlist(name):
        case [str(text)]:
            return text
        case _:
            raise Refused(400, f"A multipart request has one part `{name}`, with JSON.")


def _files(form: FormData) -> dict[str, UploadFile]:
    files: dict[str, UploadFile] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            if name in files:
                raise Refused(400, f"There are two files named {name!r}.")
            files[name] = value
    return files


def _places(places: object) -> Mapping[str, str]:
    """Return where each file belongs."""
    if not isinstance(places, dict):
        raise Refused(400, "The part `map` must be an object: lists of paths by the files' names.")
    found: dict[str, str] = {}
    for name, paths in places.items():
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise Refused(400, f"The `map` must have a list of paths for {name!r}.")
        # A file is read once, from a stream.
        if len(paths) != 1:
            raise Refused(400, f"The file {name!r} must have one place, not {len(paths)}.")
        found[name] = paths[0]
    return found


def _put(operations: object, path: str, file: UploadFile) -> None:
    """Put a file where the request has null for it."""
    *way, last = path.split(".")
    holder = operations
    for step in way:
        holder = _step(holder, step, path)
    inside = way[1:] if isinstance(operations, list) else way
    if inside[:1] != ["variables"] or _step(holder, last, path) is not None:
        raise Refused(400, f"The path {path!r} of the `map` must lead to a variable that is null.")
    into: Any = holder
    into[int(last) if isinstance(holder, list) else last] = file


def _step(holder: object, step: str, path: str) -> object:
    if isinstance(holder, dict) and step in holder:
        found: object = holder[step]
        return found
    if isinstance(holder, list) and step.isdecimal() and step.isascii() and len(step) < 6:
        index = int(step)
        if index < len(holder):
            return holder[index]
    raise Refused(400, f"The path {path!r} of the `map` leads nowhere.")
