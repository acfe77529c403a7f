"""Settings for tests that ask for more than a real client may."""

from typing import Any

# As deep as the setting goes.
MAX_DEPTH = 20
UNBOUNDED: dict[str, Any] = {
    "max_depth": MAX_DEPTH,
    "max_aliases": 10_000,
    "max_root_fields": 1000,
    "max_directives": 1000,
    "max_tokens": 100_000,
    "max_document_kb": 1000,
    "max_cost": 10**15,
}
