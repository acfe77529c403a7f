"""What clients sent stays out of messages: a password of the wrong type is still a password."""

import re

# How graphql-core tells of a value that it found, wherever it tells what is wrong with it.
_FOUND = re.compile(r"(?:[,;] found| Found): .*\.", re.DOTALL)
_REPRESENTED = re.compile(
    r"(cannot represent [\w -]*value): .*?(?=\.? Did you mean [^?]*\?$|\Z)", re.DOTALL
)
_TOKEN = re.compile(r"\b(String|BlockString|Int|Float) (['\"]).*\2", re.DOTALL)


def without_values(message: str) -> str:
    """Return a message of graphql-core without the values in it.

    It says where they are: by the path in a variable, or by the location in the document.
    """
    if message.startswith("Syntax Error"):
        return _TOKEN.sub(r"\1", message)
    message = _FOUND.sub(".", message)
    return _REPRESENTED.sub(r"\1.", message).replace("?.", "?").replace("..", ".")
