"""Uploads by the GraphQL multipart request specification.

The parts ``operations`` and ``map`` come first, so what is asked for is known before a file is
read: the files follow when it is known who asks, and when its cost is drawn.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from tempfile import SpooledTemporaryFile

from anyio import to_thread
from starlette.requests import Request

from resolvers.http.json_size import MAX_VALUES, has_too_many_values
from resolvers.http.multipart import BadEncoding, BadMultipart, End, Event, Part, events
from schema.transport.refused import RequestRefused
from schema.transport.request import GraphQLRequest, parsed, requests_of

MAX_FILES = 10
MAX_FIELDS = 10
# Up to this size, a file waits in memory, then on the disk.
SPOOL_BYTES = 1024 * 1024
PIECE_BYTES = 256 * 1024
# A page of another site cannot send these without asking first (Fetch, CORS-preflight), unlike a
# form. Apollo Server asks for one of its own two.
PREFLIGHT = (
    "GraphQL-Require-Preflight",
    "Apollo-Require-Preflight",
    "X-Apollo-Operation-Name",
    "X-Requested-With",
)


class UploadedFile:
    """A file in the variables, which may be read more than once and from several places."""

    def __init__(self, uploads: "Uploads") -> None:
        self._uploads = uploads
        self._kept: SpooledTemporaryFile[bytes] | None = None
        self.filename = ""

    def __repr__(self) -> str:
        return f"UploadedFile({self.filename!r})"

    async def receive(self) -> None:
        """Wait until it is here; raises ``RequestRefused`` where the body is wrong."""
        await self._uploads.receive()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the content from its beginning."""
        await self.receive()
        start = 0
        while piece := await to_thread.run_sync(self._piece, start):
            start += len(piece)
            yield piece

    @property
    def received(self) -> bool:
        """Whether the file's part has come."""
        return self._kept is not None

    def begin(self, filename: str) -> None:
        """Take the name, and what follows as the content."""
        self.filename = filename
        self._kept = SpooledTemporaryFile(SPOOL_BYTES)  # noqa: SIM115 - ``close`` closes it

    async def write(self, piece: bytes) -> None:
        """Keep a piece of the content."""
        assert self._kept is not None
        await to_thread.run_sync(self._kept.write, piece)

    def _piece(self, start: int) -> bytes:
        assert self._kept is not None
        self._kept.seek(start)
        return self._kept.read(PIECE_BYTES)

    def close(self) -> None:
        """Let go of the content."""
        if self._kept is not None:
            self._kept.close()


class Uploads:
    """The files of one request, which are read from its body when they are wanted."""

    def __init__(self, stream: AsyncIterator[Event], allow: Callable[[], None]) -> None:
        """Take the rest of a body, and what lets it have the size of an upload."""
        self._stream = stream
        self._allow = allow
        self._next: Part | None = None
        self._begun = False
        self._failed: RequestRefused | None = None
        self.files: dict[str, UploadedFile] = {}

    async def peek(self) -> None:
        """Read up to the first file; raises ``RequestRefused`` if it is not one of the map's."""
        async for event in self._stream:
            if isinstance(event, Part) and event.filename is not None:
                self._next = event
                self._named(event)
                return
        self._require_all()

    async def receive(self) -> None:
        """Read all files; raises ``RequestRefused`` each time where they are not the map's."""
        if self._failed is not None:
            raise self._failed
        if self._begun:
            return
        self._begun = True
        self._allow()
        try:
            await self._read()
        except RequestRefused as refused:
            self._failed = refused
            raise

    async def _read(self) -> None:
        current = None if self._next is None else self._file_of(self._next)
        async for event in self._stream:
            if isinstance(event, Part):
                current = self._file_of(event)
            elif isinstance(event, End):
                current = None
            elif current is not None:
                await current.write(event)
        self._require_all()

    def _file_of(self, part: Part) -> UploadedFile | None:
        """Return the file that a part is; what follows the files and is none is passed by."""
        if part.filename is None:
            return None
        file = self._named(part)
        if file.received:
            raise RequestRefused(400, f"There are two files named {part.name!r}.")
        file.begin(part.filename)
        return file

    def _named(self, part: Part) -> UploadedFile:
        if part.name not in self.files:
            raise RequestRefused(400, f"The file {part.name!r} is not in the `map`.")
        return self.files[part.name]

    def _require_all(self) -> None:
        for name, file in self.files.items():
            if not file.received:
                raise RequestRefused(400, f"The `map` names a file {name!r} that is not there.")

    def close(self) -> None:
        """Let go of all files."""
        for file in self.files.values():
            file.close()


