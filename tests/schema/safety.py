"""Whether clients of the last release can go on with the schema of today.

``python -m tests.schema.safety`` says what is wrong; with ``--release`` it makes the schema of
today that of the last release. It is no command of ``deskgraph``: what it compares are files of
this repository, which nobody has where the server is installed.
"""

import json
import re
import sys
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeGuard

from graphql import (
    REMOVE,
    BreakingChangeType,
    DangerousChangeType,
    DirectiveNode,
    DocumentNode,
    EnumValueDefinitionNode,
    FieldDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    InputValueDefinitionNode,
    NamedTypeNode,
    Node,
    StringValueNode,
    TypeDefinitionNode,
    Visitor,
    build_ast_schema,
    parse,
    validate,
    visit,
)
from graphql.utilities import find_schema_changes

from schema import sdl
from tests.support.paths import ROOT

RELEASED = "schema/snapshots/released.graphql"
ACCEPTED = "schema/snapshots/accepted.toml"
# Where teams put what their front ends send: documents, or manifests of persisted documents.
RECORDED = ("schema/snapshots/recorded/**/*.graphql", "schema/snapshots/recorded/**/*.json")
OURS = (
    "tests/clients/*/*.graphql",
    "tests/clients/app/persisted-documents.json",
    "tests/clients/relay/persisted_queries.json",
)
_DATE = re.compile(r"Removed after (\d{4}-\d\d-\d\d)\.")
_PARTS = (FieldDefinitionNode, InputValueDefinitionNode, EnumValueDefinitionNode)
_ROOTS = ("Query", "Mutation", "Subscription")
_NO_CHANGES = (
    "# Dangerous changes since the last release that are accepted, each with its reason.\n"
)


def problems(
    released: str,
    current: str,
    today: date,
    accepted: Mapping[str, Any] | None = None,
    documents: Mapping[str, str] | None = None,
) -> list[str]:
    """Say what is wrong with the SDL of today for clients of the released one.

    ``accepted`` has the reason for each dangerous change by its description; ``documents`` are
    what clients send, by their names.
    """
    old, new = parse(released), parse(current)
    schema = build_ast_schema(new)
    return [
        *_undated(new),
        *_changed(old, new, today, accepted or {}),
        *_invalid(schema, documents or {}),
    ]


def _undated(new: DocumentNode) -> Iterator[str]:
    """Yield what is deprecated, but could never be removed."""
    for place, reason in _deprecated(new).items():
        if _removable_after(reason) is None:
            yield f'{place} is deprecated without a date: say "Removed after YYYY-MM-DD." as well.'


def _changed(
    old: DocumentNode, new: DocumentNode, today: date, accepted: Mapping[str, Any]
) -> Iterator[str]:
    # What was announced may be gone, or may be something else: as if it had never been.
    expired = {
        place
        for place, reason in _deprecated(old).items()
        if (last := _removable_after(reason)) is not None and last < today
    }
    before = _schema(_reachable(_without(old, expired)))
    changes = find_schema_changes(before, _schema(_without(new, expired)))
    dangerous = set()
    for change in changes:
        if isinstance(change.type, BreakingChangeType):
            yield f"Breaking: {change.description}"
        elif isinstance(change.type, DangerousChangeType):
            dangerous.add(change.description)
            reason = accepted.get(change.description)
            if not (isinstance(reason, str) and reason.strip()):
                yield f"Dangerous, and not accepted: {change.description}"
    for description in accepted:
        if description not in dangerous:
            yield f"Accepted, but no change: {description}"


def _invalid(schema: GraphQLSchema, documents: Mapping[str, str]) -> Iterator[str]:
    for name, text in documents.items():
        try:
            errors = validate(schema, parse(text))
        except GraphQLError as error:
            errors = [error]
        yield from (f"{name}: {error.message}" for error in errors)


def _schema(document: DocumentNode) -> GraphQLSchema:
    """Build what may have become incomplete, such as a type without fields."""
    return build_ast_schema(document, assume_valid=True, assume_valid_sdl=True)


def _removable_after(reason: str) -> date | None:
    """Return the last day of what is deprecated; None where the reason has none that exists."""
    found = _DATE.search(reason)
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


