"""The page around GraphiQL: what it loads, and that data in it stays data."""

import json
import re
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path

import pytest

from server import console

Tag = tuple[str, dict[str, str | None]]


class Tags(HTMLParser):
    """Collects the tags that load something, and the text of the configuration."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loading: list[Tag] = []
        self.inline: list[Tag] = []
        self.ids: set[str | None] = set()
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


@pytest.fixture
def not_built(tmp_path: Path) -> Path:
    return tmp_path / "dist"


@pytest.fixture
def built(not_built: Path) -> Path:
    not_built.mkdir()
    for name in ("console.js", "console.css"):
        (not_built / name).touch()
    return not_built


def test_built_only_with_script_and_style(built: Path) -> None:
    assert console.built(built)
    (built / "console.css").unlink()
    assert not console.built(built)


def test_a_built_page_loads_nothing_from_elsewhere(built: Path) -> None:
    page = console.page(demo_logins=[], assets=built)
    assert "://" not in page
    assert Tags(page).urls == [
        "/graphql/static/icon.svg",
        "/graphql/assets/console.css",
        "/graphql/assets/console.js",
    ]


def test_the_local_files_of_an_unbuilt_page_are_in_the_repository(not_built: Path) -> None:
    urls = Tags(console.page(demo_logins=[], assets=not_built)).urls
    local = [url.removeprefix("/graphql/static/") for url in urls if url.startswith("/")]
    assert local == ["icon.svg", "bar.css", "cdn.js"]
    assert all((console.STATIC / name).is_file() for name in local)


def test_scripts_import_only_files_beside_them() -> None:
    for script in console.STATIC.glob("*.js"):
        for name in re.findall(r'from "(.+)"', script.read_text("utf-8")):
            assert (console.STATIC / name).is_file()


def test_all_that_comes_from_the_cdn_is_pinned_and_checked(not_built: Path) -> None:
    tags = Tags(console.page(demo_logins=[], assets=not_built))
    foreign = [
        found
        for (_, found), url in zip(tags.loading, tags.urls, strict=True)
        if not url.startswith("/")
    ]
    assert len(foreign) == 6
    for found in foreign:
        url = found.get("src") or found.get("href") or ""
        assert re.fullmatch(
            r"https://cdn\.jsdelivr\.net/npm/[@a-z/-]+@\d+\.\d+\.\d+/[\w./-]+\.(js|css)", url
        )
        algorithm, _, digest = (found["integrity"] or "").partition("-")
        assert (algorithm, len(b64decode(digest, validate=True))) == ("sha384", 48)
        assert found["crossorigin"] == "anonymous"


@pytest.mark.parametrize("assets", ["built", "not_built"])
def test_scripts_in_the_page_carry_only_data(assets: str, request: pytest.FixtureRequest) -> None:
    page = console.page(demo_logins=[], assets=request.getfixturevalue(assets))
    assert Tags(page).inline == [("script", {"type": "application/json", "id": "console-config"})]
    assert not re.search(r"\son\w+=|\sstyle=", page)


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
def test_hostile_texts_stay_data(text: str, built: Path) -> None:
    login = {"username": text, "password": text, "label": text}
    tags = Tags(console.page(demo_logins=[login], sample_company_id=text, assets=built))
    assert tags.config == {"demoLogins": [login], "sampleCompanyId": text}
    assert len(tags.loading) == 3


def test_the_login_bar_has_the_elements_its_script_looks_for(built: Path) -> None:
    script = (console.STATIC / "bar.js").read_text("utf-8")
    wanted = set(re.findall(r'element\("([\w-]+)"\)', script)) | {"graphiql", "console-config"}
    assert wanted <= Tags(console.page(demo_logins=[], assets=built)).ids


def test_the_policy_of_a_built_page_names_no_host(built: Path) -> None:
    policy = console.content_security_policy(built)
    assert "://" not in policy
    assert "script-src 'self';" in policy


def test_the_policy_of_an_unbuilt_page_names_its_files_only(not_built: Path) -> None:
    policy = console.content_security_policy(not_built)
    urls = Tags(console.page(demo_logins=[], assets=not_built)).urls
    assert sorted(re.findall(r"https://\S+?(?=[; ])", policy)) == sorted(
        url for url in urls if not url.startswith("/")
    )
    assert "'unsafe-eval'" not in policy
