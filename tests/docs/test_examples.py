"""Every example of the documents works, and answers what they show."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import parse, validate

from tests.docs.examples import NOT_RUN, Desk, examples, serving, wrong
from tests.docs.markdown import DOCUMENTS, blocks
from tests.support.graphql_client import client_schema
from tests.support.paths import ROOT

# Blocks of these languages are no examples, and those that begin like this are tested elsewhere.
# Frames ("http") are those of tests/live; documents of GraphQL are checked below.
OTHERS = frozenset({"ini", "nginx", "yaml", "http", "graphql"})
HOUSE = "models/ "
# Made of a table whose calls are all tested.
MADE = {"from-rest.md"}
WRITTEN = [document for document in DOCUMENTS if document.name not in MADE]
# Their examples are many, or start servers and commands of their own; ``make proofs`` runs them.
SLOW = {
    "README.md",
    *("deployment.md", "files.md", "graphql.md", "import-export.md", "live.md", "migration.md"),
    *("operations.md", "webhooks.md", "writes.md"),
}
RUN = [
    pytest.param(
        document, id=document.name, marks=pytest.mark.proof(small=document.name not in SLOW)
    )
    for document in WRITTEN
]
# Files that tests/clients runs, which documents show whole.
CLIENTS = ROOT / "tests" / "clients"
SHOWN = ("*.ts", "*.json", "apollo/*.mjs", "live/*.mjs", "relay/*.mjs", "retries/*", "urql/*.mjs")
SCHEMA = client_schema()
BENCHMARK = re.compile(r"<!-- read-benchmark -->.*<!-- /read-benchmark -->", re.DOTALL)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    if shutil.which("bash") is None or shutil.which("curl") is None:
        pytest.skip("the examples need bash and curl")
    with serving(tmp_path_factory.mktemp("home")) as served:
        yield served


@pytest.mark.parametrize("document", RUN)
def test_examples_answer_what_is_shown(services: Desk, document: Path) -> None:
    results = services.run(document)

    found = {
        f"line {example.commands.line + 1}": problems
        for example, output in results
        if (problems := wrong(example, output))
    }
    assert found == {}


def test_serving_prints_what_the_readme_shows(services: Desk) -> None:
    (shown,) = [
        example.answer.text
        for document in DOCUMENTS
        for example in examples(document.read_text("utf-8"))
        if example.commands.text == "make serve" and example.answer
    ]
    assert services.banner == f"{shown}\n"


@pytest.mark.parametrize("document", WRITTEN, ids=lambda path: path.name)
def test_no_block_is_overlooked(document: Path) -> None:
    text = BENCHMARK.sub("", document.read_text("utf-8"))
    known = [example.commands for example in examples(text)]
    known += [example.answer for example in examples(text) if example.answer]

    left = [block for block in blocks(text) if block not in known]
    overlooked = [block.text for block in left if block.language not in OTHERS]
    files = {path.read_text("utf-8").rstrip() for shown in SHOWN for path in CLIENTS.glob(shown)}
    overlooked = [text for text in overlooked if text not in files]
    assert [text for text in overlooked if not text.startswith(HOUSE)] == []


@pytest.mark.parametrize("document", WRITTEN, ids=lambda path: path.name)
def test_documents_of_graphql_are_valid(document: Path) -> None:
    for block in blocks(document.read_text("utf-8")):
        if block.language == "graphql":
            assert validate(SCHEMA, parse(block.text)) == []


def test_every_block_that_is_not_run_is_there() -> None:
    commands = [
        example.commands.text
        for document in DOCUMENTS
        for example in examples(document.read_text("utf-8"))
    ]
    unused = [start for start in NOT_RUN if not any(text.startswith(start) for text in commands)]
    assert unused == []
