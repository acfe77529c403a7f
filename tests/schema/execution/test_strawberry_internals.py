"""What is used of Strawberry and graphql-core besides their public API is there, in one module."""

import ast
import re
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import strawberry
from graphql import (
    GraphQLSchema,
    OverlappingFieldsCanBeMergedRule,
    ValidationContext,
    graphql_sync,
    parse,
)
from graphql.utilities import TypeInfo

from schema import create_schema
from schema.execution import strawberry_internals
from schema.types.projected import Root, projected, set_roots
from tests.support.paths import ROOT

# Documented by Strawberry.
PUBLIC = {
    "strawberry",
    "strawberry.asgi",
    "strawberry.directive",
    "strawberry.exceptions",
    "strawberry.file_uploads",
    "strawberry.schema.config",
    "strawberry.subscriptions",
    "strawberry.types",
}
OVERRIDDEN: dict[str, tuple[type[Any], tuple[str, ...]]] = {
    "socket handler": (
        strawberry_internals.SocketHandler.__bases__[0],
        (
            *("_get_pre_execution_close_reason", "_send_result_stream", "cleanup_operation"),
            "handle_message",
            *("handle_subscribe", "handle_task_exception", "run_operation", "send_message"),
        ),
    ),
    "executor": (
        strawberry_internals.StrawberryGraphQLCoreExecutionContext,
        ("build", "build_resolve_info", "complete_value", "execute_field", "execute_operation"),
    ),
    "socket": (strawberry_internals.ASGIWebSocketAdapter, ("close", "send_json")),
    "operation": (
        strawberry_internals.Operation,
        ("send_initial_errors", "send_operation_message"),
    ),
}


def imported(path: Path) -> set[str]:
    """Return the modules that a file imports names from."""
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    return {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}


@pytest.mark.parametrize("layer", ["models", "resolvers", "schema", "rest_compat", "deskgraph"])
def test_only_one_module_uses_what_is_not_public(layer: str) -> None:
    for path in (ROOT / layer).rglob("*.py"):
        if path == ROOT / "schema" / "execution" / "strawberry_internals.py":
            continue
        used = {name for name in imported(path) if name.partition(".")[0] == "strawberry"}
        assert used <= PUBLIC, path
        text = path.read_text("utf-8")
        assert not re.search(r"\._raw_info\b|(?<!self)\._schema\b|\boverlaps\.", text), path


@pytest.mark.parametrize("part", OVERRIDDEN)
def test_what_is_overridden_or_called_is_still_there(part: str) -> None:
    kind, names = OVERRIDDEN[part]
    gone = [name for name in names if not hasattr(kind, name)]
    assert not gone, f"{kind.__module__}.{kind.__name__} has no {gone} any more"


def test_what_is_behind_strawberry_is_graphql_core() -> None:
    seen = []

    @strawberry.type
    class Query:
        @strawberry.field
        def one(self, info: strawberry.Info) -> int:
            seen.append(strawberry_internals.core_info(info).field_name)
            return 1

    schema = strawberry.Schema(Query)
    assert isinstance(strawberry_internals.core_schema(schema), GraphQLSchema)
    assert schema.execute_sync("{ one }").data == {"one": 1}
    assert seen == ["one"]


@pytest.mark.anyio
async def test_a_schema_that_shares_types_answers_alike_and_has_extensions_of_its_own() -> None:
    @strawberry.type
    class Query:
        @strawberry.field
        def own(self, info: strawberry.Info) -> bool:
            return info.schema is other

    schema = strawberry.Schema(Query)
    other = strawberry.Schema.__new__(strawberry.Schema)
    core = strawberry_internals.share_types(schema, other)
    core.extensions["key"] = "value"
    assert "key" not in strawberry_internals.core_schema(schema).extensions
    assert other.as_str() == schema.as_str()
    assert (await other.execute("{ own }")).data == {"own": True}
    assert (await schema.execute("{ own }")).data == {"own": False}


def test_the_work_of_comparing_fields_is_bounded_without_changing_graphql_core() -> None:
    schema = strawberry_internals.core_schema(create_schema())
    context = ValidationContext(schema, parse("{ a }"), TypeInfo(schema), lambda _: None)
    ours = strawberry_internals.BoundedOverlappingFields(context)
    theirs = OverlappingFieldsCanBeMergedRule(context)
    assert ours.rule_context.remaining_complexity_budget == strawberry_internals.MAX_COMPARISONS
    assert (
        theirs.rule_context.remaining_complexity_budget > 10 * strawberry_internals.MAX_COMPARISONS
    )


def test_versions_are_pinned_to_a_minor_one() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    for name in ("graphql-core", "strawberry-graphql"):
        (line,) = (line for line in wanted if line.startswith(name))
        major, minor, _ = version(name).split(".")
        assert re.fullmatch(rf"{name}~={major}\.{minor}\.\d+", line), line


@strawberry.type
class Shown:
    id: int

    @projected("Never asked for.", Root(lambda *_: None))
    def inside(self) -> int:
        raise NotImplementedError


@strawberry.type
class WithRoot:
    @projected("The field of a root.", Root(lambda *_, first=7: first))
    def answered(self, first: int = 7) -> int:
        raise NotImplementedError


@strawberry.type
class WithoutRoot(WithRoot):
    @projected("The field that was forgotten.")
    def forgotten(self) -> int:
        raise NotImplementedError


@strawberry.type
class WithRootBelow(WithRoot):
    shown: Shown


def test_a_projected_field_of_a_root_needs_a_resolver() -> None:
    schema = strawberry_internals.core_schema(strawberry.Schema(WithRoot))
    set_roots(schema)
    assert graphql_sync(schema, "{ answered(first: 8) }").data == {"answered": 8}
    for query, named in ((WithoutRoot, "WithoutRoot.forgotten"), (WithRootBelow, "Shown.inside")):
        with pytest.raises(TypeError, match=named):
            set_roots(strawberry_internals.core_schema(strawberry.Schema(query)))
