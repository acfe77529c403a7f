"""The header ``Idempotency-Key`` (the IETF draft "The Idempotency-Key HTTP Header Field")."""

import re

from starlette.datastructures import Headers

from resolvers.units.idempotency import BadKey, checked_key

KEY_HEADER, REPLAYED_HEADER = "Idempotency-Key", "Idempotency-Replayed"
_ESCAPED = re.compile(r'\\(["\\])')


def key_of(headers: Headers) -> str | None:
    """Return the key of a request, None without one; raises ``BadKey``.

    It is a string of a structured field (RFC 9651, section 3.3.3), or bare as most write it.
    """
    given = headers.getlist(KEY_HEADER)
    if not given:
        return None
    if len(given) > 1:
        raise BadKey(f"A request has one {KEY_HEADER}.")
    key = given[0].strip()
    if len(key) > 1 and key.startswith('"') and key.endswith('"'):
        key = _ESCAPED.sub(r"\1", key[1:-1])
    return checked_key(key)
