"""Settings come from the environment alone, and what is wrong with one is a sentence."""

import os
import re
import stat
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from deskgraph.app import create_services
from deskgraph.settings import PREFIX, Settings, SettingsError, load_settings
from deskgraph.signing_keys import PLACEHOLDER_KEYS
from schema.execution.limits import Limits
from tests.support.paths import ROOT

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


def test_limits_are_by_default_those_of_a_schema_made_without_settings() -> None:
    settings = load_settings()
    for limit in fields(Limits):
        assert getattr(settings, f"max_{limit.name}") == limit.default, limit.name


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
    ("text", "urls"),
    [
        ("", []),
        (
            "postgresql://a/desk, postgresql://u:a%2Cb@b/desk,",
            ["postgresql://a/desk", "postgresql://u:a%2Cb@b/desk"],
        ),
    ],
)
def test_urls_of_replicas_are_separated_by_commas(
    monkeypatch: pytest.MonkeyPatch, text: str, urls: list[str]
) -> None:
    monkeypatch.setenv("DESKGRAPH_REPLICA_URLS", text)
    assert load_settings().replica_urls == urls


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
    with pytest.raises(SettingsError, match=r"^DESKGRAPH_CORS_HEADERS must be names of headers"):
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


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("DESKGRAPH_DATABASE", "DESKGRAPH_DATABASE_URL"),
        ("deskgraph_cors_origin", "DESKGRAPH_CORS_ORIGINS"),
        ("DESKGRAPH_RATELIMIT", "DESKGRAPH_RATE_LIMIT"),
        ("DESKGRPH_SECRET_KEY", "DESKGRAPH_SECRET_KEY"),
        ("DESK_GRAPH_FILES_URL", "DESKGRAPH_FILES_URL"),
    ],
)
@pytest.mark.parametrize("where", ["environment", ".env"])
def test_a_misspelt_name_stops_the_start_and_names_the_nearest_one(
    monkeypatch: pytest.MonkeyPatch, name: str, nearest: str, where: str
) -> None:
    if where == ".env":
        Path(".env").write_text(f"# a comment\n{name}=hidden-value\n")
    else:
        monkeypatch.setenv(name, "hidden-value")

    with pytest.raises(SettingsError) as raised:
        load_settings()

    said = f"{name.upper()} is no setting: {nearest} is the nearest one."
    assert str(raised.value) == said


def test_names_of_others_and_of_the_tests_are_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    others = ("DATABASE_URL", "SECRET_KEY", "PUBLIC_URL", "DESKTOP_SESSION", "AWS_REGION")
    tests = ("TEST_POSTGRES", "REQUIRE_POSTGRES", "REQUIRE_CLIENTS", "PROOFS", "PROOFS_EXAMPLES")
    for name in (*others, *(PREFIX + test for test in tests)):
        monkeypatch.setenv(name, "1")
    Path(".env").write_text("AWS_ACCESS_KEY_ID=x\ndeskgraph_max_depth=3\n")

    assert load_settings().max_depth == 3


WRONG = {
    "CORS_ORIGINS": (
        "must be origins such as",
        [
            *("app.example", "https://a.example/path", "ftp://a.example", "https://", "null"),
            *("https://a.example,b", "https://a.example?", "*,https://a.example", "https://a b"),
            *("https://a.example:0", "https://a.example:", "https://a.example:99999"),
            "https://me@a.example",
        ],
    ),
    "PUBLIC_URL": (
        "must be an address such as",
        [
            *("desk.example", "//desk.example", "https:///x", "https://a?b", "https://a#"),
            *("https://me:pw@a.example", "https://a b", "https://[::1", "/desk", "https://a:x"),
        ],
    ),
    "RATE_LIMIT": (
        "must be off, or a number",
        ["0", "-1", "1.5", "on", "", "٣", "1e3", "9" * 5000],
    ),
    "ACCESS_TOKEN_MINUTES": ("Input should be", ["0", "", "x", "525601"]),
    "REFRESH_TOKEN_DAYS": ("Input should be", ["0", "", "3651"]),
    "MAX_UPLOAD_MB": ("Input should be", ["0", "", "1048577"]),
    "OPERATION_SECONDS": ("Input should be", ["0", "", "inf", "nan", "-inf", "86401"]),
    "MAX_DEPTH": ("Input should be", ["0", "", "21"]),
    "MAX_TOKENS": ("Input should be", ["0", "", "1000001"]),
    "ENVIRONMENT": ("Input should be", ["", "prod"]),
    "MEDIA_LINKS": ("Input should be", ["", "both"]),
    "GRAPHIQL": ("Input should be", ["perhaps"]),
}