async def request_of_form(
    request: Request, allow: Callable[[], None]
) -> tuple[GraphQLRequest | list[GraphQLRequest], Uploads]:
    """Read a request whose variables hold files, and its first part only.

    ``allow`` is called before the files are read. The files are to be closed. Raises
    ``RequestRefused``.
    """
    if not any(request.headers.get(name, "").strip() for name in PREFLIGHT):
        raise RequestRefused(
            400, f"A multipart request needs one of the headers {', '.join(PREFLIGHT)}, not empty."
        )
    stream = _events(request)
    texts = await _texts(stream)
    operations = _parsed(texts, "operations")
    places = _places(_parsed(texts, "map"))
    uploads = Uploads(stream, allow)
    for name, paths in places.items():
        file = uploads.files[name] = UploadedFile(uploads)
        for path in paths:
            _put(operations, path, file)
    asked = requests_of(operations)
    await uploads.peek()
    return asked, uploads


async def _events(request: Request) -> AsyncIterator[Event]:
    try:
        async for event in events(request.headers.get("content-type", ""), request.stream()):
            yield event
    except BadEncoding as error:
        raise RequestRefused(400, str(error)) from None
    except BadMultipart:
        raise RequestRefused(400, "The body is not multipart.") from None


async def _texts(stream: AsyncIterator[Event]) -> Mapping[str, bytearray]:
    """Read the two parts that come before the files."""
    texts: dict[str, bytearray] = {}
    fields = 0
    name: str | None = None
    async for event in stream:
        if isinstance(event, Part):
            fields += 1
            if event.filename is not None or fields > MAX_FIELDS:
                break
            name = event.name
            if name in texts:
                raise _one_part(name)
            texts[name] = bytearray()
        elif isinstance(event, bytes):
            texts[str(name)] += event
        elif "operations" in texts and "map" in texts:
            return texts
    missing = "map" if "operations" in texts else "operations"
    raise _one_part(missing)


def _parsed(texts: Mapping[str, bytearray], name: str) -> object:
    if has_too_many_values(texts[name]):
        raise RequestRefused(400, f"A request may have at most {MAX_VALUES} values.")
    return parsed(texts[name], f"The part `{name}` must be JSON.")


def _one_part(name: str) -> RequestRefused:
    return RequestRefused(
        400, f"A multipart request has one part `{name}`, with JSON, before its files."
    )


def _places(places: object) -> Mapping[str, list[str]]:
    """Return where each file belongs; it may have several places."""
    if not isinstance(places, dict):
        raise RequestRefused(
            400, "The part `map` must be an object: lists of paths by the files' names."
        )
    if len(places) > MAX_FILES:
        raise RequestRefused(400, f"A request has at most {MAX_FILES} files.")
    for name, paths in places.items():
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise RequestRefused(400, f"The `map` must have a list of paths for {name!r}.")
        if not paths:
            raise RequestRefused(400, f"The file {name!r} must have a place.")
    return places


def _put(operations: object, path: str, file: UploadedFile) -> None:
    """Put a file where the request has null for it."""
    *way, last = path.split(".")
    holder = operations
    for step in way:
        holder = _step(holder, step, path)
    inside = way[1:] if isinstance(operations, list) else way
    if inside[:1] != ["variables"] or _step(holder, last, path) is not None:
        raise RequestRefused(
            400, f"The path {path!r} of the `map` must lead to a variable that is null."
        )
    if isinstance(holder, list):
        holder[int(last)] = file
    elif isinstance(holder, dict):
        holder[last] = file


def _step(holder: object, step: str, path: str) -> object:
    if isinstance(holder, dict) and step in holder:
        found: object = holder[step]
        return found
    if isinstance(holder, list) and step.isdecimal() and step.isascii() and len(step) < 6:
        index = int(step)
        if index < len(holder):
            return holder[index]
    raise RequestRefused(400, f"The path {path!r} of the `map` leads nowhere.")
