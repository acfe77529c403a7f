"""Entity tags of an answer, and the conditions that name them (RFC 9110, section 13.1)."""

import re

_TAG = re.compile(r'(?:W/)?("[^"]*")')


def names_tag(header: str | None, tag: str, *, weak: bool = True) -> bool:
    """Whether a header such as ``If-None-Match`` is ``*`` or has this strong tag in its list.

    ``weak``: a weak tag in the list counts like a strong one, as it does for ``If-None-Match``.
    """
    if header is None:
        return False
    if header.strip() == "*":
        return True
    return any(
        match[1] == tag and (weak or not match[0].startswith("W/"))
        for match in _TAG.finditer(header)
    )
