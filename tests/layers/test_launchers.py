"""Processes and servers are started by ``tests/support``, which ends them with the test."""

import ast
from collections.abc import Iterator

import pytest

from tests.layers.test_layers import ALL_FILES
from tests.support.paths import ROOT

STARTING = frozenset(
    {
        "subprocess.Popen",
        "subprocess.run",
        "subprocess.call",
        "subprocess.check_call",
        "subprocess.check_output",
        "asyncio.create_subprocess_exec",
        "asyncio.create_subprocess_shell",
        "os.fork",
        "os.posix_spawn",
        "os.system",
        "uvicorn.Server",
        "uvicorn.run",
    }
)


def starts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield where a file uses what starts a process or a server."""
    for node in ast.walk(tree):
        # Called, or the base of a class: elsewhere they are the names of types.
        if isinstance(node, ast.Call):
            used = [ast.unparse(node.func)]
        elif isinstance(node, ast.ClassDef):
            used = [ast.unparse(base) for base in node.bases]
        elif isinstance(node, ast.Import):
            used = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            used = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in used:
            if name in STARTING or name.startswith("multiprocessing"):
                yield node.lineno, name


def test_only_support_starts_processes_and_servers() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in ALL_FILES
        if path.is_relative_to(ROOT / "tests") and not path.is_relative_to(ROOT / "tests/support")
        for line, name in starts(ast.parse(path.read_text("utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "subprocess.Popen(['ls'])",
        "from subprocess import run",
        "from uvicorn import Server",
        "import multiprocessing",
        "os.fork()",
        "class Mine(uvicorn.Server): ...",
    ],
)
def test_each_way_to_start_one_is_found(source: str) -> None:
    assert len(list(starts(ast.parse(source)))) == 1


def test_the_name_of_a_type_is_none() -> None:
    source = "def stop(process: subprocess.Popen[str], server: uvicorn.Server) -> None: ..."
    assert list(starts(ast.parse(source))) == []
