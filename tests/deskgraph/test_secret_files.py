"""Settings by files: ``DESKGRAPH_SECRET_KEY_FILE`` and its like."""

from pathlib import Path

import pytest

from deskgraph.settings import IN_FILES, PREFIX, SettingsError, load_settings

KEY = "k" * 48
pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_key_is_read_from_a_file(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    Path("key").write_bytes(f"{KEY}{end}".encode())
    monkeypatch.setenv("DESKGRAPH_SECRET_KEY_FILE", "key")

    assert load_settings().signing_key() == KEY


def test_a_url_is_read_from_a_file_that_the_file_of_settings_names() -> None:
    Path("url").write_text("postgresql://user:hidden@host/name\n")
    Path(".env").write_text("DESKGRAPH_DATABASE_URL_FILE=url\n")

    assert load_settings().database_url == "postgresql://user:hidden@host/name"


def test_an_empty_path_is_no_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKGRAPH_SECRET_KEY_FILE", "")
    monkeypatch.setenv("DESKGRAPH_SECRET_KEY", KEY)

    assert load_settings().signing_key() == KEY


@pytest.mark.parametrize("name", IN_FILES)
def test_a_value_and_a_file_are_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    Path("value").write_text(KEY)
    monkeypatch.setenv(f"{PREFIX}{name.upper()}", KEY)
    monkeypatch.setenv(f"{PREFIX}{name.upper()}_FILE", "value")

    with pytest.raises(SettingsError, match=r"are both set: give one of them\.$"):
        load_settings()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff" * 40, "is not text in UTF-8"),
        (b"x" * 100_000, "is too large to be a setting"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_a_file_without_a_value_is_said_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, content: bytes | None, said: str
) -> None:
    if content is not None:
        Path("key").write_bytes(content)
    monkeypatch.setenv("DESKGRAPH_SECRET_KEY_FILE", "key")

    with pytest.raises(SettingsError) as raised:
        load_settings()

    assert str(raised.value) == f"DESKGRAPH_SECRET_KEY_FILE: the file key {said}."


def test_other_settings_have_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESKGRAPH_MAX_DEPTH_FILE", "depth")

    with pytest.raises(SettingsError, match="DESKGRAPH_MAX_DEPTH_FILE is no setting"):
        load_settings()
