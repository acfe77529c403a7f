"""The house rules: imports run one way, and only the server reads the environment."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# What each part of the house may import, besides itself and packages.
ALLOWED = {
    "models": set[str](),
    "resolvers": {"models"},
    "schema": {"models", "resolvers"},
    "rest_compat": {"models", "resolvers"},
    "deskgraph": {"models", "resolvers", "schema", "rest_compat"},
}
FILES = [path for layer in ALLOWED for path in sorted((ROOT / layer).rglob("*.py"))]


def imported(tree: ast.Module) -> Iterator[str]:
    """Yield the names of all modules that a file imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_what_its_layer_may(path: Path) -> None:
    layer = path.relative_to(ROOT).parts[0]
    tree = ast.parse(path.read_text())
    names = set(imported(tree))
    parts = {name.split(".")[0] for name in names} & {*ALLOWED, "tests", "benchmarks"}
    assert parts <= ALLOWED[layer] | {layer}
    if layer != "deskgraph":
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not {"environ", "environb", "getenv"} & used
        readers = ("os.environ", "os.getenv", "pydantic_settings", "dotenv")
        assert not [name for name in names if name.startswith(readers)]