@pytest.mark.parametrize(
    ("name", "said", "value"),
    [(name, said, value) for name, (said, values) in WRONG.items() for value in values],
)
def test_a_wrong_value_is_one_sentence_that_names_its_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, said: str, value: str
) -> None:
    monkeypatch.setenv(PREFIX + name, value)

    with pytest.raises(SettingsError) as raised:
        load_settings()

    text = str(raised.value)
    assert text.startswith(PREFIX + name)
    assert said in text
    assert text.count(PREFIX) == 1


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("CORS_ORIGINS", "HTTPS://App.Example:443/,http://b:80", ["https://app.example", "http://b"]),
        ("CORS_ORIGINS", "http://[::1]:3000, http://10.0.0.7:8080", [
            "http://[::1]:3000", "http://10.0.0.7:8080"]),
        ("CORS_ORIGINS", "https://bücher.example", ["https://xn--bcher-kva.example"]),
        ("CORS_ORIGINS", "*", ["*"]),
        ("PUBLIC_URL", "https://desk.example/", "https://desk.example"),
        ("PUBLIC_URL", "https://example.com/desk/", "https://example.com/desk"),
        ("PUBLIC_URL", "http://[::1]:8000", "http://[::1]:8000"),
        ("RATE_LIMIT", "off", "off"),
        ("RATE_LIMIT", " 1000000000 ", 10**9),
    ],
)  # fmt: skip
def test_addresses_and_limits_are_taken_as_they_are_meant(
    monkeypatch: pytest.MonkeyPatch, name: str, given: str, kept: object
) -> None:
    monkeypatch.setenv(PREFIX + name, given)
    assert getattr(load_settings(), name.lower()) == kept


def test_a_file_of_settings_that_cannot_be_read_is_told() -> None:
    Path(".env").write_bytes(b"DESKGRAPH_MAX_DEPTH=\xff\n")
    with pytest.raises(SettingsError, match=r"^The file \.env is not text in UTF-8\.$"):
        load_settings()


@pytest.mark.parametrize("content", ["", "short", "\xff" * 40])
def test_a_kept_key_that_is_none_is_refused(content: str) -> None:
    Path("var").mkdir()
    Path("var/secret.key").write_text(content, "latin-1")
    with pytest.raises(SettingsError, match="DESKGRAPH_SECRET_KEY is not set, and"):
        load_settings().signing_key()


def test_a_folder_that_takes_no_key_is_told() -> None:
    Path("var").write_text("")
    with pytest.raises(SettingsError, match=r"cannot be kept in var/secret\.key: "):
        load_settings().signing_key()


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


PRINTED = re.compile(r"SECRET_KEY[=:]\s*[\"']?([^\s\"'`$]{8,})")


def printed_keys() -> set[str]:
    """Return what the documentation has in the place of a key."""
    pages = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.*")]
    return {key for page in pages for key in PRINTED.findall(page.read_text("utf-8"))}


def test_production_refuses_every_key_that_the_documentation_prints() -> None:
    keys = printed_keys()
    assert len(keys) >= 2
    for key in keys:
        settings = Settings(secret_key=SecretStr(key), environment="production")
        with pytest.raises(SettingsError, match="DESKGRAPH_SECRET_KEY"):
            settings.signing_key()
        assert Settings(secret_key=SecretStr(key)).signing_key() == key
    settings = Settings(secret_key=SecretStr(LONG_KEY), environment="production")
    assert settings.signing_key() == LONG_KEY


