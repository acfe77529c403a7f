"""Writing tickets: what may be sent, what comes back, and that a refused write changes nothing."""

import re
from typing import Any

import pytest

from tests.support.named_rows import NAMES
from tests.support.rest_client import RestClient
from tests.support.rows import key

pytestmark = pytest.mark.anyio

NOBODY = "99999999-0000-4000-8000-000000000000"
REQUIRED = "This field is required."
NOW = "2025-11-19T12:00:00Z"


async def test_a_minimal_ticket(api: RestClient) -> None:
    response = await api.post("tickets/", json=api.minimal())

    assert response.status_code == 201
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert (
        body
        | {
            "ticket_number": "T-20251119-0001",
            "status": "new",
            "priority": "medium",
            "category": "general",
            "assigned_team": "",
            "created_by": str(key("keith")),
            "tags": "",
            "comments": [],
            "created_at": NOW,
            "updated_at": NOW,
        }
        == body
    )
    assert (await api.get(f"tickets/{body['id']}/")).json() == body


async def test_a_full_ticket(api: RestClient) -> None:
    sent = api.minimal(
        subject="  trimmed  ",
        description=42,
        status="pending",
        priority="high",
        category="technical",
        contact=str(key("john")),
        assigned_to=key("admin").hex.upper(),
        due_date="2099-11-20T17:00:00+07:00",
        tags=" a,b ",
    )
    body = (await api.post("tickets/", json=sent)).json()

    assert (
        body
        | {
            "subject": "trimmed",
            "description": "42",
            "status": "pending",
            "priority": "high",
            "contact_name": "John Smith",
            "assigned_to_name": "Admin Test",
            "assigned_team": "Tech",
            "due_date": "2099-11-20T10:00:00Z",
            "tags": "a,b",
            "is_overdue": False,
        }
        == body
    )


async def test_read_only_and_unknown_fields_are_ignored(api: RestClient) -> None:
    sent = api.minimal(
        id=NOBODY, ticket_number="T-1", created_by=NOBODY, resolved_at=NOW, comments=5, x=None
    )
    body = (await api.post("tickets/", json=sent)).json()

    assert body["id"] != NOBODY
    assert body["ticket_number"] == "T-20251119-0001"
    assert body["created_by"] == str(key("keith"))
    assert body["resolved_at"] is None


WRONG_FIELDS: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"subject": "   "}, {"subject": "This field may not be blank."}),
    ({"subject": None}, {"subject": "This field may not be null."}),
    ({"subject": "x" * 201}, {"subject": "Ensure this field has no more than 200 characters."}),
    ({"subject": True}, {"subject": "Not a valid string."}),
    ({"subject": ["x"]}, {"subject": "Not a valid string."}),
    ({"subject": "a\0b"}, {"subject": "Null characters are not allowed."}),
    (
        {"subject": "a\ud83d"},
        {"subject": "Surrogate characters are not allowed: U+D83D."},
    ),
    ({"priority": "asap"}, {"priority": '"asap" is not a valid choice.'}),
    ({"status": ""}, {"status": '"" is not a valid choice.'}),
    ({"status": None}, {"status": "This field may not be null."}),
    ({"category": 5}, {"category": '"5" is not a valid choice.'}),
    ({"assigned_team": "Nobody"}, {"assigned_team": '"Nobody" is not a valid choice.'}),
    ({"assigned_team": None}, {"assigned_team": "This field may not be null."}),
    ({"company": NOBODY}, {"company": f'Invalid pk "{NOBODY}" - object does not exist.'}),
    ({"company": 5}, {"company": 'Invalid pk "5" - object does not exist.'}),
    ({"company": "hilton"}, {"company": "“hilton” is not a valid UUID."}),
    ({"company": "\ud800"}, {"company": "“\ud800” is not a valid UUID."}),
    ({"company": [1]}, {"company": "“[1]” is not a valid UUID."}),
    ({"company": -1}, {"company": "“-1” is not a valid UUID."}),
    ({"company": 1e300}, {"company": "“1e+300” is not a valid UUID."}),
    (
        {"company": True},
        {"company": "Incorrect type. Expected pk value, received bool."},
    ),
    ({"company": ""}, {"company": "This field may not be null."}),
    ({"contact": NOBODY}, {"contact": f'Invalid pk "{NOBODY}" - object does not exist.'}),
    (
        {"due_date": "0001-01-01T00:00:00+14:00"},
        {"due_date": "Datetime value out of range."},
    ),
    (
        {"company": NOBODY.upper().replace("9", "A"), "subject": "", "priority": {}},
        {
            "company": 'Invalid pk "AAAAAAAA-0000-4000-8000-000000000000" - object does not exist.',
            "subject": "This field may not be blank.",
            "priority": '"{}" is not a valid choice.',
        },
    ),
]


