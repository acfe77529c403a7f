"""The settings of the tests."""

from pathlib import Path
from typing import Any

from deskgraph.settings import Settings

KEY = "a key that only the tests know, long enough"
MAX_UPLOAD_BYTES = 1024 * 1024


def settings_for(url: str, media: Path, **more: Any) -> Settings:
    """Return settings that neither the environment nor a file changes."""
    given: dict[str, Any] = {
        "database_url": url,
        "files_url": f"file://{media}",
        "secret_key": KEY,
        "max_upload_mb": MAX_UPLOAD_BYTES // 1024**2,
        "rate_limit": "off",
    }
    return Settings(**{"_env_file": None, "_env_prefix": "NOT_READ_", **given, **more})
