"""Parameters of headers, such as those of a media type (RFC 9110, section 5.6.6), in linear time.

The standard library takes the square of a header's length, and multipart libraries leave
``filename*`` out.
"""

import re
from urllib.parse import unquote_to_bytes

# What stands between semicolons; one in quotes divides nothing.
_SEGMENT = re.compile(r'(?:"(?:[^"\\]|\\.)*(?:"|\\?\Z)|[^;"])+', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')


def parse_header(value: str) -> tuple[str, dict[str, str]]:
    """Return what a header names, in lower case, and its parameters by their lower-case names.

    Of a parameter that is given twice, the first counts.
    """
    first, _, rest = value.partition(";")
    found: dict[str, str] = {}
    for segment in _SEGMENT.findall(rest):
        name, equals, text = segment.partition("=")
        if equals:
            found.setdefault(name.strip(" \t").lower(), _unquoted(text.strip(" \t")))
    return first.strip(" \t").lower(), found


def extended_value(text: str) -> str | None:
    """Return the text of a parameter whose name ends with ``*`` (RFC 8187, section 3.2).

    None where it has not got the form. Other charsets than the two that clients may use are read
    as UTF-8.
    """
    charset, quote, rest = text.partition("'")
    _, second, encoded = rest.partition("'")
    if not quote or not second:
        return None
    latin = charset.lower() == "iso-8859-1"
    return unquote_to_bytes(encoded).decode("latin-1" if latin else "utf-8", "replace")


def _unquoted(text: str) -> str:
    if len(text) > 1 and text[0] == '"' == text[-1]:
        return _ESCAPED.sub(r"\1", text[1:-1])
    return text
