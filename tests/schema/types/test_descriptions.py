"""Everything in the schema is described by a sentence that says more than the name does."""

import re
from collections.abc import Iterator

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    is_introspection_type,
    is_specified_scalar_type,
)

from tests.support.graphql_client import client_schema

SCHEMA = client_schema()
FEWEST_WORDS = 4
NAME_WORDS = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
# Words that say nothing beside a name.
FILLING = {
    *("a", "an", "the", "this", "that", "these", "it", "its", "his", "their"),
    *("of", "by", "to", "for", "in", "on", "at", "with", "and", "or", "if", "there"),
    *("is", "are", "was", "be", "may", "what", "which", "who", "whom", "when", "where", "how"),
    *("many", "empty", "null", "none", "one"),
}


def flaws(name: str, description: str | None) -> list[str]:
    """Say what is wrong with the description of a name such as ``Ticket.createdAt``."""
    if not description:
        return ["is missing"]
    first, last = description.lstrip("`")[:1], description[-1]
    found = []
    if not first.isupper() and not description.startswith("`"):
        found.append("does not start with a capital")
    if last != "." or description.endswith(".."):
        found.append("does not end with a full stop")
    words = re.findall(r"[\w'-]+", description)
    if len(words) < FEWEST_WORDS:
        found.append(f"has fewer than {FEWEST_WORDS} words")
    telling = [word for word in words if word.lower() not in FILLING]
    if _stems(telling) <= _stems(NAME_WORDS.findall(name)):
        found.append("only repeats the name")
    return found


def _stems(words: list[str]) -> set[str]:
    """Return words as far as they are compared: in small letters, without their endings."""
    return {re.sub(r"('s|ed|d|s|ies|y)$", "", word.lower()) for word in words}


def described() -> Iterator[tuple[str, str | None]]:
    """Yield everything in the schema by its name, with its description."""
    for name, type_ in SCHEMA.type_map.items():
        if is_introspection_type(type_) or is_specified_scalar_type(type_):
            continue
        yield name, type_.description
        if isinstance(type_, GraphQLEnumType):
            yield from ((f"{name}.{key}", value.description) for key, value in type_.values.items())
        if isinstance(type_, GraphQLInputObjectType):
            yield from ((f"{name}.{key}", part.description) for key, part in type_.fields.items())
        if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for key, field in type_.fields.items():
                yield f"{name}.{key}", field.description
                for argument, given in field.args.items():
                    yield f"{name}.{key}({argument})", given.description
    for directive in SCHEMA.directives:
        yield f"@{directive.name}", directive.description


def test_each_description_is_a_sentence_that_helps() -> None:
    found = {name: wrong for name, text in described() if (wrong := flaws(name, text))}
    assert found == {}


@pytest.mark.parametrize(
    ("name", "description", "wrong"),
    [
        ("Comment.ticket", None, "is missing"),
        ("Comment.ticket", "", "is missing"),
        ("Comment.ticket", "The ticket that it is about", "does not end with a full stop"),
        ("Comment.ticket", "the ticket that it is about.", "does not start with a capital"),
        ("Comment.text", "What was said.", "has fewer than 4 words"),
        ("Comment.ticket", "This is the ticket of the comment.", "only repeats the name"),
        ("Ticket.createdAt", "When it was created at.", "only repeats the name"),
        ("Query.companies", "The companies that there are.", "only repeats the name"),
    ],
)
def test_what_is_no_such_sentence_is_noticed(name: str, description: str, wrong: str) -> None:
    assert flaws(name, description) == [wrong]


def test_a_sentence_that_helps_is_fine() -> None:
    assert flaws("Ticket.createdAt", "When the ticket came in, in UTC.") == []
