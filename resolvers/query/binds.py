"""The names of the bind parameters of reads: what writes the SQL and what gives the values agree.

A request has one value of each of the first kind (``statements.context_values``). An argument of a
field is named after its slot, as ``s0_key``: see ``shapes.Args``.
"""

NOW = "now"
# When its day began (UTC).
MIDNIGHT = "midnight"
# The same time as a Unix time.
EPOCH = "epoch"
VIEWER_ID = "viewer_id"
VIEWER_COMPANY = "viewer_company"
BASE_URL = "base_url"
# What happened until then is too old to be undone.
UNDO_SINCE = "undo_since"
MAX_ANSWER_BYTES = "max_answer_bytes"
# What signing needs, besides ``pads``.
DAY = "day"

# The slot of a root's own arguments, and what arguments are called in their slot.
ROOT_SLOT = 0
KEY = "key"
KEYS = "keys"
OFFSET = "offset"
EXPIRES_IN = "expires_in"
# What stands in an answer where snippets are put.
MARK = "mark"
# Followers read the events after one place in the log and up to another.
SEQ = "seq"
UNTIL = "until"
AFTER = "after"
BEFORE = "before"
# What a write was merged with: both versions, and a JSON list of fields; null where it was not.
MERGED_EXPECTED = "merged_expected"
MERGED_ACTUAL = "merged_actual"
MERGED_FIELDS = "merged_fields"
# What became of each ticket of a batch: a JSON list of objects with ``id``, ``key`` and ``errors``.
RESULTS = "results"
# The operands of a filter start with it.
FILTER = "w"


def prefix_of(slot: int) -> str:
    """Return what the names of a slot's arguments start with."""
    return f"s{slot}_"


def of_root(name: str) -> str:
    """Return the name of one of the root's own arguments."""
    return prefix_of(ROOT_SLOT) + name


def position(side: str, index: int) -> str:
    """Return the name of one value of a position, which ``side`` is ``AFTER`` or ``BEFORE``."""
    return f"{side}_{index}"


def pads(purpose: str) -> tuple[str, str]:
    """Return the names of the inner and the outer pad that PostgreSQL signs with."""
    return f"{purpose}_inner", f"{purpose}_outer"
