"""The settings of the tests."""

from pathlib import Path
from typing import Any

from pydantic_settings import PydanticBaseSettingsSource

from deskgraph.settings import Settings

KEY = "a key that only the tests know, long enough"
MAX_UPLOAD_BYTES = 1024 * 1024


class GivenSettings(Settings):
    """Settings that are read from nowhere; looking for them takes four times as long."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: object,
        init_settings: PydanticBaseSettingsSource,
        *_others: object,
        **_more: object,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take the arguments alone."""
        return (init_settings,)


def settings_for(url: str, media: Path, **more: Any) -> Settings:
    """Return settings that neither the environment nor a file changes."""
    given: dict[str, Any] = {
        "database_url": url,
        "files_url": f"file://{media}",
        "secret_key": KEY,
        "max_upload_mb": MAX_UPLOAD_BYTES // 1024**2,
        "rate_limit": "off",
    }
    return GivenSettings(**{**given, **more})
