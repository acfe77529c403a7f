"""Rules of the old system that no single path shows: each was found by asking it."""

from typing import Any

import pytest

from tests.support.rest_client import RestClient
from tests.support.rows import comment, key

pytestmark = pytest.mark.anyio

NOBODY = "99999999-0000-4000-8000-000000000000"
NOT_ACCEPTABLE = {"detail": "Could not satisfy the request Accept header."}
UNACCEPTED = [
    "text/html",
    "application/xml",
    "",
    ",",
    "garbage",
    "text/*",
    "*",
    "application/json2",
]
ACCEPTED = [
    "*/*",
    "application/*",
    "application/json",
    "APPLICATION/JSON ; version=2",
    "application/json; indent=4",
    "application/json;q=0",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "*/json",
]


@pytest.mark.parametrize("path", ["tickets/", "tickets/x/", "auth/login/", ""])
async def test_a_client_that_takes_no_json_is_told_before_anything_else(
    api: RestClient, path: str
) -> None:
    before = await api.everything()
    for accept in UNACCEPTED:
        for method, who in (("GET", None), ("GET", "keith"), ("POST", "keith"), ("TRACE", None)):
            response = await api.call(method, path, who, headers={"Accept": accept})
            assert (response.status_code, response.json()) == (406, NOT_ACCEPTABLE)
            assert "allow" in response.headers
    assert await api.everything() == before


async def test_json_is_taken_in_many_ways(api: RestClient) -> None:
    for accept in ACCEPTED:
        response = await api.get("tickets/", headers={"Accept": accept})
        assert response.status_code == 200
        assert response.headers["content-type"] == "application/json"
    both = [("Accept", "text/html"), ("Accept", "application/json")]
    token = api.services.tokens.access(key("keith"))
    headers = [*both, ("Authorization", f"Bearer {token}")]
    assert (await api.client.get("/api/v1/tickets/", headers=headers)).status_code == 200


async def test_formats(api: RestClient) -> None:
    assert (await api.get("tickets/?format=json")).status_code == 200
    assert (await api.get("tickets/?format=")).status_code == 200
    for name in ("xml", "api", "JSON", "csv"):
        for who in ("keith", None):
            response = await api.get(f"tickets/?format={name}", who)
            assert (response.status_code, response.json()) == (404, {"detail": "Not found."})


async def test_files_are_sent_whatever_is_accepted(api: RestClient) -> None:
    response = await api.get("/media/nothing", headers={"Accept": "image/png"})
    assert response.status_code == 404


NOT_READ: list[dict[str, Any]] = [
    {"content": b"{", "headers": {"Content-Type": "application/json"}},
    {"content": b"[]", "headers": {"Content-Type": "application/json"}},
    {"content": b"x", "headers": {"Content-Type": "text/plain"}},
    {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}},
    {"json": {"user_id": "x", "status": "x", "text": "", "name": ""}},
]


async def test_what_does_not_exist_is_told_before_what_is_wrong_with_the_body(
    api: RestClient,
) -> None:
    missing = [
        ("PATCH", f"tickets/{NOBODY}/", "admin", "Ticket"),
        ("PUT", f"tickets/{NOBODY}/", "admin", "Ticket"),
        ("POST", f"tickets/{NOBODY}/add_comment/", "admin", "Ticket"),
        ("POST", f"tickets/{NOBODY}/assign/", "admin", "Ticket"),
        ("PATCH", f"ticket-comments/{NOBODY}/", "admin", "TicketComment"),
        ("PATCH", f"ticket-attachments/{NOBODY}/", "admin", "TicketAttachment"),
        ("PATCH", f"companies/{NOBODY}/", "admin", "Company"),
        ("PATCH", f"contacts/{NOBODY}/", "admin", "Contact"),
        ("PATCH", f"users/{NOBODY}/", "admin", "User"),
        # What a customer may not see answers as what does not exist.
        ("POST", f"tickets/{key('bill')}/add_comment/", "carla", "Ticket"),
        ("PATCH", f"ticket-comments/{key('internal')}/", "carla", "TicketComment"),
    ]
    before = await api.everything()
    for method, path, who, name in missing:
        for body in NOT_READ:
            response = await api.call(method, path, who, **body)
            assert response.status_code == 404, (method, path, body, response.text)
            assert response.json() == {"detail": f"No {name} matches the given query."}
    assert await api.everything() == before


