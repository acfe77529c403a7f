"""The names of settings in the environment and in ``.env``: a misspelt one must not be ignored.

Ignored, it would leave a default in its place: production would work on a new SQLite file.
"""

from collections.abc import Collection, Iterable
from difflib import get_close_matches

# Of the tests, which may run in the same environment: CONTRIBUTING.md tells what they do.
TESTS = ("TEST_", "REQUIRE_", "PROOFS")
# How alike a name without the prefix has to be to one with it.
_NEAR = 0.9


def unknown_names(names: Iterable[str], known: Collection[str], prefix: str) -> list[str]:
    """Return a sentence for each name that is no setting but begins, or nearly, as one.

    ``known`` are the settings' whole names in capitals; case makes no difference.
    """
    found = []
    for name in sorted({name.upper() for name in names} - set(known)):
        ours = name.startswith(prefix)
        if ours and name.removeprefix(prefix).startswith(TESTS):
            continue
        nearest = get_close_matches(name, known, n=1, cutoff=0 if ours else _NEAR)
        if nearest:
            found.append(f"{name} is no setting: {nearest[0]} is the nearest one.")
    return found
