"""The page at `/graphql`: GraphiQL where it was built, else a plain editor that needs no build.

`make console` bundles GraphiQL into `ASSETS`. Everything else comes from `deskgraph.pages.STATIC`.
"""

import json
import re
from pathlib import Path
from string import Template

from deskgraph.pages import STATIC, PageConfig, version_of

ASSETS = Path(__file__).parent / "dist"
"""What `make console` builds; served at `/graphql/assets` if it is there."""

HASHED = re.compile(r"-[0-9A-Z]{8}\.")
"""Names in it with the hash of their content, as esbuild writes them."""

_FOLDER = Path(__file__).parent
_PAGE = Template((_FOLDER / "page.html").read_text("utf-8"))
_PLAIN = (_FOLDER / "plain.html").read_text("utf-8")
_LOADING = '<main id="graphiql"><p class="page-note">Loading GraphiQL …</p></main>'


def built(assets: Path = ASSETS) -> bool:
    """Whether GraphiQL can be served."""
    return _entries(assets) is not None


def page(config: PageConfig, *, assets: Path = ASSETS) -> str:
    """Write the page as HTML."""
    entries = _entries(assets)
    static = f"static/{version_of(STATIC)}"
    if entries is None:
        styles = [f"{static}/bar.css", f"{static}/plain.css"]
        script, main = f"{static}/plain.js", _PLAIN
    else:
        styles = [f"assets/{entries['console.css']}"]
        script, main = f"assets/{entries['console.js']}", _LOADING
    head = [f'<link rel="stylesheet" href="graphql/{name}">' for name in styles]
    head.append(f'<script type="module" src="graphql/{script}"></script>')
    return _PAGE.substitute(
        static=static,
        head="\n".join(head),
        bar=config.bar("GraphiQL", ""),
        main=main,
        config=config.json(),
    )


def _entries(assets: Path) -> dict[str, str] | None:
    """Return the names of the script and the style, with their hashes; None if there are none."""
    try:
        manifest: dict[str, str] = json.loads((assets / "manifest.json").read_text("utf-8"))
    except FileNotFoundError:
        return None
    found = {name: manifest[name] for name in ("console.js", "console.css")}
    return found if all((assets / name).is_file() for name in found.values()) else None
