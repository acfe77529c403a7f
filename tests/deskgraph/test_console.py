"""The pages for browsers: what they load, that data in them stays data, and how files are sent."""

import gzip
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from deskgraph import console
from deskgraph.demo.logins import PASSWORD
from deskgraph.pages import (
    STATIC,
    Files,
    PageConfig,
    content_security_policy,
    json_for_html,
    version_of,
)
from tests.support.settings import settings_for

Tag = tuple[str, dict[str, str | None]]


class Tags(HTMLParser):
    """Collects the tags that load something, and the text of the configuration."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loading: list[Tag] = []
        self.inline: list[Tag] = []
        self.ids: set[str | None] = set()
        self.links: list[str | None] = []
        self.texts: list[str] = []
        self._in_script = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.ids.add(found.get("id"))
        self._in_script = tag == "script"
        if tag == "link" or "src" in found:
            self.loading.append((tag, found))
        elif tag in ("script", "style"):
            self.inline.append((tag, found))
        elif tag == "a":
            self.links.append(found.get("href"))

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            self.texts.append(data)

    @property
    def urls(self) -> list[str]:
        return [found.get("src") or found.get("href") or "" for _, found in self.loading]

    @property
    def config(self) -> object:
        return json.loads("".join(self.texts))


def config_for(tmp_path: Path, **settings: Any) -> PageConfig:
    return PageConfig(settings_for("sqlite:///none.db", tmp_path, **settings))


@pytest.fixture
def not_built(tmp_path: Path) -> Path:
    return tmp_path / "dist"


@pytest.fixture
def built(not_built: Path) -> Path:
    not_built.mkdir()
    names = {"console.js": "console-AB12.js", "console.css": "console-CD34.css"}
    for name in names.values():
        (not_built / name).touch()
    (not_built / "manifest.json").write_text(json.dumps(names))
    return not_built


@pytest.mark.parametrize("missing", ["console-AB12.js", "console-CD34.css", "manifest.json"])
def test_built_only_with_all_that_the_page_loads(built: Path, missing: str) -> None:
    assert console.built(built)
    (built / missing).unlink()
    assert not console.built(built)


@pytest.mark.parametrize("assets", ["built", "not_built"])
def test_the_page_loads_nothing_from_elsewhere_and_runs_no_inline_script(
    assets: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    page = console.page(config_for(tmp_path), assets=request.getfixturevalue(assets))
    tags = Tags(page)
    static = f"static/{version_of(STATIC)}"
    assert "//" not in page.replace("<!doctype html>", "")
    if assets == "built":
        names = ["assets/console-CD34.css", "assets/console-AB12.js"]
    else:
        names = [f"{static}/bar.css", f"{static}/plain.css", f"{static}/plain.js"]
    assert tags.urls == [f"graphql/{name}" for name in (f"{static}/icon.svg", *names)]
    local = [url.removeprefix(f"graphql/{static}/") for url in tags.urls if "/static/" in url]
    assert all((STATIC / name).is_file() for name in local)
    assert tags.inline == [("script", {"type": "application/json", "id": "page-config"})]
    assert not re.search(r"\son\w+=|\sstyle=", page)


def test_the_plain_page_says_how_to_get_graphiql(not_built: Path, tmp_path: Path) -> None:
    assert "make console" in console.page(config_for(tmp_path), assets=not_built)


def test_scripts_import_only_files_beside_them() -> None:
    for script in STATIC.glob("*.js"):
        for name in re.findall(r'from "(.+)"', script.read_text("utf-8")):
            assert (STATIC / name).is_file()


def test_scripts_look_for_elements_that_are_there(not_built: Path, tmp_path: Path) -> None:
    ids = Tags(console.page(config_for(tmp_path), assets=not_built)).ids
    for name in ("bar.js", "plain.js"):
        wanted = re.findall(r'element\("([\w-]+)"\)', (STATIC / name).read_text("utf-8"))
        assert wanted
        assert set(wanted) <= ids


@pytest.mark.parametrize(
    ("settings", "links", "lasting"),
    [
        ({}, ["graphql", "api/v1/docs", "examples/inbox"], True),
        ({"graphiql": False}, ["api/v1/docs", "examples/inbox"], True),
        ({"environment": "production"}, ["api/v1/docs"], False),
        ({"environment": "production", "graphiql": True}, ["graphql", "api/v1/docs"], False),
    ],
)
def test_pages_lead_to_what_there_is_and_keep_logins_only_in_development(
    settings: dict[str, Any], links: list[str], lasting: bool, tmp_path: Path
) -> None:
    config = config_for(tmp_path, **settings)
    bar = Tags(config.bar("REST API", "../../"))
    assert bar.links == [f"../../{link}" for link in links]
    assert config.bar("REST API", "").count("aria-current=page>REST API<") == 1
    assert json.loads(config.json())["lastingLogin"] is lasting
    assert PASSWORD not in config.json()


@pytest.mark.parametrize(
    "text",
    [
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "]]>&lt;&#39;\"'`",
        "$head ${config} $$",
        "\u2028\u2029\x00é\\",
    ],
)
def test_hostile_texts_stay_data(text: str) -> None:
    element = f'<script type="application/json">{json_for_html({"label": text})}</script>'
    # Browsers end the element at "</script/" as well, and Python's parser does not.
    assert element.count("<") == 2
    tags = Tags(element)
    assert tags.config == {"label": text}
    assert len(tags.inline) == 1


def test_the_policy_names_no_host_and_no_inline_script() -> None:
    policy = content_security_policy()
    assert "://" not in policy
    assert "script-src 'self';" in policy
    assert "default-src 'none'" in policy
    assert "'unsafe-eval'" not in policy
    for kind, allowed in (
        ("frame-ancestors", "none"),
        ("base-uri", "none"),
        ("form-action", "self"),
    ):
        assert f"{kind} '{allowed}'" in policy.split("; ")


CONTENT = b"a" * 5000


@pytest.fixture
def files(tmp_path: Path) -> httpx.AsyncClient:
    """Give a client of a folder with a script in three forms, and one in a single form."""
    (tmp_path / "page.js").write_bytes(CONTENT)
    (tmp_path / "page.js.gz").write_bytes(gzip.compress(CONTENT))
    # A client of tests need not know how it is packed.
    (tmp_path / "page.js.br").write_bytes(b"brotli")
    (tmp_path / "alone.css").write_bytes(CONTENT)
    app = Starlette(routes=[Mount("/files", Files(tmp_path, hashed=re.compile("")))])
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://desk.test/files")


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("GZIP;q=0.5", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("br; q=0.0, *", "gzip"),
        ("*", "br"),
        ("identity", None),
        ("gzip;q=0", None),
        ("", None),
        ("brx, ;q=1,,", None),
    ],
)
async def test_files_come_in_the_smallest_form_that_a_client_takes(
    files: httpx.AsyncClient, accepted: str, coding: str | None
) -> None:
    async with files, files.stream(
        "GET", "/page.js", headers={"Accept-Encoding": accepted}
    ) as answer:  # fmt: skip
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers.get("content-encoding") == coding
    stored = {"br": b"brotli", "gzip": gzip.compress(CONTENT), None: CONTENT}[coding]
    assert len(raw) == len(stored) == int(answer.headers["content-length"])
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"


@pytest.mark.anyio
async def test_a_file_is_not_sent_again_in_the_form_that_a_client_has(
    files: httpx.AsyncClient,
) -> None:
    packed, plain = {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "identity"}
    async with files:
        tag = (await files.get("/page.js", headers=packed)).headers["etag"]
        same = await files.get("/page.js", headers={**packed, "If-None-Match": tag})
        other = await files.get("/page.js", headers={**plain, "If-None-Match": tag})
        alone = await files.get("/alone.css", headers=packed)
        missing = await files.get("/nowhere.js", headers=packed)
        outside = await files.get("/%2e%2e/%2e%2e/etc/passwd")
    assert (same.status_code, same.content) == (304, b"")
    assert same.headers["vary"] == "Accept-Encoding"
    assert (other.status_code, other.content) == (200, CONTENT)
    assert (alone.content, "content-encoding" in alone.headers) == (CONTENT, False)
    assert (missing.status_code, outside.status_code) == (404, 404)
    assert "cache-control" not in missing.headers
