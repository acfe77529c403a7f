"""The schema as clients see it: what is committed is what is served."""

from pathlib import Path

from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    get_named_type,
    validate_schema,
)

import schema
from tests.support.graphql_client import client_schema

COMMITTED = Path(schema.__file__).parent / "snapshots" / "schema.graphql"
SCHEMA = client_schema()


def test_the_committed_schema_is_the_served_one() -> None:
    assert COMMITTED.read_text() == schema.sdl(), "run: make schema"


def test_it_is_a_valid_schema() -> None:
    assert validate_schema(SCHEMA) == []


def test_every_entity_is_a_node_and_every_list_that_grows_a_connection() -> None:
    node = SCHEMA.type_map["Node"]
    assert isinstance(node, GraphQLInterfaceType)
    names = {type_.name for type_ in SCHEMA.get_possible_types(node)}
    assert names >= {"Ticket", "Comment", "Attachment", "Company", "Contact", "User"}
    for name, type_ in SCHEMA.type_map.items():
        if name.endswith("Connection"):
            assert isinstance(type_, GraphQLObjectType)
            # What a search finds is not counted.
            counted = [] if name == "SearchResultConnection" else ["totalCount"]
            assert list(type_.fields) == ["edges", "nodes", "pageInfo", *counted]


def test_every_connection_but_a_search_has_pages_in_both_directions() -> None:
    lists = {
        f"{type_.name}.{name}": field
        for type_ in SCHEMA.type_map.values()
        if isinstance(type_, GraphQLObjectType)
        for name, field in type_.fields.items()
        if get_named_type(field.type).name.endswith("Connection")
    }
    assert len(lists) > 10
    forwards, backwards = {"first", "after"}, {"last", "before"}
    assert all(forwards <= field.args.keys() for field in lists.values())
    assert {name for name, f in lists.items() if not backwards <= f.args.keys()} == {"Query.search"}