async def test_every_wrong_field_is_told(api: RestClient) -> None:
    for sent, errors in WRONG_FIELDS:
        answer = {name: [message] for name, message in errors.items()}

        await api.refuses("POST", "tickets/", api.minimal(**sent), 400, answer)
        await api.refuses("PATCH", f"tickets/{key('volume')}/", sent, 400, answer)


async def test_what_is_required(api: RestClient) -> None:
    missing = {name: [REQUIRED] for name in ("subject", "description", "company")}

    await api.refuses("POST", "tickets/", {}, 400, missing)
    await api.refuses("PUT", f"tickets/{key('volume')}/", {"tags": "x"}, 400, missing)


async def test_patching_leaves_the_rest(api: RestClient) -> None:
    path = f"tickets/{key('offline')}/"
    before = (await api.get(path)).json()
    body = (await api.patch(path, json={"status": "in_progress", "due_date": None})).json()

    changed = {"status": "in_progress", "due_date": None, "is_overdue": False, "updated_at": NOW}
    assert body == before | changed


async def test_putting_keeps_what_is_optional(api: RestClient) -> None:
    path = f"tickets/{key('offline')}/"
    body = (await api.put(path, json=api.minimal(subject="Rewritten"))).json()

    assert (body["subject"], body["priority"], body["tags"]) == (
        "Rewritten",
        "high",
        "vip,zone",
    )


async def test_resolving_stamps_the_time_once(api: RestClient) -> None:
    path = f"tickets/{key('volume')}/"
    assert (await api.patch(path, json={"status": "resolved"})).json()["resolved_at"] == NOW
    api.clock.move(hours=1)
    body = (await api.patch(path, json={"status": "in_progress"})).json()
    assert (body["resolved_at"], body["updated_at"]) == (NOW, "2025-11-19T13:00:00Z")
    assert (await api.patch(path, json={"status": "resolved"})).json()["resolved_at"] == NOW


async def test_deleting(api: RestClient) -> None:
    path = f"tickets/{key('offline')}/"
    response = await api.delete(path)

    assert (response.status_code, response.content) == (204, b"")
    for again in (await api.delete(path), await api.get(path), await api.patch(path, json={})):
        assert again.status_code == 404
        assert again.json() == {"detail": "No Ticket matches the given query."}
    left = (await api.get("ticket-comments/")).json()["results"]
    assert {NAMES[row["id"]] for row in left} == {"own", "note", "theirs"}


async def test_customers_write_only_for_their_company(api: RestClient) -> None:
    created = await api.post("tickets/", "carla", json=api.minimal())
    assert created.status_code == 201
    own = f"tickets/{created.json()['id']}/"
    assert (await api.patch(own, "carla", json={"subject": "Mine"})).status_code == 200
    commented = await api.post(own + "add_comment/", "carla", json={"text": "Hello"})
    assert commented.status_code == 201

    company = str(key("centara"))
    unknown = {"company": [f'Invalid pk "{company}" - object does not exist.']}
    foreign = api.minimal(company=company)
    await api.refuses("POST", "tickets/", foreign, 400, unknown, "carla")
    missing = {"detail": "No Ticket matches the given query."}
    for method, path in [("PATCH", ""), ("DELETE", ""), ("POST", "assign/"), ("PUT", "")]:
        path = f"tickets/{key('bill')}/{path}"
        await api.refuses(method, path, api.minimal(), 404, missing, "carla")


NOT_FOR_CUSTOMERS = [
    ("DELETE", "", {}, "Only staff may delete tickets."),
    ("POST", "assign/", {}, "Only staff may assign tickets."),
    ("PATCH", "", {"status": "closed"}, "Customers may not set status."),
    (
        "POST",
        "add_comment/",
        {"text": "x", "is_internal": True},
        "Only staff may write internal notes.",
    ),
]


async def test_what_customers_may_not(api: RestClient) -> None:
    for method, path, body, detail in NOT_FOR_CUSTOMERS:
        path = f"tickets/{key('volume')}/{path}"

        await api.refuses(method, path, body, 403, {"detail": detail}, "carla")


async def test_creating_checks_all_references_in_one_statement(api: RestClient) -> None:
    # Reads the account.
    await api.get("auth/me/")
    alone: dict[str, str] = {}
    with_all = {"contact": str(key("john")), "assigned_to": str(key("keith"))}
    for more, count in ((alone, 1), (with_all, 2)):
        api.statements.clear()
        assert (await api.post("tickets/", json=api.minimal(**more))).status_code == 201
        assert [_verb(sql) for sql in api.statements if "BEGIN" not in sql] == [
            # The contact's row is locked as well.
            *["SELECT"] * count,
            "INSERT INTO day_counters",
            "INSERT INTO tickets",
            "INSERT INTO ticket_events",
            "SELECT",
        ]


def _verb(sql: str) -> str:
    found = re.search(r"INSERT INTO \w+", sql)
    return found[0] if found else sql.split()[0]