async def test_a_comment_that_moves_learns_first_whether_there_is_such_a_ticket(
    api: RestClient,
) -> None:
    await api.add(comment("hers", "offline", author_id=key("carla")))
    for who, name, ticket, sentence in [
        ("keith", "public", NOBODY, f'Invalid pk "{NOBODY}" - object does not exist.'),
        ("keith", "public", str(key("bill")), "A comment stays with its ticket."),
        ("carla", "hers", str(key("volume")), "A comment stays with its ticket."),
        (
            "carla",
            "hers",
            str(key("bill")),
            f'Invalid pk "{key("bill")}" - object does not exist.',
        ),
    ]:
        path = f"ticket-comments/{key(name)}/"
        answer = {"ticket": [sentence]}
        await api.refuses("PATCH", path, {"ticket": ticket}, 400, answer, who)


TEAMS: list[tuple[object, str]] = [
    (True, "Not a valid string."),
    (["Tech"], "Not a valid string."),
    ("x" * 21, "Ensure this field has no more than 20 characters."),
    ("a\0", "Null characters are not allowed."),
    ("\ud800", "Surrogate characters are not allowed: U+D800."),
    ("tech", '"tech" is not a valid choice.'),
    (5, '"5" is not a valid choice.'),
    (None, "This field may not be null."),
]


async def test_a_team_is_a_text_first(api: RestClient) -> None:
    path = f"tickets/{key('volume')}/"
    for sent, sentence in TEAMS:
        answer = {"assigned_team": [sentence]}
        await api.refuses("PATCH", path, {"assigned_team": sent}, 400, answer)
    for sent, team in ((" Tech ", "Tech"), ("  ", ""), ("Music", "Music"), ("", "")):
        response = await api.patch(path, json={"assigned_team": sent})
        assert response.json()["assigned_team"] == team


async def test_a_form_in_another_charset(api: RestClient) -> None:
    path = f"tickets/{key('volume')}/"

    async def subject(kind: str, content: bytes) -> str:
        response = await api.patch(path, content=content, headers={"Content-Type": kind})
        assert response.status_code == 200, response.text
        return str(response.json()["subject"])

    form = "application/x-www-form-urlencoded"
    assert await subject(f"{form}; charset=latin-1", b"subject=%E9") == "é"
    assert await subject(f"{form}; charset=idna", b"subject=%C3%A9") == "é"
    # Letters that were not escaped, in no UTF-8.
    assert await subject(form, b"subject=\xe9") == "é"
    json = "application/json"
    assert await subject(f"{json}; charset=ISO-8859-1", b'{"subject": "\xe9"}') == "é"
    assert await subject(f"{json}; charset=nonsense", '{"subject": "é"}'.encode()) == "é"
    assert await subject(f"{json}; charset=utf-16", '{"subject": "ü"}'.encode("utf-16")) == "ü"
    assert await subject("*/*", b'{"subject": "any"}') == "any"
    assert await subject("application/*", b'{"subject": "kind"}') == "kind"
    response = await api.patch(
        path, content=b'{"subject": "\xe9"}', headers={"Content-Type": f"{json}; charset=ascii"}
    )
    assert response.status_code == 400


async def test_an_empty_boundary_is_repeated(api: RestClient) -> None:
    for kind, shown in (("", "None"), ("; boundary=", "")):
        headers = {"Content-Type": f"multipart/form-data{kind}"}
        response = await api.post("tickets/", content=b"x", headers=headers)
        sentence = f"Multipart form parse error - Invalid boundary in multipart: {shown}"
        assert response.json() == {"detail": sentence}


