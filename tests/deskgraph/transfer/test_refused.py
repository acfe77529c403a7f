"""What cannot be imported is refused with a sentence, and nothing was written."""

import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from deskgraph.database.search_texts import silent
from deskgraph.storage.file_store import open_files
from deskgraph.transfer.exporting import export
from deskgraph.transfer.importing import run_import
from deskgraph.transfer.manifest import TransferError
from tests.deskgraph.conftest import Run, assert_refused, change, rows
from tests.deskgraph.importer.conftest import everything
from tests.deskgraph.transfer.conftest import EXPORT, Desk, add_files, fill, on
from tests.support.rows import company, insert
from tests.support.stored import DELETES, run_script

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")

NewDesk = Callable[[str], Desk]
Use = Callable[[Desk], None]
MANIFEST = EXPORT / "manifest.json"


@pytest.fixture
def there(run: Run, new_desk: NewDesk, use: Use) -> Desk:
    """Export a desk into the folder ``good``; return an empty one of SQLite."""
    desk = new_desk("sqlite")
    fill(desk)
    use(desk)
    assert run("export", "good").code == 0
    other = new_desk("sqlite")
    use(other)
    return other


def edit(**values: object) -> None:
    MANIFEST.write_text(json.dumps(json.loads(MANIFEST.read_text()) | values))


def forge(table: str, change_lines: Callable[[list[bytes]], object]) -> None:
    """Change the lines of a table, and let the manifest agree."""
    path = EXPORT / f"{table}.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    change_lines(lines)
    path.write_bytes(b"".join(lines))
    found = json.loads(MANIFEST.read_text())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    found["tables"][table] = {"lines": path.read_bytes().count(b"\n"), "sha256": digest}
    MANIFEST.write_text(json.dumps(found))


def forge_row(table: str, **values: object) -> None:
    """Change the third row of a table."""

    def changed(lines: list[bytes]) -> None:
        lines[2] = json.dumps(json.loads(lines[2]) | values).encode() + b"\n"

    forge(table, changed)


def cut(path: Path, count: int) -> None:
    path.write_bytes(path.read_bytes()[:-count])


def add_table() -> None:
    found = json.loads(MANIFEST.read_text())
    found["tables"]["secrets"] = found["tables"]["users"]
    MANIFEST.write_text(json.dumps(found))


def remove_table() -> None:
    found = json.loads(MANIFEST.read_text())
    del found["tables"]["users"]
    MANIFEST.write_text(json.dumps(found))


def append(lines: list[bytes]) -> None:
    lines.append(lines[2])


