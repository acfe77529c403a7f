"""Which content codings a client takes (RFC 9110, section 12.5.3)."""

import re
from collections.abc import Sequence

GZIP = "gzip"
# No client lists so many; what is longer is not read, and counts as no coding at all.
MAX_LENGTH = 1000
_ELEMENT = re.compile(
    r"[ \t]*([!#$%&'*+.^_`|~0-9a-z-]+)(?:[ \t]*;[ \t]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?))?[ \t]*"
)


def accepted_codings(header: str, offered: Sequence[str]) -> list[str]:
    """Return those of ``offered`` that a client takes, what it prefers first.

    Of equals, those come first that ``offered`` has first, and of an element that is given twice,
    the first counts. One that is malformed counts as absent. A client that prefers ``identity``
    takes no coding. ``identity;q=0`` is not enforced: what is not coded may be sent all the same.
    """
    weights = _weights(header)
    plain = weights.get("identity", 0.0)
    rest = weights.get("*", 0.0)
    found = [(weights.get(coding, rest), coding) for coding in offered]
    taken = [(weight, coding) for weight, coding in found if weight > 0 and weight >= plain]
    return [coding for _, coding in sorted(taken, key=lambda one: -one[0])]


def _weights(header: str) -> dict[str, float]:
    """Return the weight of each coding that is listed."""
    found: dict[str, float] = {}
    if len(header) > MAX_LENGTH:
        return found
    for element in header.lower().split(","):
        match = _ELEMENT.fullmatch(element)
        if match is not None:
            # The two are the same (section 8.4.1.3).
            name = GZIP if match[1] == "x-gzip" else match[1]
            found.setdefault(name, float(match[2] or 1))
    return found
