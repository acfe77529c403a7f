"""LibreOffice opens an export: all cells are there, and none is a formula.

These run where ``soffice`` is installed, as by the package ``libreoffice-calc-nogui`` of Debian.
"""

import csv
import io
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.schema.transfers.test_exports import download
from tests.support.graphql_client import GraphQLClient
from tests.support.processes.launcher import run
from tests.support.rows import ticket

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed"),
]
OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
# Comma, double quotes and UTF-8, as the dialog for text files suggests for such a file.
READ, WRITTEN = "--infilter=CSV:44,34,76,1", "csv:Text - txt - csv (StarCalc):44,34,76"
SUBJECTS = (
    *('=HYPERLINK("http://evil.example")', "=1+1", "+1+1", "-1+1", "@SUM(A1:A9)", "'=1+1"),
    *('Zone 3, "evening"', "Zweite, 二 ❄", "one; two", "=cmd|' /C calc'!A0", "\uff1d1"),
)


def convert(path: Path, folder: Path, format: str, *more: str) -> Path:
    command = ["soffice", "--headless", f"-env:UserInstallation=file://{path.parent}/profile"]
    command += [*more, "--convert-to", format, "--outdir", str(folder), str(path)]
    done = run(command)
    assert done.returncode == 0, done.stderr
    [made] = folder.iterdir()
    return made


def cells(document: Path) -> list[list[ElementTree.Element]]:
    tree = ElementTree.parse(document)
    return [
        [cell for cell in row.iter(f"{TABLE}table-cell") if cell.attrib or len(cell)]
        for row in tree.iter(f"{TABLE}table-row")
    ]


def shown(cell: ElementTree.Element) -> str:
    return "\n".join("".join(line.itertext()) for line in cell.iter(f"{TEXT}p"))


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_libreoffice_shows_every_cell_as_text(gql: GraphQLClient, tmp_path: Path) -> None:
    lines = "One\ntwo, three"
    await gql.add(
        *(
            ticket(f"t{n}", n, subject=subject, description=lines, tags="=a,b")
            for n, subject in enumerate(SUBJECTS)
        )
    )
    order = [{"field": "TICKET_NUMBER", "direction": "ASC"}]
    fields = ["TICKET_NUMBER", "SUBJECT", "DESCRIPTION", "TAGS", "CREATED_AT"]
    response = await download(gql, fields=fields, orderBy=order)
    path = tmp_path / "tickets.csv"
    path.write_bytes(response.content)
    rows = list(csv.reader(io.StringIO(response.content.decode("utf-8-sig"), newline="")))
    document = convert(path, tmp_path / "opened", "fods", READ)
    found = cells(document)
    assert [[shown(cell) for cell in row] for row in found] == rows
    assert {cell.get(f"{OFFICE}value-type") for row in found for cell in row} == {"string"}
    assert not any(f"{TABLE}formula" in cell.attrib for row in found for cell in row)
    # And it writes them as they came.
    saved = convert(document, tmp_path / "saved", WRITTEN).read_text()
    assert list(csv.reader(io.StringIO(saved, newline=""))) == rows


def test_the_check_knows_a_formula(tmp_path: Path) -> None:
    path = tmp_path / "tickets.csv"
    path.write_text("subject\n=1+1\n")
    found = cells(convert(path, tmp_path / "opened", "fods", READ))
    assert [f"{TABLE}formula" in cell.attrib for row in found for cell in row] == [False, True]
