"""Tests ask for what is public: a name that begins with ``_`` may change without them."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.layers.test_layers import ALL_FILES
from tests.support.paths import ROOT

# Public in spite of their names: the first ends a process, the others are of named tuples.
PUBLIC = frozenset({"_exit", "_replace", "_asdict", "_fields"})
OWN = frozenset({"self", "cls"})
PATCHING = frozenset({"setattr", "delattr", "getattr", "patch", "object"})
DOTTED = re.compile(r"[a-z]\w*(\.\w+)*\._[a-z]\w*", re.ASCII)


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__") and name not in PUBLIC


def private_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield where private names of others are used: asked for, imported, or patched by a string."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            if not (isinstance(node.value, ast.Name) and node.value.id in OWN):
                yield node.lineno, node.attr
        elif isinstance(node, ast.ImportFrom):
            names = [*(node.module or "").split("."), *(alias.name for alias in node.names)]
            yield from ((node.lineno, name) for name in names if is_private(name))
        elif isinstance(node, ast.Call):
            yield from ((node.lineno, name) for name in _patched(node))


def _patched(call: ast.Call) -> Iterator[str]:
    """Yield the private names in the strings of a call that patches, or that asks by a string."""
    called = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    called = call.func.id if isinstance(call.func, ast.Name) else called
    if called not in PATCHING:
        return
    for given in call.args:
        name = given.value if isinstance(given, ast.Constant) else None
        if isinstance(name, str) and (is_private(name) or DOTTED.fullmatch(name)):
            yield name


def test_no_test_uses_a_private_name() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in ALL_FILES
        if path.is_relative_to(ROOT / "tests")
        for line, name in private_names(ast.parse(path.read_text("utf-8")))
    ]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "reader._pool",
        "create_schema()._schema.type_map",
        "from deskgraph.app import _main",
        "from _pytest import fixtures",
        "monkeypatch.setattr(module, '_read', None)",
        "monkeypatch.setattr('resolvers.events.broker._read', None)",
        "getattr(self, '_connection')",
        "patch.object(module, '_read')",
    ],
)
def test_each_use_of_a_private_name_is_found(source: str) -> None:
    assert len(list(private_names(ast.parse(source)))) == 1


@pytest.mark.parametrize(
    "source", ["os._exit(0)", "self._pool", "row._replace(a=1)", "x.__dict__", "f('_name')"]
)
def test_what_is_public_or_its_own_is_not(source: str) -> None:
    assert list(private_names(ast.parse(source))) == []
