"""``@idempotent(key:)`` on a mutation: sent again with the key, it is answered as before.

``Idempotency-Key`` is for a whole request, and for HTTP alone; this is for one field of it, also
over a WebSocket.
"""

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, TypeVar

import orjson
import strawberry
from graphql import FragmentSpreadNode, Node, VariableNode, Visitor, print_ast, visit
from graphql.execution.values import get_directive_values
from strawberry.directive import DirectiveLocation, DirectiveValue

from resolvers.context import Context
from resolvers.errors import BadInput
from resolvers.units.idempotency import KeyedRequest, answer_once, checked_key
from schema.errors.formatting import Failure, UserError
from schema.errors.item_errors import error_values
from schema.execution.context import CoreInfo
from schema.execution.engine import Json
from schema.transport.multipart import UploadedFile
from schema.types.conflicts import Conflict, ConflictingField
from schema.types.enums import ErrorCode

NAME = "idempotent"
# Their answers have tokens and secrets, which are not stored.
SECRET_FIELDS = frozenset(
    {"login", "refreshToken", "changePassword", "createWebhook", "rotateWebhookSecret"}
)
# Sent again, it does the same by itself.
_LOGOUT = "logout"
Payload = TypeVar("Payload")


@strawberry.directive(
    locations=[DirectiveLocation.FIELD],
    name=NAME,
    description="Do this mutation once: sent again with the same key, it is not done again and is "
    "answered as before. For a whole request, send the header `Idempotency-Key` instead.",
)
def idempotent(
    value: DirectiveValue[str],
    key: Annotated[
        str, strawberry.argument(description="Chosen by the client, such as a new UUID.")
    ],
) -> str:
    """Stand for the directive in the schema; ``once`` does what it says."""
    return value


def key_of(info: CoreInfo) -> str | None:
    """Return the key of a mutation, None without the directive; raises ``BadKey``."""
    definition = next(one for one in info.schema.directives if one.name == NAME)
    for node in info.field_nodes:
        given = get_directive_values(definition, node, info.variable_values)
        if given is not None:
            return checked_key(given["key"])
    return None


async def once(
    info: CoreInfo,
    context: Context,
    key: str,
    answer: Callable[[Context], Awaitable[Payload | Failure | Json | None]],
) -> Failure | Json:
    """Answer a mutation as before, or by ``answer``; raises ``BadInput`` for some mutations."""
    if info.field_name in SECRET_FIELDS:
        raise BadInput(f"{info.field_name} answers with secrets: it takes no @{NAME}.")
    if info.field_name == _LOGOUT:
        raise BadInput(f"{_LOGOUT} does the same however often it is sent: it takes no @{NAME}.")

    async def respond(inner: Context) -> bytes:
        found = await answer(inner)
        if isinstance(found, Failure):
            return orjson.dumps({"errors": [error_values(one) for one in found.errors]})
        assert isinstance(found, Json), "the other payloads are those with secrets"
        return orjson.dumps({"payload": found.text})

    keyed = KeyedRequest(key, await _fingerprint(info))
    found = await answer_once(context, keyed, respond)
    assert found is not None
    stored = orjson.loads(found.content)
    if "payload" in stored:
        return Json(stored["payload"])
    return Failure([_error_of(one) for one in stored["errors"]])


def _error_of(stored: dict[str, Any]) -> UserError:
    conflict = stored["conflict"]
    if conflict is not None:
        fields = [ConflictingField(**one) for one in conflict["fields"]]
        conflict = Conflict(**{**conflict, "fields": fields})
    return UserError(
        message=stored["message"],
        code=ErrorCode[stored["code"]],
        field=stored["field"],
        conflict=conflict,
    )


async def _fingerprint(info: CoreInfo) -> bytes:
    """Return a hash of the field, with the fragments, the variables and the files that it uses."""
    used = _Used()
    nodes = list(used.of(info.field_nodes, info.fragments))
    coerced = info.variable_values.coerced
    variables = {name: coerced[name] for name in sorted(used.variables) if name in coerced}
    found = hashlib.sha256("\n".join(map(print_ast, nodes)).encode())
    found.update(repr(variables).encode("utf-8", "replace"))
    for file in _files(variables):
        content = hashlib.sha256()
        async for piece in file.chunks():
            content.update(piece)
        found.update(content.digest())
    return found.digest()


class _Used(Visitor):
    """Collects what a field uses: the names of variables and fragments."""

    def __init__(self) -> None:
        super().__init__()
        self.variables: set[str] = set()
        # As they come.
        self.fragments: dict[str, None] = {}

    def enter_variable(self, node: VariableNode, *_: object) -> None:
        """Take the name of a variable."""
        self.variables.add(node.name.value)

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: object) -> None:
        """Take the name of a fragment."""
        self.fragments[node.name.value] = None

    def of(self, nodes: Iterable[Node], fragments: Mapping[str, Node]) -> Iterator[Node]:
        """Yield nodes, and the fragments that they lead to, after taking what they use."""
        for node in nodes:
            visit(node, self)
            yield node
        seen: set[str] = set()
        while more := [name for name in self.fragments if name not in seen]:
            for name in more:
                seen.add(name)
                visit(fragments[name], self)
                yield fragments[name]


def _files(value: object) -> Iterator[UploadedFile]:
    """Yield the files in the variables."""
    if isinstance(value, UploadedFile):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _files(one)
    elif isinstance(value, list):
        for one in value:
            yield from _files(one)
