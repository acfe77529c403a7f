"""``importTickets``: what becomes of the rows of a file."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deskgraph.app import utc_now
from deskgraph.backup.stored_files import files_of
from deskgraph.storage.file_store import FileStore
from deskgraph.storage.orphan_cleanup import clean_up_orphans
from models import BulkJobState, Team, TicketCategory, TicketPriority, TicketStatus
from resolvers.bulk.jobs import BATCH
from tests.bulk.conftest import Desk
from tests.bulk.importing import (
    REJECTS,
    csv_of,
    finished,
    lines_of,
    post,
    refused,
    rejects,
    send,
    started,
    table_of,
)
from tests.support.rows import company, contact, key

pytestmark = pytest.mark.anyio

HEADER = "subject,description,company_name"


@pytest.fixture(autouse=True)
async def contacts(desk: Desk) -> None:
    await desk.gql.add(
        contact("john", name="John", email="John@hilton.example"),
        contact("jane", name="Jane", email="jane@centara.example", company_id=key("centara")),
        contact("joe", name="Joe"),
        contact("joe2", name="Joe"),
    )
    desk.gql.statements.clear()


async def test_every_column_becomes_a_value(desk: Desk) -> None:
    header = (
        "Subject;description;status;Priority;category;Company name;contactEmail;"
        "assigned-to-username;assigned_team;tags;due_date"
    )
    row = (
        'Zone 3 offline;"One; ""two""\nthree";In progress;HIGH;zone_config;hilton;'
        "john@HILTON.example;keith;music;vip, zone;2025-12-01"
    )
    job = await finished(desk, "\ufeff" + csv_of(header, row))
    assert (job["state"], job["changedCount"], job["failedCount"]) == ("DONE", 1, 0)
    assert (job["kind"], job["totalCount"]) == ("IMPORT", 1)
    [found] = await desk.tickets()
    assert (found.subject, found.description) == ("Zone 3 offline", 'One; "two"\nthree')
    assert (found.status, found.priority) == (TicketStatus.IN_PROGRESS, TicketPriority.HIGH)
    assert (found.category, found.assigned_team) == (TicketCategory.ZONE_CONFIG, Team.MUSIC)
    assert (found.company_id, found.contact_id) == (key("hilton"), key("john"))
    assert (found.assigned_to_id, found.created_by_id) == (key("keith"), key("keith"))
    assert (found.tags, found.due_date) == ("vip,zone", datetime(2025, 12, 1, tzinfo=UTC))


async def test_json_lines_become_the_same(desk: Desk) -> None:
    lines = [
        {"subject": "A", "description": "B", "companyId": str(key("hilton")), "contactName": "John"}
        | {
            "tags": ["x", "y"],
            "status": "assigned",
            "assigned_to_username": None,
            "ticket_number": "T-1",
        },
        {"subject": 17, "description": "=1+1", "company_name": "centara", "tags": "a,b"},
    ]
    content = "\n\n".join(json.dumps(line) for line in lines)
    job = await finished(desk, content, name="tickets.jsonl")
    assert (job["state"], job["changedCount"]) == ("DONE", 2)
    first, second = await desk.tickets()
    assert (first.tags, first.status) == ("x,y", TicketStatus.ASSIGNED)
    assert first.contact_id == key("john")
    assert (second.subject, second.description, second.tags) == ("17", "=1+1", "a,b")


async def test_a_mapping_and_defaults_take_files_of_others(desk: Desk) -> None:
    content = csv_of("Betreff,Text,Firma,Nr", "A,B,hilton,1", "C,,,2")
    mapping = [
        {"column": "Betreff", "field": "SUBJECT"},
        {"column": "Text", "field": "DESCRIPTION"},
        {"column": "Firma", "field": "COMPANY_NAME"},
        {"column": "Nr", "field": None},
    ]
    defaults = [
        {"field": "COMPANY_NAME", "value": "centara"},
        {"field": "DESCRIPTION", "value": "-"},
        {"field": "PRIORITY", "value": "urgent"},
    ]
    job = await finished(desk, content, mapping=mapping, defaults=defaults)
    assert job["changedCount"] == 2
    first, second = await desk.tickets()
    assert (first.company_id, first.description) == (key("hilton"), "B")
    assert (second.company_id, second.description) == (key("centara"), "-")
    assert first.priority is TicketPriority.URGENT


async def test_wrong_rows_are_errors_with_their_line_and_column(desk: Desk) -> None:
    await desk.gql.add(company("twin", name="Twin"), company("twin2", name="Twin"))
    header = "subject,description,company_name,contact_name,priority,assigned_to_username,due_date"
    rows = [
        '"Two\nlines",D,hilton,,,,',
        ",D,hilton,,,,",
        "S,D,nobody,,,,",
        "S,D,Twin,,,,",
        "S,D,hilton,Joe,,,",
        "S,D,hilton,Jane,,,",
        "S,D,hilton,,soon,carla,tomorrow",
        "S,D,hilton",
        "S,D,hilton,,,,,more",
        "S,D,hilton,,,,",
    ]
    key = await started(desk, csv_of(header, *rows))
    await desk.work()
    job = await desk.job(key)
    assert (job["changedCount"], job["failedCount"], job["doneCount"]) == (2, 8, 10)
    found = {
        (one["position"], *error["field"][1:]): error["message"]
        for one in await desk.errors(key)
        for error in one["errors"]
    }
    assert found == {
        (1, "4", "subject"): "A value is required.",
        (2, "5", "companyName"): "There is no such object.",
        (3, "6", "companyName"): "There are several of this name: give the id.",
        (4, "7", "contactName"): "There are several of this name: give the id.",
        (5, "8", "contactName"): "There is no such object.",
        (6, "9", "priority"): "'soon' is not one of the choices.",
        (6, "9", "assignedToUsername"): "There is no such object.",
        (6, "9", "dueDate"): "Must be an RFC 3339 time.",
        (7, "10"): "The row has 3 values, and the header 7.",
        (8, "11"): "The row has 8 values, and the header 7.",
    }


async def test_rejects_are_the_rows_with_their_errors_and_can_be_imported_again(
    desk: Desk,
) -> None:
    content = csv_of(
        f"{HEADER},note",
        "A,D,hilton,x",
        '\'=B,"D\nd",nobody,=1',
        "C,D",
        "E,D,hilton,x,y",
    )
    mapping = [{"column": "note", "field": None}]
    job = await finished(desk, content, mapping=mapping)
    found = await rejects(desk, job["id"])
    assert table_of(found) == [
        ["subject", "description", "company_name", "note", "error"],
        ["'=B", "D\nd", "nobody", "'=1", "Line 3, companyName: There is no such object."],
        ["C", "D", "", "", "Line 5: The row has 2 values, and the header 4."],
        ["E", "D", "hilton", "x", "Line 6: The row has 5 values, and the header 4.", "y"],
    ]
    corrected = found.replace(b"nobody", b"centara").replace(b",y\r\n", b"\r\n")
    corrected = corrected.replace(b"C,D,,", b"C,D,hilton,")
    again = await finished(desk, corrected, mapping=mapping)
    assert (again["changedCount"], again["failedCount"]) == (3, 0)
    assert [one.subject for one in await desk.tickets()] == ["A", "=B", "C", "E"]


async def test_rejects_of_json_lines_keep_what_was_no_object(desk: Desk) -> None:
    lines = [
        '{"subject": "A", "description": "D", "company_name": "nobody", "tags": ["x"]}',
        "not json",
        "[1]",
        '{"subject": "A", "subject": "B"}',
        '{"subject": "A", "Subject": "B"}',
        '{"subject": "A", "colour": "red"}',
        '{"subject": {"a": 1}}',
        '{"subject": NaN}',
        "[" * 100_000,
    ]
    job = await finished(desk, "\n".join(lines), name="x", format="JSONL")
    assert (job["changedCount"], job["failedCount"]) == (0, 9)
    found = lines_of(await rejects(desk, job["id"]))
    assert found[0] == {
        "subject": "A",
        "description": "D",
        "company_name": "nobody",
        "tags": ["x"],
        "error": "Line 1, companyName: There is no such object.",
    }
    assert found[1] == {"line": "not json", "error": "Line 2: The line is not JSON."}
    assert [one["error"].split(": ", 1)[1] for one in found[2:]] == [
        "The line is no JSON object.",
        "The object has the member 'subject' twice.",
        "Several members are the same field: subject.",
        "It is not known what the member 'colour' is: name it in `mapping`.",
        "Must be a text.",
        "The line is not JSON.",
        "The line is not JSON.",
    ]


async def test_characters_that_no_text_can_have_are_refused(desk: Desk) -> None:
    fine = '"description": "D", "company_name": "hilton"'
    lines = [
        f'{{"subject": "a\\u0000b", {fine}}}',
        f'{{"subject": "a\\ud800b", {fine}}}',
        '{"subject": "S", "description": "D", "company_name": "a\\u0000b"}',
        '{"subject": "S", "description": "D", "company_name": "a\\ud800b"}',
        f'{{"subject": "S", "status": "\\ud800\\u0000", {fine}}}',
        f'{{"\\ud800\\u0000": "S", {fine}}}',
        '{"subject": "a\0b"}',
    ]
    job = await finished(desk, "\n".join(lines), name="x.jsonl")
    assert (job["state"], job["failedCount"]) == ("DONE", len(lines))
    assert len(lines_of(await rejects(desk, job["id"]))) == len(lines)
    rows = ["a\0b,D,hilton", "S,D,a\0b"]
    job = await finished(desk, csv_of(HEADER, *rows))
    assert (job["state"], job["failedCount"]) == ("DONE", len(rows))
    assert len(table_of(await rejects(desk, job["id"]))) == 1 + len(rows)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "The file has no tickets."),
        ("\r\n\r\n", "The file has no tickets."),
        (f"{HEADER}\n", "The file has no tickets."),
        (f"{HEADER}\n,,\n", "The file has no tickets."),
        ("subject,subject\nA,B\n", "These are given twice: subject."),
        ("subject,Subject\nA,B\n", "Several columns are the same field: subject."),
        (
            "subject,colour\nA,B\n",
            "It is not known what these columns are: colour. Name them in `mapping`, with null to "
            "leave them out.",
        ),
        (
            "status\nnew\n",
            "There is neither a column nor a default for: subject, description, company_name.",
        ),
        (f'{HEADER}\nA,"B,C\n', "The quotes that begin in line 2 do not end."),
        (
            f"{HEADER}\nA,B,hilton\nÜ,B,hilton\n".encode("latin-1"),
            "Line 3 is not UTF-8: save the file as CSV UTF-8.",
        ),
        (f"{HEADER}\nA".encode("utf-16"), "Line 1 is not UTF-8: save the file as CSV UTF-8."),
        (
            ",".join(f"c{n}" for n in range(201)) + "\n",
            "There may be at most 200 columns, not 201.",
        ),
    ],
)
async def test_files_that_nothing_can_come_of_are_refused(
    desk: Desk, content: str | bytes, message: str
) -> None:
    error = await refused(desk, content)
    assert (error["field"], error["message"]) == (["file"], message)


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"name": "tickets"}, ["format"], "A value is required."),
        (
            {"mapping": [{"column": "x", "field": "TAGS"}]},
            ["file"],
            "The file has no such columns: x.",
        ),
        (
            {"mapping": [{"column": "x", "field": "TAGS"}] * 2},
            ["mapping"],
            "These are given twice: x.",
        ),
        (
            {"defaults": [{"field": "TAGS", "value": "x"}] * 2},
            ["defaults"],
            "These are given twice: tags.",
        ),
        (
            {"defaults": [{"field": "TAGS", "value": "x" * 10_001}]},
            ["defaults"],
            "May have at most 10000 characters.",
        ),
    ],
)
async def test_wrong_arguments_are_refused(
    desk: Desk, given: dict[str, Any], field: list[str], message: str
) -> None:
    error = await refused(desk, csv_of(HEADER, "A,B,hilton"), **given)
    assert (error["field"], error["message"]) == (field, message)


async def test_the_file_is_kept_until_the_job_ends(desk: Desk) -> None:
    content = csv_of(HEADER, *["A,B,hilton"] * (BATCH + 1))
    job = await started(desk, content)
    assert len(desk.gql.world.files()) == 1
    assert await desk.runner.step()
    assert len(desk.gql.world.files()) == 1
    assert await desk.runner.step()
    assert desk.gql.world.files() == []
    assert (await desk.job(job))["state"] == "DONE"
    assert not await desk.runner.step()


async def test_backups_have_the_file_of_an_open_import_and_it_is_no_orphan(desk: Desk) -> None:
    database, services = desk.gql.database, desk.gql.services
    assert isinstance(services.files, FileStore)
    await started(desk, csv_of(HEADER, "A,B,hilton"))
    before = utc_now() + timedelta(days=1)
    swept = clean_up_orphans(database, services.files, before=before, remove=True)
    assert [one async for one in swept] == []
    async with database.engine.connect() as connection:
        named = [one async for one in files_of(connection)]
    [key] = desk.gql.world.files()
    assert [(one.key, one.name) for one in named] == [(key, "tickets.csv")]


async def test_a_dry_run_says_what_would_be_refused_and_creates_nothing(desk: Desk) -> None:
    before = (
        (await desk.gql.everything())["tickets"],
        (await desk.gql.everything())["ticket_events"],
    )
    content = csv_of(HEADER, *["A,B,hilton"] * BATCH, "A,B,nobody", "A,B,centara")
    job = await finished(desk, content, dryRun=True)
    assert (job["state"], job["changedCount"], job["failedCount"]) == ("DONE", BATCH + 1, 1)
    after = await desk.gql.everything()
    assert (after["tickets"], after["ticket_events"]) == before
    assert desk.gql.world.files() == []
    [error] = await desk.errors(job["id"])
    assert error["position"] == BATCH
    assert len(table_of(await rejects(desk, job["id"]))) == 2


async def test_a_cancelled_import_keeps_what_it_has_created(desk: Desk) -> None:
    job = await started(desk, csv_of(HEADER, *["A,B,hilton"] * (BATCH + 1)))
    assert await desk.runner.step()
    query = "mutation($id: ID!) { cancelBulkJob(input: {id: $id}) { errors { message } } }"
    await desk.gql.ask(query, {"id": job})
    assert (await desk.job(job))["state"] == "CANCELLED"
    assert desk.gql.world.files() == []
    assert not await desk.runner.step()
    assert len(await desk.tickets()) == BATCH


async def test_an_import_is_undone_as_a_whole(desk: Desk) -> None:
    job = await finished(desk, csv_of(HEADER, *["A,B,hilton"] * (BATCH + 1)))
    await desk.finish("undoBulkJob", id=job["id"])
    assert await desk.tickets() == []


async def test_a_file_that_is_gone_fails_the_job(desk: Desk) -> None:
    job = await started(desk, csv_of(HEADER, "A,B,hilton"))
    [path] = desk.gql.world.files()
    (desk.gql.world.media / path).unlink()
    await desk.work()
    found = await desk.job(job)
    assert (found["state"], found["reason"]) == (
        BulkJobState.FAILED.name,
        "The file is not in the file store any more.",
    )
    assert await desk.tickets() == []


async def test_customers_import_for_their_own_company(desk: Desk) -> None:
    content = csv_of("subject,description", "A,B")
    job = await finished(desk, content, "carla")
    assert job["changedCount"] == 1
    [found] = await desk.tickets()
    assert (found.company_id, found.created_by_id) == (key("hilton"), key("carla"))
    # Others do not exist for them, and what is for staff is refused.
    content = csv_of(f"{HEADER},status", "A,B,centara,", "A,B,hilton,new")
    key_of_job = await started(desk, content, "carla")
    await desk.work()
    assert len(await desk.tickets()) == 1
    assert table_of(await rejects(desk, key_of_job, "carla"))[1:] == [
        ["A", "B", "centara", "", "Line 2, companyName: There is no such object."],
        ["A", "B", "hilton", "new", "Line 3: Customers may not set status."],
    ]


async def test_rejects_are_for_those_who_see_the_job(desk: Desk) -> None:
    job = await finished(desk, csv_of(HEADER, "A,B,nobody"))
    assert (await desk.gql.ask(REJECTS, {"id": job["id"]}, "admin"))["importRejects"]
    for viewer in ("tina", "carla"):
        assert (await desk.gql.ask(REJECTS, {"id": job["id"]}, viewer))["importRejects"] is None
    fine = await finished(desk, csv_of(HEADER, "A,B,hilton"))
    assert (await desk.gql.ask(REJECTS, {"id": fine["id"]}))["importRejects"] is None
    response = await desk.gql.client.get("/downloads/rejects?link=x.y")
    assert (response.status_code, response.json()) == (404, {"detail": "Not found."})
    export = (await desk.gql.ask("{ exportTickets { url } }"))["exportTickets"]["url"]
    response = await desk.gql.client.get(export.replace("/tickets?", "/rejects?"))
    assert response.status_code == 404


async def test_strangers_import_nothing(desk: Desk) -> None:
    before = await desk.gql.everything()
    response = await post(desk, csv_of(HEADER, "A,B,hilton"), None, "tickets.csv")
    assert "UNAUTHENTICATED" in response.text
    assert await desk.gql.everything() == before
    assert desk.gql.world.files() == []


async def test_an_import_with_a_key_is_started_once(desk: Desk) -> None:
    content = csv_of(HEADER, "A,B,hilton")
    headers = {"Idempotency-Key": "import-1"}
    first = await send(desk, content, headers=headers)
    second = await send(desk, content, headers=headers)
    assert first == second
    assert len(desk.gql.world.files()) == 1
    await desk.work()
    assert len(await desk.tickets()) == 1


async def test_too_many_open_jobs_leave_no_file(desk: Desk) -> None:
    content = csv_of(HEADER, "A,B,hilton")
    for _ in range(10):
        await started(desk, content)
    error = await refused(desk, content)
    assert "10 jobs that have not ended" in error["message"]


async def test_how_many_statements_a_batch_takes_does_not_depend_on_its_rows(desk: Desk) -> None:
    counts = []
    for rows in (2, BATCH):
        content = csv_of(
            f"{HEADER},contact_email,assigned_to_username",
            *["A,B,hilton,john@hilton.example,keith", "A,B,centara,,"] * (rows // 2),
        )
        await started(desk, content)
        desk.gql.statements.clear()
        assert await desk.runner.step()
        counts.append(len(desk.gql.statements))
    assert counts[0] == counts[1] < 30


async def test_what_an_export_writes_an_import_reads(desk: Desk) -> None:
    content = csv_of(
        f"{HEADER},contact_email,tags,status,priority,assigned_to_username,due_date",
        '=1+1,"a\n""b"",c",hilton,john@hilton.example,"x,y",closed,low,keith,2025-12-01T08:30:00Z',
        "'=quoted,-,centara,,,,,,",
        "\uff1d二 ❄,b,centara,jane@centara.example,,pending,urgent,,",
    )
    await finished(desk, content)
    before = await desk.tickets()
    assert len(before) == 3
    order = "[{field: TICKET_NUMBER, direction: ASC}]"
    for format in ("CSV", "JSONL"):
        query = f"{{ exportTickets(format: {format}, orderBy: {order}) {{ url fileName }} }}"
        link = (await desk.gql.ask(query))["exportTickets"]
        exported = (await desk.gql.client.get(link["url"])).content
        desk.gql.clock.now = datetime(2025, 11, 20, tzinfo=UTC)
        job = await finished(desk, exported, name=link["fileName"])
        assert job["failedCount"] == 0
        created = (await desk.tickets())[-len(before) :]
        names: tuple[str, ...] = ("subject", "description", "company_id", "contact_id", "tags")
        names += ("status", "priority", "category", "assigned_to_id", "assigned_team", "due_date")
        for one, other in zip(before, created, strict=True):
            assert one.id != other.id
            assert [getattr(one, name) for name in names] == [
                getattr(other, name) for name in names
            ]
        await desk.finish("undoBulkJob", id=job["id"])
