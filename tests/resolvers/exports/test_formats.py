"""What an export writes: CSV that no spreadsheet runs, and JSON Lines that are exact."""

import csv
import io

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.exports.fields import ExportField
from resolvers.exports.formats import ExportFormat, header, lines, neutral, plain
from tests.support import proofs

FIELDS = (ExportField.TICKET_NUMBER, ExportField.SUBJECT, ExportField.TAGS, ExportField.VERSION)
STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def row(subject: str, **more: object) -> dict[str, object]:
    return {"ticket_number": "T-1", "subject": subject, "tags": [], "version": 1, **more}


def cells(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


@pytest.mark.parametrize("start", STARTS)
def test_a_text_that_begins_like_a_formula_gets_a_quote(start: str) -> None:
    text = f"{start}1+1"
    assert neutral(text) == f"'{text}"
    assert plain(neutral(text)) == text


@pytest.mark.parametrize("text", ["", "1=1", "a-b", " =1", "'", "it's", "'quoted'", "\u2013"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert neutral(text) == text == plain(text)


@proofs.examples(200, 5000)
@given(st.text("'=+-@\t\r\nab\uff1d", max_size=6))
def test_every_text_comes_back(text: str) -> None:
    assert plain(neutral(text)) == text
    assert not neutral(text).startswith(STARTS)


def test_csv_is_that_of_rfc_4180_with_a_mark_for_excel() -> None:
    content = header(ExportFormat.CSV, FIELDS) + lines(
        ExportFormat.CSV, FIELDS, [row('a "b", c\r\nd', tags=["x", "y"]), row("=1")]
    )
    assert content == (
        b"\xef\xbb\xbfticket_number,subject,tags,version\r\n"
        b'T-1,"a ""b"", c\r\nd","x,y",1\r\n'
        b"T-1,'=1,,1\r\n"
    )


def test_csv_writes_nothing_for_no_value_and_neutralises_tags() -> None:
    found = lines(ExportFormat.CSV, FIELDS, [row("é", tags=["=a", "b"], version=None)])
    assert cells(found) == [["T-1", "é", "'=a,b", ""]]


def test_a_single_column_without_a_value_is_still_a_row() -> None:
    found = lines(ExportFormat.CSV, FIELDS[1:2], [row("")])
    assert found == b'""\r\n'


def test_json_lines_are_exact() -> None:
    text = '=1\r\n"\u2028'
    found = lines(ExportFormat.JSONL, FIELDS, [row(text, tags=["a"]), row("b", version=None)])
    assert header(ExportFormat.JSONL, FIELDS) == b""
    assert found.endswith(b"\n")
    assert [orjson.loads(line) for line in found.split(b"\n")[:-1]] == [
        row(text, tags=["a"]),
        row("b", version=None),
    ]
