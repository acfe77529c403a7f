"""The GraphiQL page at `/graphql`, with a login bar above it.

`make console` bundles GraphiQL into `ASSETS`. Where that has not been done, the page loads an older
GraphiQL from a CDN: it still ships single script files, whose hashes can be pinned (`cdn.json`).
The login bar comes from `STATIC` either way.
"""

import html
import json
from pathlib import Path
from string import Template
from typing import TypedDict

ASSETS = Path(__file__).parent / "dist"
"""What `make console` builds; served at `/graphql/assets` if it is there."""

STATIC = Path(__file__).parent / "static"
"""Scripts and styles that need no build; served at `/graphql/static`."""

_TEMPLATE = Template(Path(__file__).with_name("page.html").read_text("utf-8"))


class _Pinned(TypedDict):
    package: str
    version: str
    file: str
    integrity: str


class _Cdn(TypedDict):
    base: str
    files: list[_Pinned]


_CDN: _Cdn = json.loads(Path(__file__).with_name("cdn.json").read_text("utf-8"))


def built(assets: Path = ASSETS) -> bool:
    """Whether the page can be served without a CDN."""
    return (assets / "console.js").is_file() and (assets / "console.css").is_file()


def page(
    *, demo_logins: list[dict[str, str]], sample_company_id: str = "", assets: Path = ASSETS
) -> str:
    """Write the page as HTML.

    Each demo login has `username`, `password` and `label`; anyone can read them in the page.
    The sample company goes into the variables of the prepared `CreateTicket` mutation.
    """
    config = {"demoLogins": demo_logins, "sampleCompanyId": sample_company_id}
    head = _built_head() if built(assets) else _cdn_head()
    return _TEMPLATE.substitute(head=head, config=_json_for_html(config))


def content_security_policy(assets: Path = ASSETS) -> str:
    """Word the `Content-Security-Policy` header under which the page works, and little else."""
    scripts, styles = ("", "") if built(assets) else (_cdn_urls(".js"), _cdn_urls(".css"))
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self'{scripts}",
            # The editors and dialogs make <style> elements while they run.
            f"style-src 'self' 'unsafe-inline'{styles}",
            "img-src 'self' data:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        ]
    )


def _built_head() -> str:
    return (
        '<link rel="stylesheet" href="/graphql/assets/console.css">\n'
        '<script type="module" src="/graphql/assets/console.js"></script>'
    )


def _cdn_head() -> str:
    # Deferred scripts and modules run in the order in which they stand here.
    tags = [_cdn_tag(pinned) for pinned in _CDN["files"]]
    tags.append('<link rel="stylesheet" href="/graphql/static/bar.css">')
    tags.append('<script type="module" src="/graphql/static/cdn.js"></script>')
    return "\n".join(tags)


def _cdn_tag(pinned: _Pinned) -> str:
    url = html.escape(_cdn_url(pinned))
    checked = f'integrity="{html.escape(pinned["integrity"])}" crossorigin="anonymous"'
    if pinned["file"].endswith(".css"):
        return f'<link rel="stylesheet" href="{url}" {checked}>'
    return f'<script defer src="{url}" {checked}></script>'


def _cdn_url(pinned: _Pinned) -> str:
    return f"{_CDN['base']}/{pinned['package']}@{pinned['version']}/{pinned['file']}"


def _cdn_urls(suffix: str) -> str:
    urls = [_cdn_url(pinned) for pinned in _CDN["files"] if pinned["file"].endswith(suffix)]
    return "".join(f" {url}" for url in urls)


def _json_for_html(value: object) -> str:
    """JSON for a `<script>` element, which ends at the first `</script` whatever surrounds it."""
    text = json.dumps(value)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
