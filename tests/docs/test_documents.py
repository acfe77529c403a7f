"""What the documents say about settings, commands, targets and files is so."""

import re
from pathlib import Path
from typing import Any, cast

import pytest
import typer
from starlette.routing import Route

from deskgraph.cli import app
from deskgraph.database.urls import parse_replica_urls, parse_url
from deskgraph.settings import IN_FILES, PREFIX, Settings, SettingsError, load_settings
from deskgraph.storage.store_urls import SCHEMES, open_place
from resolvers.errors import Changes
from resolvers.services import Services
from rest_compat.http.endpoint import Endpoint
from rest_compat.routes import API, rest_routes
from schema.errors.codes import Code
from schema.types.enums import ErrorCode
from tests.docs.markdown import DOCUMENTS, anchors, blocks, links, prose, table
from tests.support.paths import ROOT

README = (ROOT / "README.md").read_text("utf-8")
TARGETS = frozenset(re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text("utf-8"), re.M))
EACH = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def test_the_table_of_settings_has_each_with_its_default() -> None:
    shown = {row[0].strip("`"): row[1] for row in table(README, f"`{PREFIX}DATABASE_URL`")}
    names = {name: f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    defaults = {
        name: field.get_default(call_default_factory=True, validated_data={})
        for name, field in Settings.model_fields.items()
    }

    assert list(shown) == list(names.values())
    for name, default in defaults.items():
        words = {None: "not set", "[]": "none"}
        said = words.get(default if default is None else str(default), f"`{default}`")
        assert shown[names[name]] == said


def test_the_messages_of_what_is_not_available_are_shown() -> None:
    text = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    shown = {row[0] for row in table(text, Changes.NONE.value)}
    assert shown == {changes.value for changes in Changes}


@EACH
def test_each_setting_that_is_named_exists(document: Path) -> None:
    named = set(re.findall(rf"\b{PREFIX}(\w+)", document.read_text("utf-8")))
    of_tests = {"TEST_POSTGRES", "REQUIRE_POSTGRES", "REQUIRE_CLIENTS"}
    of_tests |= {"PROOFS", "PROOFS_EXAMPLES"}
    settings = {*Settings.model_fields, *(f"{name}_file" for name in IN_FILES)}
    assert named - of_tests <= {name.upper() for name in settings}


def test_the_settings_of_production_are_acceptable(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    lines = next(block.text for block in blocks(text) if block.text.startswith(PREFIX))
    for line in lines.splitlines():
        monkeypatch.setenv(*line.split("=", 1))

    assert Settings().production
    with pytest.raises(SettingsError, match="placeholder"):
        Settings().signing_key()
    monkeypatch.setenv(f"{PREFIX}SECRET_KEY", "k" * 48)
    assert Settings().signing_key()


def test_the_settings_for_pgbouncer_are_acceptable(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    (shown,) = (block.text for block in blocks(text) if f"{PREFIX}PGBOUNCER" in block.text)
    for line in shown.splitlines():
        monkeypatch.setenv(*line.split("=", 1))
    settings = load_settings()
    assert settings.pgbouncer == "on"
    assert settings.direct_url == settings.listen_url != settings.database_url


def test_the_settings_for_another_key_are_acceptable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    (shown,) = (block.text for block in blocks(text) if f"{PREFIX}SECRET_KEY_OLD" in block.text)
    for line in shown.splitlines():
        name, value = line.split("=", 1)
        if name.endswith("_FILE"):
            path = tmp_path / Path(value).name
            path.write_text(path.name * 32)
            value = str(path)
        monkeypatch.setenv(name, value)
    found = load_settings().old_key()
    assert found is not None
    assert found[0] == "old_key" * 32


def test_the_settings_for_replicas_are_acceptable(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    (shown,) = (block.text for block in blocks(text) if f"{PREFIX}REPLICA_URLS" in block.text)
    for line in shown.splitlines():
        monkeypatch.setenv(*line.split("=", 1))
    settings = load_settings()
    assert len(parse_replica_urls(settings.replica_urls, parse_url(settings.database_url))) == 2


def test_the_buckets_that_are_shown_can_be_used() -> None:
    text = (ROOT / "docs" / "files.md").read_text("utf-8")
    shown = re.findall(rf"^{PREFIX}FILES_URL=(s3://.*)$", text, re.M)
    assert shown
    assert all(open_place(url).redirect for url in shown)
    parameters = {name for row in table(text, "`endpoint`") for name in row[0].split(", ")}
    assert parameters == {f"`{name}`" for name in SCHEMES["s3"]}


def test_the_tables_of_codes_have_each() -> None:
    text = (ROOT / "docs" / "graphql.md").read_text("utf-8")
    answers = [row[0].strip("`") for row in table(text, "`BAD_USER_INPUT`")]
    payloads = [row[0].strip("`") for row in table(text, "`INVALID`")]
    assert sorted(answers) == sorted(Code)
    assert sorted(payloads) == sorted(code.name for code in ErrorCode)
    # No answer has a code that is written anywhere else.
    written = {
        (path.name, code)
        for path in (ROOT / "schema").rglob("*.py")
        for code in re.findall(r"\"code\": (\"\w+\")", path.read_text("utf-8"))
    }
    assert written == set()


def test_the_table_of_commands_has_each_with_its_options() -> None:
    shown = {row[0].strip("`"): row[1] for row in table(README, "`deskgraph serve`")}
    commands = _commands("deskgraph", typer.main.get_command(app))

    assert set(shown) == set(commands)
    for name, command in commands.items():
        options = {option for p in command.params for option in p.opts if option.startswith("--")}
        assert options - {"--help"} == set(re.findall(r"`(--[a-z-]+)`", shown[name]))


def _commands(name: str, command: Any) -> dict[str, Any]:
    """Return what can be run, by its whole name; groups only hold further commands."""
    if not hasattr(command, "commands"):
        return {name: command}
    below = [_commands(f"{name} {part}", each) for part, each in command.commands.items()]
    return {whole: each for some in below for whole, each in some.items()}


@EACH
def test_each_target_that_is_named_exists(document: Path) -> None:
    text = document.read_text("utf-8")
    code = [block.text for block in blocks(text) if block.language == "bash"]
    code += re.findall(r"`([^`\n]+)`", prose(text))
    named = {name for part in code for name in re.findall(r"(?:^|\s)make ([a-z-]+)", part)}
    assert named <= TARGETS


def test_contributing_tells_of_each_target() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    shown = {row[0] for row in table(text, "`make serve`")}
    assert shown == {f"`make {target}`" for target in TARGETS - {"help", "install"}}


def test_the_table_of_rest_paths_has_each_with_its_methods() -> None:
    rows = table((ROOT / "docs" / "rest.md").read_text("utf-8"), "`tickets/`")
    shown = {path.strip("` "): row[1] for row in rows for path in row[0].split(",")}

    # A method is worth a mention where OPTIONS and HEAD go without saying.
    served = {
        route.path.removeprefix(API): ", ".join(
            method for method in route.app.methods if method not in ("HEAD", "OPTIONS")
        )
        for route in rest_routes(cast(Services, None))
        if isinstance(route, Route) and isinstance(route.app, Endpoint)
    }
    assert shown == {path: allow for path, allow in served.items() if path and path[0] != "/"}


@EACH
def test_links_lead_somewhere(document: Path) -> None:
    for link in links(document.read_text("utf-8")):
        if link.startswith(("http://", "https://")):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target.read_text("utf-8")), link


@EACH
def test_files_that_are_named_exist(document: Path) -> None:
    named = re.findall(
        r"`((?:models|resolvers|schema|rest_compat|server|tests)/[\w/.]*)`",
        document.read_text("utf-8"),
    )
    missing = [name for name in named if not (ROOT / name).exists()]
    assert missing == []


def test_folders_of_the_house_exist() -> None:
    (house,) = [block.text for block in blocks(README) if block.text.startswith("models/")]
    folders = [line.split()[0] for line in house.splitlines()]
    assert all((ROOT / folder).is_dir() for folder in folders)


def test_the_benchmark_is_shown_as_it_was_measured() -> None:
    measured = (ROOT / "docs" / "read-benchmark.txt").read_text("utf-8").strip()
    shown = README.split("<!-- read-benchmark -->")[1].split("<!-- /read-benchmark -->")[0]
    assert shown.strip().removeprefix("```text").removesuffix("```").strip() == measured
