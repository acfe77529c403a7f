"""Files are taken apart into records, whatever the pieces that they come in."""

import csv
import io
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.imports.formats import BadFile, ImportFormat
from resolvers.imports.records import Place, Record, Splitter, cells
from tests.support import proofs

CSV, JSONL = ImportFormat.CSV, ImportFormat.JSONL


def records(
    content: bytes, size: int = 7, format: ImportFormat = CSV, most: int = 10_000
) -> tuple[Splitter, list[Record]]:
    """Return the records of a file that comes in pieces of a size."""
    splitter = Splitter(format, most)
    found: list[Record] = []
    for at in range(0, len(content), size):
        found += splitter.feed(content[at : at + size])
    return splitter, [*found, *splitter.finish()]


def table(content: bytes, size: int = 7) -> list[list[str] | None]:
    splitter, found = records(content, size)
    return [cells(one.text, splitter.delimiter or ",") for one in found if not one.is_blank]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"a,b\r\n1,2\r\n", [["a", "b"], ["1", "2"]]),
        (b"a,b\n1,2", [["a", "b"], ["1", "2"]]),
        (b"\xef\xbb\xbfa;b\n1;2\n", [["a", "b"], ["1", "2"]]),
        (b"a\tb\tc,d\n1\t2,3\t4\n", [["a", "b", "c,d"], ["1", "2,3", "4"]]),
        (b'a,b\n"1\n""x"",\r\n",2\n', [["a", "b"], ['1\n"x",\r\n', "2"]]),
        (b'a,b\n5" disk,"x"y\n', [["a", "b"], ['5" disk', "xy"]]),
        (b'a,b\n"",""""\n1,""""\n', [["a", "b"], ["1", '"']]),
        (b'"a","b"\n1,"2', None),
        (b"\n\na,b\n,\n1,2\n\n", [["a", "b"], ["1", "2"]]),
        (b"a,b\n1\r2,3\n", [["a", "b"], None]),
        ("ä,二\n❄,\u2028\n".encode(), [["ä", "二"], ["❄", "\u2028"]]),
        (b'\na;"b;\nc"\n1;2\n', [["a", "b;\nc"], ["1", "2"]]),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_rows(content: bytes, rows: list[list[str] | None] | None, size: int) -> None:
    if rows is None:
        with pytest.raises(BadFile, match="open_quote"):
            table(content, size)
    else:
        assert table(content, size) == rows


def written(rows: Sequence[Sequence[str]], delimiter: str, quoting: int) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, quoting=quoting).writerows(rows)  # type: ignore[arg-type] # one of csv's
    return file.getvalue().encode()


@proofs.examples(150, 5000)
@given(
    st.lists(st.lists(st.text('a,;\t"\n\r é', max_size=6), min_size=2, max_size=2), max_size=4),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.integers(1, 40),
)
def test_what_is_written_is_read(
    rows: list[list[str]], delimiter: str, quoting: int, size: int
) -> None:
    rows = [["one", "other"], *rows]
    found = table(written(rows, delimiter, quoting), size)
    # Rows without any letter count as blank.
    assert found == [row for row in rows if "".join(row).strip(' \t\r\n,;"')]


@proofs.examples(150, 5000)
@given(st.binary(max_size=60), st.integers(1, 9), st.sampled_from([CSV, JSONL]))
def test_any_bytes_are_records_or_no_file(content: bytes, size: int, format: ImportFormat) -> None:
    def taken(size: int) -> list[tuple[bytes, Place]] | str:
        try:
            return [(one.content, one.start) for one in records(content, size, format)[1]]
        except BadFile as bad:
            return bad.code

    whole = taken(1000)
    assert taken(size) == whole
    if isinstance(whole, str):
        return
    for one, place in whole:
        assert content[place.offset : place.offset + len(one)] == one
        assert place.line == content.count(b"\n", 0, place.offset) + 1


def test_reading_goes_on_where_a_record_ended() -> None:
    content = b'\xef\xbb\xbfa;b\n"1\n2";3\n4;5\n6;7'
    splitter, found = records(content)
    for at, record in enumerate(found):
        later = Splitter(CSV, 100, record.end, splitter.delimiter)
        rest = [*later.feed(content[record.end.offset :]), *later.finish()]
        assert rest == found[at + 1 :]
    assert [one.start.line for one in found] == [1, 2, 4, 5]


@pytest.mark.parametrize("format", [CSV, JSONL])
@pytest.mark.parametrize("content", [b"a" * 50, b"\n" + b"b" * 45])
def test_a_record_may_not_be_too_long(format: ImportFormat, content: bytes) -> None:
    with pytest.raises(BadFile) as raised:
        records(content, 8, format, most=40)
    assert (raised.value.code, raised.value.params["max"]) == ("record_too_long", 40)


def test_several_lines_in_quotes_may_not_be_too_long() -> None:
    content = b'a,b\n1,"' + b"c\n" * 20
    with pytest.raises(BadFile) as raised:
        records(content, 8, most=40)
    assert raised.value.params == {"line": 2, "max": 40}
    assert len(records(content, 8, JSONL, most=40)[1]) == 21


@pytest.mark.parametrize(
    ("content", "line"),
    [(b"a,b\n\xff,c\n", 2), (b'a,b\n"x\ny\n\xff",c\n', 4), (b"a,b\nx,y\nx,\xc3", 3)],
)
def test_what_is_not_utf8_has_a_line(content: bytes, line: int) -> None:
    with pytest.raises(BadFile) as raised:
        table(content)
    assert (raised.value.code, raised.value.params) == ("not_utf8", {"line": line})


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_is_not_utf8(encoding: str) -> None:
    with pytest.raises(BadFile, match="not_utf8"):
        table("\ufeffa,b\n".encode(encoding))
