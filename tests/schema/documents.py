"""Makes valid documents out of a schema: every field, every argument, in every spelling."""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
)
from graphql.language.print_string import print_string

MAX_BODIES = 30
Values = Callable[[GraphQLObjectType, str, GraphQLField], dict[str, Any]]
# The executor over rows does not know them: ``tests/schema/types/test_undo.py``.
NOT_ASKED = frozenset({"canUndo", "undoRefusal"})


@dataclass
class Documents:
    """One document in the making; ``values`` chooses the arguments of a field."""

    random: Random
    schema: GraphQLSchema
    values: Values
    variables: dict[str, Any] = field(default_factory=dict)
    _declared: list[str] = field(default_factory=list)
    _fragments: list[str] = field(default_factory=list)
    _names: int = 0
    _bodies: int = 0

    def make(self, roots: tuple[str, ...]) -> str:
        """Return a document that asks for one to three of these root fields."""
        query = self.schema.query_type
        assert query is not None
        wanted = self.random.choices(roots, k=self.random.randint(1, 3))
        body = " ".join(self._field(query, name, 5, aliased=True) for name in wanted)
        declared = f"({', '.join(self._declared)})" if self._declared else ""
        return "\n".join([f"query Made{declared} {{ {body} }}", *self._fragments])

    def _chance(self, of: float) -> bool:
        return self.random.random() < of

    def _name(self, start: str) -> str:
        self._names += 1
        return f"{start}{self._names}"

    def _body(self, type_: Any, depth: int, *, aliased: bool = False) -> str:
        """Return a selection set. ``aliased``: other types' fields may meet its response keys."""
        self._bodies += 1
        if self._bodies > MAX_BODIES:
            return "{ __typename }"
        if isinstance(type_, GraphQLInterfaceType):
            return f"{{ {' '.join(self._of_interface(type_, depth))} }}"
        names = [name for name in type_.fields if name not in NOT_ASKED]
        objects = [n for n in names if not is_leaf_type(get_named_type(type_.fields[n].type))]
        found = [
            self._field(
                type_,
                self.random.choice(objects if objects and self._chance(0.4) else names),
                depth,
                aliased=aliased,
            )
            for _ in range(self.random.randint(1, 5))
        ]
        if self._chance(0.3):
            found.append(self._typename())
        if self._chance(0.3):
            found.append(self._spread(type_.name, self._body(type_, depth, aliased=aliased)))
        if type_.interfaces and self._chance(0.15):
            inner = self._of_interface(type_.interfaces[0], depth - 1)
            found.append(self._spread("Node", f"{{ {' '.join(inner)} }}"))
        self.random.shuffle(found)
        return f"{{ {' '.join(found)} }}"

    def _of_interface(self, type_: GraphQLInterfaceType, depth: int) -> list[str]:
        found = ["id", self._typename()]
        types = list(self.schema.get_implementations(type_).objects)
        for chosen in self.random.sample(types, k=self.random.randint(0, 3)):
            body = self._body(chosen, max(depth - 1, 0), aliased=True)
            found.append(self._spread(chosen.name, body))
        return found

    def _typename(self) -> str:
        return self.random.choice(["__typename", f"{self._name('t')}: __typename"])

    def _spread(self, type_name: str, body: str) -> str:
        directive = self._directive()
        if self._chance(0.5):
            return f"... on {type_name}{directive} {body}"
        if self._chance(0.2) and type_name != "Node":
            return f"...{directive} {{ ... on {type_name} {body} }}"
        name = self._name("Part")
        self._fragments.append(f"fragment {name} on {type_name} {body}")
        return f"...{name}{directive}" + (f" ...{name}" if self._chance(0.1) else "")

    def _field(self, type_: GraphQLObjectType, name: str, depth: int, *, aliased: bool) -> str:
        definition = type_.fields[name]
        named = get_named_type(definition.type)
        if not is_leaf_type(named) and depth <= 0:
            return self._typename()
        arguments = self._arguments(type_, name, definition)
        if arguments or aliased or self._chance(0.3):
            # Nobody else's key, so that it merges with nothing by accident.
            name = f"{self._name('a')}: {name}"
        start = f"{name}{arguments}"
        if is_leaf_type(named):
            return start + self._directive()
        found = f"{start}{self._directive()} {self._body(named, depth - 1)}"
        if self._chance(0.15):
            # The same response key again, somewhere else: both selections are one.
            found += f" {self._spread(type_.name, f'{{ {start} {self._body(named, depth - 1)} }}')}"
        return found

    def _directive(self) -> str:
        if not self._chance(0.12):
            return ""
        name = self.random.choice(["include", "skip"])
        given = self._chance(0.7) is (name == "include")
        if self._chance(0.5):
            return f" @{name}(if: {str(given).lower()})"
        variable = self._name("v")
        if self._chance(0.5):
            self._declared.append(f"${variable}: Boolean!")
            self.variables[variable] = given
        else:
            self._declared.append(f"${variable}: Boolean! = {str(given).lower()}")
        return f" @{name}(if: ${variable})"

    def _arguments(self, type_: GraphQLObjectType, name: str, definition: GraphQLField) -> str:
        given = self.values(type_, name, definition)
        # A cursor belongs to one order: neither may vanish without the other.
        free = not {"after", "before"} & set(given)
        parts = []
        for key, argument in definition.args.items():
            if key in given:
                loose = free or key not in ("orderBy", "direction", "after", "before")
                parts.append(f"{key}: {self._value(given[key], argument, loose=loose)}")
            elif not isinstance(argument.type, GraphQLNonNull) and self._chance(0.05):
                parts.append(f"{key}: {self._nothing(argument)}")
        return f"({', '.join(parts)})" if parts else ""

    def _nothing(self, argument: GraphQLArgument) -> str:
        """Return a null, a variable that is null, or one that is missing."""
        if self._chance(0.4):
            return "null"
        name = self._name("v")
        self._declared.append(f"${name}: {argument.type}")
        if self._chance(0.5):
            self.variables[name] = None
        return f"${name}"

    def _value(self, value: Any, argument: Any, *, loose: bool) -> str:
        if not self._chance(0.35):
            return self._literal(value, argument.type, loose=loose)
        name = self._name("v")
        declared = f"${name}: {argument.type}"
        if self._chance(0.2):
            declared += f" = {self._literal(value, argument.type, loose=False, plain=True)}"
        else:
            self.variables[name] = value
        self._declared.append(declared)
        return f"${name}"

    def _literal(self, value: Any, type_: Any, *, loose: bool, plain: bool = False) -> str:
        """Return a literal; unless ``plain`` there may be variables inside."""
        if isinstance(type_, GraphQLNonNull):
            type_ = type_.of_type
        if value is None:
            return "null"
        if isinstance(type_, GraphQLList):
            items = (self._literal(v, type_.of_type, loose=loose, plain=plain) for v in value)
            return f"[{', '.join(items)}]"
        if isinstance(type_, GraphQLInputObjectType):
            parts = (
                f"{key}: {self._part(inner, type_.fields[key], loose=loose, plain=plain)}"
                for key, inner in value.items()
            )
            return f"{{ {', '.join(parts)} }}"
        if isinstance(value, bool):
            return str(value).lower()
        is_text = isinstance(value, str) and not isinstance(type_, GraphQLEnumType)
        return print_string(value) if is_text else str(value)

    def _part(self, value: Any, part: Any, *, loose: bool, plain: bool) -> str:
        if plain or not self._chance(0.1):
            return self._literal(value, part.type, loose=loose, plain=plain)
        return self._value(value, part, loose=loose)