OLD = {"SECRET_KEY": LONG_KEY, "SECRET_KEY_OLD": LONG_KEY[::-1] + "old"}


def set_keys(monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
    for name, value in (OLD | more).items():
        monkeypatch.setenv(PREFIX + name, value)


@pytest.mark.parametrize(
    ("until", "meant"),
    [
        ("2027-01-31T12:00:00Z", datetime(2027, 1, 31, 12, tzinfo=UTC)),
        ("2027-01-31T12:00+02:00", datetime(2027, 1, 31, 10, tzinfo=UTC)),
        # One that has passed does not keep a server from starting again.
        (" 2020-01-31 12:00:00.5Z ", datetime(2020, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_an_old_key_is_accepted_until_a_time(
    monkeypatch: pytest.MonkeyPatch, until: str, meant: datetime
) -> None:
    set_keys(monkeypatch, SECRET_KEY_OLD_UNTIL=until)
    settings = load_settings()
    assert settings.old_key() == (OLD["SECRET_KEY_OLD"], meant)
    assert OLD["SECRET_KEY_OLD"] not in repr(settings)


def test_an_old_key_may_be_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("old").write_text(OLD["SECRET_KEY_OLD"] + "\n")
    set_keys(monkeypatch, SECRET_KEY_OLD_FILE="old", SECRET_KEY_OLD_UNTIL="2027-01-31T12:00:00Z")
    monkeypatch.delenv(PREFIX + "SECRET_KEY_OLD")
    found = load_settings().old_key()
    assert found is not None
    assert found[0] == OLD["SECRET_KEY_OLD"]


def test_there_need_be_no_old_key(monkeypatch: pytest.MonkeyPatch) -> None:
    set_keys(monkeypatch, SECRET_KEY_OLD="", SECRET_KEY_OLD_UNTIL="")
    assert load_settings().old_key() is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "DESKGRAPH_SECRET_KEY_OLD and DESKGRAPH_SECRET_KEY_OLD_UNTIL have to be set together"),
        ({"SECRET_KEY_OLD": "", "SECRET_KEY_OLD_UNTIL": "2027-01-31T12:00:00Z"}, "set together"),
        *(
            ({"SECRET_KEY_OLD_UNTIL": text}, "SECRET_KEY_OLD_UNTIL must be a time with its offset")
            for text in ("2027-01-31", "2027-01-31T12:00:00", "tomorrow", "1800000000", "0", " ")
        ),
    ],
)
def test_an_old_key_needs_a_time(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], said: str
) -> None:
    set_keys(monkeypatch, **given)
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert said in str(raised.value)
    assert OLD["SECRET_KEY_OLD"] not in str(raised.value)


@pytest.mark.parametrize(
    ("old", "said"),
    [
        (LONG_KEY, "DESKGRAPH_SECRET_KEY_OLD is the same as DESKGRAPH_SECRET_KEY: it has to be"),
        ("a-brief-key", "DESKGRAPH_SECRET_KEY_OLD is too short: it needs 32 bytes or more."),
        (min(PLACEHOLDER_KEYS), "DESKGRAPH_SECRET_KEY_OLD is the placeholder of the documentation"),
    ],
)
def test_an_old_key_that_is_no_good_is_refused(
    monkeypatch: pytest.MonkeyPatch, old: str, said: str
) -> None:
    more = {"SECRET_KEY_OLD": old, "SECRET_KEY_OLD_UNTIL": "2027-01-31T12:00:00Z"}
    set_keys(monkeypatch, ENVIRONMENT="production", **more)
    settings = load_settings()
    for use in (settings.old_key, lambda: create_services(settings)):
        with pytest.raises(SettingsError) as raised:
            use()
        assert str(raised.value).startswith(said)
        assert old not in str(raised.value)