class _Places(Visitor):
    """Goes through fields, arguments, input fields and enum values."""

    def enter(self, node: Node, _key: Any, _parent: Any, _path: Any, above: list[Any]) -> Any:
        """Tell ``at`` where it is, in names such as ``Query.tickets.filter``."""
        if isinstance(node, _PARTS):
            named = [each for each in above if isinstance(each, (*_PARTS, TypeDefinitionNode))]
            return self.at(".".join(each.name.value for each in (*named, node)), node)
        return None

    def at(self, place: str, node: Any) -> Any:
        """Look at a place; what it returns is for ``visit``."""
        raise NotImplementedError


def _deprecated(document: DocumentNode) -> dict[str, str]:
    """Return the reason for each place that is deprecated."""
    found: dict[str, str] = {}

    class Deprecated(_Places):
        def at(self, place: str, node: Any) -> None:
            for directive in node.directives or ():
                if directive.name.value == "deprecated":
                    found[place] = _reason(directive)

    visit(document, Deprecated())
    return found


def _reason(directive: DirectiveNode) -> str:
    given = (argument.value for argument in directive.arguments or ())
    return next((value.value for value in given if isinstance(value, StringValueNode)), "")


def _without(document: DocumentNode, left_out: Collection[str]) -> DocumentNode:
    """Return a document without these places."""

    class Left(_Places):
        def at(self, place: str, _node: Any) -> Any:
            return REMOVE if place in left_out else None

    left: DocumentNode = visit(document, Left())
    return left


def _reachable(document: DocumentNode) -> DocumentNode:
    """Return a document without the types that no field leads to any more."""
    types = {each.name.value: each for each in document.definitions if _is_type(each)}
    found: set[str] = set()
    ahead = {name for name in _ROOTS if name in types}
    while ahead:
        found |= ahead
        named = set().union(*(_named(types[name]) for name in ahead))
        # Whatever may stand for an interface can be asked for by its own name.
        named |= {name for name, each in types.items() if _interfaces(each) & found}
        ahead = {name for name in named if name in types} - found
    kept = (each for each in document.definitions if not _is_type(each) or each.name.value in found)
    return DocumentNode(definitions=tuple(kept))


def _is_type(definition: Node) -> TypeGuard[TypeDefinitionNode]:
    return isinstance(definition, TypeDefinitionNode)


def _named(node: Node) -> set[str]:
    """Return the names of the types that a definition mentions."""
    names: set[str] = set()

    class Named(Visitor):
        def enter_named_type(self, each: NamedTypeNode, *_: Any) -> None:
            names.add(each.name.value)

    visit(node, Named())
    return names


def _interfaces(definition: Node) -> set[str]:
    return {each.name.value for each in getattr(definition, "interfaces", None) or ()}


def recorded(root: Path) -> dict[str, str]:
    """Return the documents that clients send, by the file that has them, and their place in it."""
    texts: dict[str, str] = {}
    for path in sorted(path for pattern in (*RECORDED, *OURS) for path in root.glob(pattern)):
        name, text = path.relative_to(root).as_posix(), path.read_text("utf-8")
        if path.suffix == ".json":
            texts |= {f"{name}, {key}": each for key, each in json.loads(text).items()}
        else:
            texts[name] = text
    return texts


def problems_of(root: Path, current: str, today: date) -> list[str]:
    """Say what is wrong with an SDL for the clients that are known in a folder like this one."""
    released = (root / RELEASED).read_text("utf-8")
    accepted = tomllib.loads((root / ACCEPTED).read_text("utf-8"))
    return problems(released, current, today, accepted, recorded(root))


def release(root: Path, current: str) -> None:
    """Make an SDL that of the last release; nothing of it is a change any more."""
    head = (
        f"# The schema of deskgraph {version('deskgraph')}; `make schema-check` compares with it."
    )
    (root / RELEASED).write_text(f"{head}\n\n{current}", "utf-8")
    (root / ACCEPTED).write_text(_NO_CHANGES, "utf-8")


def main(arguments: Sequence[str]) -> int:
    """Release, or print the problems; return 1 where there are some."""
    if arguments == ["--release"]:
        release(ROOT, sdl())
        return 0
    found = problems_of(ROOT, sdl(), datetime.now(UTC).date())
    sys.stderr.writelines(f"{problem}\n" for problem in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