async def test_an_upload_of_nothing_is_told_what_is_missing(api: RestClient) -> None:
    for headers in ({}, {"Content-Type": "application/json"}):
        response = await api.post("ticket-attachments/", content=b"", headers=headers)
        assert (response.status_code, response.json()) == (400, {"error": "file is required"})
    response = await api.post("ticket-attachments/", json={})
    assert response.status_code == 415


async def test_filters_by_text_are_trimmed(api: RestClient) -> None:
    for query, count in (
        ("companies/?country=%20Thailand%20", 1),
        ("companies/?country=%20", 2),
        ("contacts/?contact_type=Other%20", 2),
        # A team was never trimmed.
        ("tickets/?assigned_team=%20Tech", 0),
    ):
        assert (await api.get(query)).json()["count"] == count


async def test_a_form_that_leaves_out_a_flag_keeps_it(api: RestClient) -> None:
    path = f"ticket-comments/{key('internal')}/"
    sent = {"ticket": str(key("offline")), "text": "Still between us"}
    response = await api.put(path, data=sent)
    assert (response.status_code, response.json()["is_internal"]) == (200, True)


async def test_hours_are_never_whole_numbers(api: RestClient) -> None:
    # Strict clients read a number into one type for all rows.
    ticket = (await api.post("tickets/", json=api.minimal())).json()["id"]
    api.clock.move(hours=2)
    answer = (await api.post(f"tickets/{ticket}/add_comment/", json={"text": "x"})).json()
    assert answer["first_response_time_hours"] == 2
    assert isinstance(answer["first_response_time_hours"], float)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ("1999-12-31T23:59:59.9999999Z", "1999-12-31T23:59:59.999999Z"),
    ],
)
async def test_the_first_and_the_last_time(api: RestClient, sent: str, shown: str) -> None:
    path = f"tickets/{key('volume')}/"
    assert (await api.patch(path, json={"due_date": sent})).json()["due_date"] == shown
    # Every write reads the row first, and writes it.
    assert (await api.patch(path, json={"subject": "Again"})).json()["due_date"] == shown
    assert (await api.patch(path, json={"due_date": None})).json()["due_date"] is None


async def test_what_is_wrong_with_texts_of_a_form(api: RestClient) -> None:
    wrong = {"email": "a@b", "linkedin_url": "javascript:alert(1)"}
    answer = {"email": ["Enter a valid email address."], "linkedin_url": ["Enter a valid URL."]}
    await api.refuses("PATCH", f"contacts/{key('john')}/", wrong, 400, answer, "admin")
    wrong = {"username": "a b", "email": "x" * 255}
    answer = {
        "username": [
            "Enter a valid username. This value may contain only letters, numbers, "
            "and @/./+/-/_ characters."
        ],
        "email": [
            "Ensure this field has no more than 254 characters.",
            "Enter a valid email address.",
        ],
    }
    await api.refuses("PATCH", f"users/{key('keith')}/", wrong, 400, answer, "admin")


async def test_a_text_that_is_too_long_is_refused_with_a_sentence(
    api: RestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(api.services.__dict__, "max_text_bytes", 10)
    sentence = ["Ensure this field has no more than 10 bytes."]
    comment = {"ticket": str(key("volume")), "text": "ü" * 6}
    changes = f"tickets/{key('volume')}/"

    await api.refuses("POST", "ticket-comments/", comment, 400, {"text": sentence})
    body = api.minimal(description="ü" * 6, subject="")
    blank = ["This field may not be blank."]
    await api.refuses("POST", "tickets/", body, 400, {"subject": blank, "description": sentence})
    await api.refuses("PATCH", changes, {"description": "x" * 11}, 400, {"description": sentence})
    assert (await api.patch(changes, json={"description": "x" * 10})).status_code == 200
