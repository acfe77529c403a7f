"""The schema as clients see it: what is committed is what is served, and all of it is described."""

from pathlib import Path

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    build_schema,
    is_introspection_type,
    is_specified_scalar_type,
    validate_schema,
)

import schema

COMMITTED = Path(schema.__file__).with_name("schema.graphql")
SCHEMA = build_schema(schema.sdl())


def test_the_committed_schema_is_the_served_one() -> None:
    assert COMMITTED.read_text() == schema.sdl(), "run: make schema"


def test_it_is_a_valid_schema() -> None:
    assert validate_schema(SCHEMA) == []


def test_everything_has_a_description() -> None:
    missing = []
    for name, type_ in SCHEMA.type_map.items():
        if is_introspection_type(type_) or is_specified_scalar_type(type_):
            continue
        described = {name: type_.description}
        if isinstance(type_, GraphQLEnumType):
            described |= {f"{name}.{key}": value.description for key, value in type_.values.items()}
        elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for key, field in type_.fields.items():
                described[f"{name}.{key}"] = field.description
                for argument, given in field.args.items():
                    described[f"{name}.{key}({argument})"] = given.description
        elif isinstance(type_, GraphQLInputObjectType):
            described |= {f"{name}.{key}": part.description for key, part in type_.fields.items()}
        missing += [place for place, description in described.items() if not description]
    assert missing == []


def test_every_entity_is_a_node_and_every_list_that_grows_a_connection() -> None:
    node = SCHEMA.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    names = {type_.name for type_ in SCHEMA.get_possible_types(node)}
    assert names >= {"Ticket", "Comment", "Attachment", "Company", "Contact", "User"}
    for name, type_ in SCHEMA.type_map.items():
        if name.endswith("Connection"):
            assert isinstance(type_, GraphQLObjectType)
            assert list(type_.fields) == ["edges", "nodes", "pageInfo", "totalCount"]
