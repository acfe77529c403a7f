"""Files of documents: what is no manifest keeps the server from starting, with a sentence."""

import json
from pathlib import Path
from typing import Any

import pytest

from deskgraph.manifests import persisted_documents, read_manifest
from deskgraph.settings import Settings, SettingsError
from schema import create_schema
from tests.support.settings import settings_for

MINE = "{ viewer { id } }"
APOLLO: dict[str, Any] = {
    "format": "apollo-persisted-query-manifest",
    "version": 1,
    "operations": [{"id": "a", "name": "A", "type": "query", "body": MINE}],
}


def written(folder: Path, content: object, name: str = "manifest.json") -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return str(path)


def settings_of(*paths: str, **more: Any) -> Settings:
    given = {"graphql_manifest": ",".join(paths), **more}
    return settings_for("sqlite:///none.db", Path("none"), **given)


@pytest.mark.parametrize("content", [{"a": MINE}, APOLLO])
def test_each_form_is_read(tmp_path: Path, content: object) -> None:
    assert read_manifest(written(tmp_path, content)) == {"a": MINE}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "is not JSON in UTF-8"),
        (b"\xff", "is not JSON in UTF-8"),
        ([], "must be an object with texts of documents by ids"),
        ({"a": 1}, "must be an object with texts of documents by ids"),
        ({"": MINE}, "must be an object with texts of documents by ids"),
        ({}, "has no document"),
        ({**APOLLO, "version": 2}, "of version 1"),
        ({**APOLLO, "format": "x"}, "must have the format 'apollo-persisted-query-manifest'"),
        ({**APOLLO, "operations": {}}, "must have `operations`"),
        ({**APOLLO, "operations": [{"body": MINE}]}, "each with `id` and `body`"),
        ({**APOLLO, "operations": [{"id": "a"}]}, "must be an object with texts"),
        ({"bad": "{"}, "the document 'bad': Syntax Error"),
        ({"good": MINE, "bad": "{ nothing }"}, "the document 'bad': Cannot query field 'nothing'"),
        ({"bad": "type A { a: Int }"}, "the document 'bad': "),
    ],
)
def test_what_is_no_manifest_is_said(tmp_path: Path, content: object, said: str) -> None:
    settings = settings_of(written(tmp_path, content))
    with pytest.raises(SettingsError) as raised:
        persisted_documents(settings, create_schema().documents)
    assert str(raised.value).startswith("DESKGRAPH_GRAPHQL_MANIFEST: ")
    assert said in str(raised.value)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.json cannot be read: No such file"):
        read_manifest(str(tmp_path / "none.json"))


def test_two_files_may_not_disagree(tmp_path: Path) -> None:
    one, other = written(tmp_path, {"a": MINE}), written(tmp_path, {"a": "{ __typename }"}, "b")
    with pytest.raises(SettingsError, match="another document named 'a'"):
        persisted_documents(settings_of(one, other), create_schema().documents)
    persisted_documents(settings_of(one, one), create_schema().documents)


def test_trusted_documents_need_a_manifest_and_no_graphiql(tmp_path: Path) -> None:
    documents = create_schema().documents
    with pytest.raises(SettingsError, match="DESKGRAPH_GRAPHQL_MANIFEST must name the file"):
        persisted_documents(settings_of(graphql_documents="trusted"), documents)
    settings = settings_of(
        written(tmp_path, {"a": MINE}), graphql_documents="trusted", graphiql=True
    )
    with pytest.raises(SettingsError, match="GraphiQL needs DESKGRAPH_GRAPHQL_DOCUMENTS=any"):
        persisted_documents(settings, documents)
