"""What clients sent stays out of messages: a password of the wrong type is still a password.

Where the schema may not be asked for, its names stay out of them as well.
"""

import re
from collections.abc import Iterable

from graphql import GraphQLError

from schema.execution.limits import LimitExceeded

# A token of a document, as graphql-core repeats it where it could not be read.
_TOKEN = re.compile(r"\b(String|BlockString|Int|Float) (['\"]).*\2", re.DOTALL)
# What stands before a value at the end of a message, and in front of suggestions.
_MARKS = (", found: ", "; found: ", " Found: ")
_UNFIT = " cannot represent "
_VALUE = "value: "
_SUGGESTION = " Did you mean "
_ENUM = ("Value '", "' does not exist in '")
# Messages of graphql-core that name nothing.
_HARMLESS = ("Syntax Error: Document contains more than", "Syntax Error: Document is nested too")
_NO_INTROSPECTION = "GraphQL introspection has been disabled"
_VARIABLE = re.compile(r"Variable '\$([_A-Za-z][_0-9A-Za-z]*)'")


def without_values(message: str) -> str:
    """Return a message of graphql-core without the values in it.

    It says where they are: by the path in a variable, or by the location in the document.
    """
    if message.startswith("Syntax Error"):
        return _TOKEN.sub(r"\1", message)
    start = message.find(_ENUM[0])
    end = message.rfind(_ENUM[1])
    if 0 <= start < end:
        message = f"{message[:start]}This value{message[end + 1 :]}"
    found = [at for mark in _MARKS if (at := message.find(mark)) >= 0]
    unfit = message.find(_UNFIT)
    if unfit >= 0 and (at := message.find(_VALUE, unfit)) >= 0:
        found.append(at + len(_VALUE) - 2)
    if not found:
        return message
    at = min(found)
    said = message[:at] if message[:at].endswith("?") else f"{message[:at].rstrip('.')}."
    suggestion = message.rfind(_SUGGESTION, at) if message.endswith("?") else -1
    return said + message[suggestion:] if suggestion >= 0 else said


def without_names(errors: Iterable[GraphQLError]) -> list[GraphQLError]:
    """Return errors of which those of graphql-core name neither types nor fields nor values."""
    return [_without_names(error) for error in errors]


def _without_names(error: GraphQLError) -> GraphQLError:
    cause: Exception | None = error
    while isinstance(cause, GraphQLError):
        if isinstance(cause, LimitExceeded) or "code" in (cause.extensions or {}):
            # A sentence of ours.
            return error
        cause = cause.original_error
    if cause is not None or error.message.startswith(_HARMLESS):
        return error
    return GraphQLError(
        _general(error.message),
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
    )


def _general(message: str) -> str:
    if message.startswith("Syntax Error"):
        return "The document cannot be parsed."
    if message.startswith(_NO_INTROSPECTION):
        return f"{_NO_INTROSPECTION}."
    variable = _VARIABLE.match(message)
    if variable is not None:
        return f"The variable '${variable[1]}' does not fit."
    return "The document is not valid."
