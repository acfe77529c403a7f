"""Settings come from the environment alone, and what is wrong with one is a sentence."""

import os
import stat
from pathlib import Path

import pytest
from pydantic import SecretStr

from server.settings import PREFIX, Settings, SettingsError, load_settings

LONG_KEY = "k" * 32


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_without_any_setting_it_is_a_development_server_on_sqlite() -> None:
    settings = load_settings()

    assert settings.database_url == "sqlite:///var/deskgraph.db"
    assert settings.files_url == "file://var/media"
    assert not settings.production
    assert settings.cors_origins == []
    assert (settings.access_token_minutes, settings.refresh_token_days) == (60, 7)


def test_the_environment_goes_before_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text("DESKGRAPH_MAX_UPLOAD_MB=3\nDESKGRAPH_MEDIA_LINKS=signed\n")
    monkeypatch.setenv("DESKGRAPH_MAX_UPLOAD_MB", "7")

    settings = load_settings()

    assert (settings.max_upload_mb, settings.media_links) == (7, "signed")


@pytest.mark.parametrize(
    ("text", "origins"),
    [
        ("", []),
        ("https://a.example", ["https://a.example"]),
        (" https://a.example/ ,, https://b.example", ["https://a.example", "https://b.example"]),
    ],
)
def test_origins_are_separated_by_commas(
    monkeypatch: pytest.MonkeyPatch, text: str, origins: list[str]
) -> None:
    monkeypatch.setenv("DESKGRAPH_CORS_ORIGINS", text)
    assert load_settings().cors_origins == origins


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", []),
        ("*", ["*"]),
        (" X-Tenant ,, x-my_app.v2 ", ["X-Tenant", "x-my_app.v2"]),
    ],
)
def test_names_of_headers_are_separated_by_commas(
    monkeypatch: pytest.MonkeyPatch, text: str, names: list[str]
) -> None:
    monkeypatch.setenv("DESKGRAPH_CORS_HEADERS", text)
    assert load_settings().cors_headers == names


@pytest.mark.parametrize("text", ["X Tenant", "X-Tenant:", "X-Tenant; Y", "Größe", "a\r\nb"])
def test_what_is_no_name_of_a_header_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("DESKGRAPH_CORS_HEADERS", text)
    with pytest.raises(SettingsError, match=r"^DESKGRAPH_CORS_HEADERS: .* is not the name of a"):
        load_settings()


def test_an_empty_value_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PUBLIC_URL", "SECRET_KEY", "GRAPHIQL", "INTROSPECTION"):
        monkeypatch.setenv(PREFIX + name, "")

    settings = load_settings()

    assert settings.public_url is None
    assert settings.secret_key is None
    assert settings.shows_graphiql
    assert settings.allows_introspection


@pytest.mark.parametrize(
    ("environment", "chosen", "shown"),
    [
        ("development", None, True),
        ("production", None, False),
        ("production", True, True),
        ("development", False, False),
    ],
)
def test_production_hides_graphiql_and_the_schema_unless_told(
    environment: str, chosen: bool | None, shown: bool
) -> None:
    settings = Settings.model_validate(
        {"environment": environment, "graphiql": chosen, "introspection": chosen}
    )
    assert settings.shows_graphiql is settings.allows_introspection is shown


def test_every_wrong_setting_is_named_and_no_value_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKGRAPH_ENVIRONMENT", "hidden-value")
    monkeypatch.setenv("DESKGRAPH_ACCESS_TOKEN_MINUTES", "0")

    with pytest.raises(SettingsError) as raised:
        load_settings()

    assert "DESKGRAPH_ENVIRONMENT: " in str(raised.value)
    assert "DESKGRAPH_ACCESS_TOKEN_MINUTES: " in str(raised.value)
    assert "hidden-value" not in str(raised.value)


def test_production_needs_a_key() -> None:
    with pytest.raises(SettingsError, match="DESKGRAPH_SECRET_KEY is not set"):
        Settings(environment="production").signing_key()


def test_a_short_key_is_refused_everywhere() -> None:
    with pytest.raises(SettingsError, match="too short"):
        Settings(secret_key=SecretStr(LONG_KEY[1:])).signing_key()


def test_a_given_key_is_used_and_not_shown() -> None:
    settings = Settings(environment="production", secret_key=SecretStr(LONG_KEY))

    assert settings.signing_key() == LONG_KEY
    assert LONG_KEY not in repr(settings)
    assert list(Path().iterdir()) == []


def test_development_makes_a_key_once_and_keeps_it_to_its_owner() -> None:
    first = load_settings().signing_key()
    kept = Path("var/secret.key")

    assert load_settings().signing_key() == first == kept.read_text()
    assert len(first) >= 32
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
