"""Requests by the parameters of GraphQL over HTTP, whatever way they came."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import orjson

from resolvers.http.json_size import MAX_VALUES, has_too_many_values
from schema.transport.refused import RequestRefused

Value = TypeVar("Value")
# How many requests a batch may have.
MAX_IN_BATCH = 10
_NOT_JSON = "The body is not JSON in UTF-8."
_NO_REQUEST = "A request is a JSON object with a `query`, or an array of such objects."
_NO_DOCUMENT = "The request has no document: send its text as `query`, or its id as `documentId`."


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """One request; it has a text, the id of a document, or the hash of one."""

    query: str | None
    variables: dict[str, object] | None = None
    operation_name: str | None = None
    document_id: str | None = None
    # Of the protocol of automatic persisted queries, in `extensions`.
    hash: str | None = None


def requests_of_body(body: bytes) -> GraphQLRequest | list[GraphQLRequest]:
    """Read the JSON of one request or of a batch; raises ``RequestRefused``."""
    if has_too_many_values(body):
        raise RequestRefused(400, f"A request may have at most {MAX_VALUES} values.")
    return requests_of(parsed(body, _NOT_JSON))


def requests_of(data: object) -> GraphQLRequest | list[GraphQLRequest]:
    """Read one request or a batch; raises ``RequestRefused`` where one of them is not valid."""
    if not isinstance(data, list):
        return request_of(data)
    if not 1 <= len(data) <= MAX_IN_BATCH:
        raise RequestRefused(400, f"A batch has between 1 and {MAX_IN_BATCH} requests.")
    return [request_of(one) for one in data]


def request_of_query_string(parameters: Mapping[str, str]) -> GraphQLRequest:
    """Read a request by GET; raises ``RequestRefused``."""
    data: dict[str, object] = dict(parameters)
    for name in ("variables", "extensions"):
        # An empty parameter is the same as none.
        data.pop(name, None)
        if text := parameters.get(name):
            data[name] = parsed(text, f"The `{name}` must be JSON.")
    return request_of(data)


def parsed(text: bytes | bytearray | str, trouble: str) -> object:
    """Read JSON; raises ``RequestRefused`` with this sentence for anything else."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise RequestRefused(400, trouble) from None


def request_of(data: object) -> GraphQLRequest:
    """Check the types of one request; raises ``RequestRefused``."""
    if not isinstance(data, dict):
        raise RequestRefused(400, _NO_REQUEST)
    query = _typed(data, "query", str, "a string")
    variables = _typed(data, "variables", dict, "an object")
    name = _typed(data, "operationName", str, "a string")
    extensions = _typed(data, "extensions", dict, "an object")
    document_id = _typed(data, "documentId", str, "a string")
    persisted = None if extensions is None else extensions.get("persistedQuery")
    digest = None if persisted is None else _hash(persisted)
    if query is not None and not query.strip():
        query = None
    if query is None and document_id is None and digest is None:
        raise RequestRefused(400, _NO_DOCUMENT)
    if document_id is not None and query is not None:
        raise RequestRefused(400, "Send `query` or `documentId`, not both.")
    return GraphQLRequest(query, variables, name, document_id, digest)


def _typed(data: dict[str, object], name: str, kind: type[Value], said: str) -> Value | None:
    value = data.get(name)
    if value is None or isinstance(value, kind):
        return value
    raise RequestRefused(400, f"The `{name}` must be {said} or null.")


def _hash(given: object) -> str:
    if not isinstance(given, dict) or not isinstance(given.get("sha256Hash"), str):
        raise RequestRefused(400, "The `persistedQuery` must have `version` and `sha256Hash`.")
    if given.get("version") != 1 or given["version"] is True:
        raise RequestRefused(400, "The `version` of `persistedQuery` must be 1.")
    digest: str = given["sha256Hash"]
    return digest
