"""What the history keeps of a long text that changed: the part around the change.

A history that kept every version of a long text in full would grow by twice its length with each
edit, and so would every page of events, every stream and every webhook.
"""

# A text of at most so many characters is kept in full; an excerpt has at most as many.
MAX_CHARACTERS = 2000
# How much is kept before and after the part that changed.
CONTEXT = 100


def is_long(value: object) -> bool:
    """Whether a value is a text that is not kept in full."""
    return isinstance(value, str) and len(value) > MAX_CHARACTERS


def excerpts(before: str, after: str) -> tuple[str, str, int]:
    """Return the parts of two texts that differ, and the place in both where they begin.

    What both have in common at the beginning and at the end is left out, but for a little of it.
    Of parts that are still too long the beginning is returned.
    """
    same = _common(before, after, min(len(before), len(after)))
    start = max(same - CONTEXT, 0)
    rest = min(len(before), len(after)) - same
    left_out = max(_common_end(before, after, rest) - CONTEXT, 0)
    return (
        before[start : len(before) - left_out][:MAX_CHARACTERS],
        after[start : len(after) - left_out][:MAX_CHARACTERS],
        start,
    )


def _common(one: str, other: str, most: int) -> int:
    """Return how many characters both begin with.

    By halves: comparing slices is fast, comparing the characters of a megabyte one by one is not.
    """
    found = 0
    while found < most:
        middle = (found + most + 1) // 2
        if one[found:middle] == other[found:middle]:
            found = middle
        else:
            most = middle - 1
    return found


def _common_end(one: str, other: str, most: int) -> int:
    """Return how many characters both end with, at most so many."""
    found = 0
    while found < most:
        middle = (found + most + 1) // 2
        end = slice(len(one) - middle, len(one) - found)
        if one[end] == other[len(other) - middle : len(other) - found]:
            found = middle
        else:
            most = middle - 1
    return found
