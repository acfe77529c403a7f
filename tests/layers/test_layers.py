"""The rules of the code's shape: imports, sizes, and who reads the environment."""

import ast
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.processes.launcher import run

PRODUCT = ("models", "resolvers", "schema", "rest_compat", "deskgraph")
FILES = [path for layer in PRODUCT for path in sorted((ROOT / layer).rglob("*.py"))]
ALL_FILES = FILES + [
    path
    for folder in ("tests", "benchmarks")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if not {"node_modules", ".venv", "made"} & set(path.relative_to(ROOT).parts)
]
BROKEN = "tests/layers/broken/importlinter.toml"


def lint_imports(config: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    command = [str(program), "--no-cache", "--no-logo", config]
    return run(command, cwd=ROOT, env=os.environ | {"COLUMNS": "200"})


def test_imports_run_one_way_and_never_in_a_circle() -> None:
    done = lint_imports("pyproject.toml")
    assert done.returncode == 0, done.stdout


def test_broken_rules_of_imports_are_found() -> None:
    done = lint_imports(BROKEN)
    assert done.returncode == 1
    assert "tests.layers.broken.lower -> tests.layers.broken.upper (l.6, l.10)" in done.stdout
    # The circle begins with either of them.
    assert "tests.layers.broken.lower <- tests.layers.broken.upper" in done.stdout


def imported(tree: ast.Module) -> Iterator[str]:
    """Yield the names of all modules that a file imports, wherever in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_product_imports_no_tests_and_only_deskgraph_reads_the_environment(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    names = list(imported(tree))
    assert not {name.split(".")[0] for name in names} & {"tests", "benchmarks"}
    if path.relative_to(ROOT).parts[0] != "deskgraph":
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not {"environ", "environb", "getenv"} & used
        readers = ("os.environ", "os.getenv", "pydantic_settings", "dotenv")
        assert not [name for name in names if name.startswith(readers)]


def test_folders_files_and_functions_are_small() -> None:
    modules = Counter(path.parent for path in ALL_FILES if path.name != "__init__.py")
    # Migrations come with time, and stay.
    modules = Counter({path: modules[path] for path in modules if path.name != "versions"})
    large = [f"{path}: {count} modules" for path, count in modules.items() if count > 16]
    for path in FILES:
        # A migration stays as it was released.
        if "migrations" in path.parts:
            continue
        text = path.read_text("utf-8")
        if (lines := text.count("\n")) > 300:
            large.append(f"{path}: {lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                if (lines := node.end_lineno - node.lineno + 1) > 40:
                    large.append(f"{path}: {node.name}() has {lines} lines")
    assert large == []