# Seen before anything is written.
HARMS: list[tuple[Callable[[], object], str]] = [
    (lambda: cut(EXPORT / "tickets.jsonl", 10), "damaged: export/tickets.jsonl is not what was"),
    (lambda: (EXPORT / "users.jsonl").unlink(), "not whole: export/users.jsonl is missing."),
    (MANIFEST.unlink, "export is not a whole export: it has no manifest.json."),
    (lambda: cut(MANIFEST, 10), "manifest.json is damaged: it is not JSON."),
    (lambda: MANIFEST.write_text("[]"), "is of another format than 1."),
    (lambda: edit(format=2), "is of another format than 1."),
    (lambda: edit(tables=[]), "manifest.json is damaged: a value is missing or wrong."),
    (lambda: edit(sequences={"ticket_events": "9"}), "a value is missing or wrong."),
    (lambda: edit(more=1), "a value is missing or wrong."),
    (lambda: edit(files=3), "a value is missing or wrong."),
    (lambda: edit(id="x"), "The export is damaged: its id is wrong."),
    (lambda: edit(schema="0001"), "The export has the schema 0001, and this deskgraph has"),
    (lambda: edit(schema="9999"), "The export has the schema 9999, and this deskgraph has"),
    (add_table, "The export has the table 'secrets', which is unknown."),
    (remove_table, "The export is damaged: it has no table users."),
]
# Seen at their row, with rows before them written.
ROWS: list[tuple[Callable[[], object], str]] = [
    (lambda: forge_row("tickets", status="odd"), "tickets.jsonl, line 3: status is 'odd', not"),
    (lambda: forge_row("tickets", subject="x" * 201), "line 3: subject has 201 characters, 200"),
    (lambda: forge_row("tickets", subject="\0"), "line 3: subject has characters that no text"),
    (lambda: forge_row("tickets", created_at="2025-11-19T10:00:00"), "created_at is no time in"),
    (lambda: forge_row("tickets", created_at=7), "line 3: created_at is no time: 7."),
    (lambda: forge_row("tickets", id="7"), "line 3: id is no UUID: '7'."),
    (lambda: forge_row("tickets", odd=1), "line 3: has 'odd', which is no column."),
    (lambda: forge("tickets", lambda some: some.__setitem__(2, b"{}\n")), "line 3: has no id."),
    (lambda: forge("tickets", lambda some: some.__setitem__(2, b"[\n")), "line 3: is not JSON."),
    (lambda: forge("tickets", lambda some: some.__setitem__(2, b"1\n")), "not a JSON object."),
    (lambda: forge_row("tickets", version=2**31), "line 3: version is no number of 32 bits."),
    (lambda: forge_row("users", password=7), "users.jsonl, line 3: password does not fit."),
    (lambda: forge_row("users", is_active=1), "users.jsonl, line 3: is_active is neither true"),
    (lambda: forge_row("ticket_events", changes=None), "line 3: changes is missing."),
    (lambda: forge_row("comments", is_internal="no"), "comments.jsonl, line 3: is_internal is"),
    (lambda: forge("companies", append), "companies.jsonl, line"),
    (
        lambda: forge_row("tickets", company_id="6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
        "tickets.jsonl, line 3: the row does not fit: ",
    ),
    (lambda: forge_row("users", role="Customer", company_id=None), "line 3: the row does not fit"),
]


def test_what_is_no_whole_export_is_refused_before_anything_is_written(
    run: Run, there: Desk
) -> None:
    before = everything(there.url)
    for harm, words in HARMS:
        shutil.rmtree(EXPORT, ignore_errors=True)
        shutil.copytree("good", EXPORT)
        harm()
        assert_refused(run("import", "export"), words)
        assert everything(there.url) == before, words


@pytest.mark.parametrize("kind", [pytest.param("sqlite", marks=pytest.mark.proof), "postgres"])
def test_a_row_that_does_not_fit_is_told_by_its_line(
    run: Run, there: Desk, new_desk: NewDesk, use: Use, kind: str
) -> None:
    desk = new_desk(kind)
    use(desk)
    for harm, words in ROWS if kind == "sqlite" else ROWS[-3:]:
        shutil.rmtree(EXPORT, ignore_errors=True)
        shutil.copytree("good", EXPORT)
        harm()
        ended = run("import", "export")
        assert_refused(ended, words)
        # Nothing of its batch is there, which is all of the table.
        table = ended.err.removeprefix("deskgraph: ").partition(".jsonl")[0]
        assert rows(desk.url, f"SELECT 1 FROM {table} LIMIT 1") == []
        on(desk.url, lambda database: run_script(database, DELETES))


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_a_database_with_rows_is_refused(
    run: Run, there: Desk, new_desk: NewDesk, use: Use, kind: str
) -> None:
    desk = new_desk(kind)
    on(desk.url, lambda database: insert(database, company("hilton")))
    use(desk)
    before = everything(desk.url)
    assert_refused(run("import", "good"), "The database is not empty, there are rows in companies")
    assert everything(desk.url) == before


def test_another_export_is_refused_where_one_was_imported_or_begun(run: Run, there: Desk) -> None:
    shutil.copytree("good", "other")
    Path("other/manifest.json").write_text(
        json.dumps(
            json.loads(Path("good/manifest.json").read_text())
            | {"id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8"}
        )
    )
    shutil.copytree("good", EXPORT)
    forge_row("comments", text=7)
    assert_refused(run("import", "export"), "comments.jsonl, line 3: text is no text: 7.")
    begun = everything(there.url)
    assert begun["tickets"]
    assert_refused(run("import", "other"), "has an unfinished import of another export")
    assert everything(there.url) == begun
    # The same one goes on once it is right.
    assert run("import", "good").out.startswith("The import went on where it was interrupted.\n")
    whole = everything(there.url)
    assert_refused(run("import", "other"), "The database is not empty")
    assert everything(there.url) == whole


def test_a_desk_that_is_written_meanwhile_is_told(run: Run, there: Desk) -> None:
    shutil.copytree("good", EXPORT)
    forge_row("comments", text=7)
    assert run("import", "export").code == 1
    on(there.url, lambda database: insert(database, company("meanwhile")))
    assert_refused(run("import", "good"), "The table companies has ", "something else writes")


def test_a_database_without_tables_says_what_to_run(
    run: Run, there: Desk, environment: Callable[..., None]
) -> None:
    environment(database_url="sqlite:///none.db")
    assert_refused(run("import", "good"), "migrate")
    assert_refused(run("export", "more"), "migrate")
    assert not Path("none.db").exists()


def test_a_database_of_another_schema_is_refused(there: Desk) -> None:
    change(there.url, "UPDATE alembic_version SET version_num = '9999'")
    files, now = open_files(there.files.as_uri()), datetime.now(UTC)
    before = everything(there.url)
    for work in (
        lambda database: export(database, None, EXPORT, now, silent),
        lambda database: run_import(database, files, Path("good"), silent),
    ):
        with pytest.raises(TransferError, match="The database has the schema 9999, and this"):
            on(there.url, work)
    assert everything(there.url) == before
    assert not EXPORT.exists()


def test_a_folder_of_other_things_is_left_alone(run: Run, there: Desk) -> None:
    EXPORT.mkdir()
    (EXPORT / "notes").write_text("mine")
    assert_refused(run("export", "export"), "export is not an empty folder.")
    assert_refused(run("export", "export/notes"), "cannot be written")
    assert [path.name for path in EXPORT.iterdir()] == ["notes"]


def test_what_the_system_refuses_is_told_with_the_file(run: Run, there: Desk) -> None:
    shutil.copytree("good", EXPORT)
    (EXPORT / "users.jsonl").unlink()
    (EXPORT / "users.jsonl").symlink_to("users.jsonl")
    assert_refused(run("import", "export"), "not whole: export/users.jsonl is missing.")
    Path("more").mkdir()
    Path("more/progress.json").mkdir()
    assert_refused(run("export", "more"), "more/progress.json cannot be read")


def test_a_list_of_files_that_leads_elsewhere_is_refused(
    run: Run, new_desk: NewDesk, use: Use
) -> None:
    desk, other = new_desk("sqlite"), new_desk("sqlite")
    fill(desk)
    add_files(desk)
    use(desk)
    assert run("export", "export", "--files").code == 0
    use(other)
    listed = EXPORT / "files.jsonl"
    first = json.loads(listed.read_text().splitlines()[0])
    for line in (json.dumps(first | {"key": "../../outside"}), "{}", "[]", "broken"):
        listed.write_text(f"{line}\n")
        edit(list_sha256=hashlib.sha256(listed.read_bytes()).hexdigest())
        assert_refused(run("import", "export"), "export/files.jsonl is damaged.")
    assert [path for path in other.files.rglob("*") if path.is_file()] == []
    assert everything(other.url)["tickets"] == []


def test_a_row_that_no_line_can_have_is_told(run: Run, new_desk: NewDesk, use: Use) -> None:
    desk = new_desk("sqlite")
    fill(desk)
    change(desk.url, "UPDATE webhooks SET filter = '{broken'")
    use(desk)
    assert_refused(run("export", "export"), "A row of webhooks has a value that its column cannot")
