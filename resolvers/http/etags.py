"""Entity tags of an answer, and the conditions that name them (RFC 9110, section 13.1)."""

import re

_TAG = re.compile(r'(?:W/)?("[^"]*")')


def names_tag(header: str | None, tag: str, *, weak: bool = True) -> bool:
    """Whether a header such as ``If-None-Match`` is ``*`` or has this tag in its list.

    ``weak``: weak tags count like strong ones, as they do for ``If-None-Match``. Otherwise a weak
    one is equal to none (RFC 9110, section 8.8.3.2).
    """
    if header is None:
        return False
    if header.strip() == "*":
        return True
    if weak:
        if header == tag:
            # What most clients send: the only tag they have.
            return True
        tag = tag.removeprefix("W/")
    return any(
        match[1] == tag and (weak or not match[0].startswith("W/"))
        for match in _TAG.finditer(header)
    )
