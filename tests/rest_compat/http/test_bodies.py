"""Bodies of every type, right and wrong: never a server error, never a change by a wrong one."""

import pytest

from tests.support.rest_client import RestClient
from tests.support.rows import key

pytestmark = pytest.mark.anyio

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=b"


async def refused(api: RestClient, body: bytes, kind: str | None, status: int) -> object:
    """Send a body to every path that takes one, and return the answer to all of them."""
    offline, public = key("offline"), key("public")
    paths = [
        ("POST", "tickets/"),
        ("PATCH", f"tickets/{offline}/"),
        ("PUT", f"tickets/{offline}/"),
        ("POST", f"tickets/{offline}/add_comment/"),
        ("POST", f"tickets/{offline}/assign/"),
        ("POST", "ticket-comments/"),
        ("PATCH", f"ticket-comments/{public}/"),
        ("POST", "auth/login/"),
        ("POST", "auth/refresh/"),
        ("POST", "auth/logout/"),
        ("POST", "jwt/token/"),
        ("POST", "jwt/token/verify/"),
        ("POST", "users/"),
    ]
    before = await api.everything()
    answers = []
    for method, path in paths:
        headers = {} if kind is None else {"Content-Type": kind}
        response = await api.call(method, path, "admin", content=body, headers=headers)
        assert response.status_code == status, (path, response.text)
        answers.append(response.json())
    assert await api.everything() == before
    assert all(answer == answers[0] for answer in answers)
    return answers[0]


@pytest.mark.parametrize(
    ("body", "received"),
    [(b"[]", "list"), (b'"x"', "str"), (b"5", "int"), (b"1.5", "float"), (b"true", "bool")],
)
async def test_json_that_is_no_object(api: RestClient, body: bytes, received: str) -> None:
    sentence = f"Invalid data. Expected a dictionary, but got {received}."
    assert await refused(api, body, JSON, 400) == {"non_field_errors": [sentence]}


async def test_json_that_is_nothing(api: RestClient) -> None:
    assert await refused(api, b"null", JSON, 400) == {"non_field_errors": ["No data provided"]}


NOT_JSON = [
    b"{nope",
    b" ",
    b'{"text": NaN}',
    b'{"text": Infinity}',
    b'{"text": "\xff"}',
    b'\xef\xbb\xbf{"text": "x"}',
    b"[" * 100_000,
    b'{"text": ' + b"9" * 5000 + b"}",
    b"text=x",
]


async def test_json_that_cannot_be_parsed(api: RestClient) -> None:
    for body in NOT_JSON:
        answer = await refused(api, body, JSON, 400)
        assert isinstance(answer, dict)
        assert answer["detail"].startswith("JSON parse error - ")


@pytest.mark.parametrize("kind", ["text/plain", "application/xml; charset=utf-8", None])
async def test_other_types(api: RestClient, kind: str | None) -> None:
    sentence = f'Unsupported media type "{kind or ""}" in request.'
    assert await refused(api, b'{"text": "x"}', kind, 415) == {"detail": sentence}


NOT_MULTIPART = [
    ("multipart/form-data", b"x"),
    (MULTIPART, b"x"),
    (MULTIPART, b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nx'),
    (MULTIPART, b"--b\r\n" + b"X: y\r\n" * 500),
    (MULTIPART, b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n' * 1100),
]


async def test_multipart_that_cannot_be_parsed(api: RestClient) -> None:
    for kind, body in NOT_MULTIPART:
        answer = await refused(api, body, kind, 400)
        assert isinstance(answer, dict)
        assert answer["detail"].startswith("Multipart form parse error - ")


async def test_bodies_have_a_limit(api: RestClient) -> None:
    most = api.services.max_text_bytes + 1024 * 1024
    part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n%s\r\n--b--\r\n'
    for path, who, limit in (
        ("tickets/", "keith", most),
        (f"tickets/{key('offline')}/", "carla", most),
        # Nobody is logged in here.
        ("auth/login/", None, 128 * 1024),
        ("jwt/token/verify/", "keith", 128 * 1024),
    ):
        text = b"x" * (limit + 1)
        method = "PATCH" if key("offline").hex in path.replace("-", "") else "POST"
        for kind, body in ((JSON, text), (FORM, text), (MULTIPART, part % text)):
            headers = {"Content-Type": kind}
            response = await api.call(method, path, who, content=body, headers=headers)
            assert response.status_code == 413
            assert response.json() == {"detail": f"A body may have at most {limit} bytes."}
    assert await refused(api, b"a=1&" * 2000, FORM, 400) == {
        "detail": "A form may have at most 1000 fields."
    }
    many = b'{"subject": [' + b"1," * 120_000 + b"1]}"
    response = await api.post("tickets/", content=many, headers={"Content-Type": JSON})
    assert response.status_code == 400
    assert response.json() == {"detail": "A body may have at most 100000 values."}


async def test_bodies_at_their_limit_are_read(api: RestClient) -> None:
    most = api.services.max_text_bytes + 1024 * 1024
    part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n%s\r\n--b--\r\n'
    for path, who, limit, wrong in (
        ("tickets/", "keith", most, "subject"),
        ("jwt/token/verify/", None, 128 * 1024, "token"),
    ):
        for kind, body in (
            (JSON, b'{"a": "' + b"x" * (limit - 9) + b'"}'),
            (FORM, b"a=" + b"x" * (limit - 2)),
            # Of multipart only what is in the parts counts.
            (MULTIPART, part % (b"x" * limit)),
        ):
            headers = {"Content-Type": kind}
            response = await api.call("POST", path, who, content=body, headers=headers)
            assert (response.status_code, wrong in response.json()) == (400, True), response.text
    response = await api.post(
        "tickets/", content=b"&".join([b"a=1"] * 1000), headers={"Content-Type": FORM}
    )
    assert set(response.json()) == {"subject", "description", "company"}


async def test_a_long_form_is_read(api: RestClient) -> None:
    text = "ü, [x] " * 20_000
    ticket = f"tickets/{key('offline')}/"
    for response in (
        await api.patch(ticket, data={"description": text}),
        await api.patch(ticket, json={"description": text}),
    ):
        assert response.json()["description"] == text.strip()


@pytest.mark.parametrize("kind", [JSON, FORM, MULTIPART, "text/plain", None])
async def test_no_bytes_are_an_empty_body(api: RestClient, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    response = await api.post("tickets/", content=b"", headers=headers)

    assert response.status_code == 400
    assert set(response.json()) == {"subject", "description", "company"}


async def test_forms_of_both_kinds(api: RestClient) -> None:
    fields = {
        "subject": "Zoné",
        "description": "D",
        "company": str(key("hilton")),
        "priority": "",
        "contact": "",
        "due_date": "",
        "tags": "",
    }
    files = {name: (None, value) for name, value in fields.items()}
    for response in (
        await api.post("tickets/", data=fields),
        await api.post("tickets/", files=files),
    ):
        assert response.status_code == 201, response.text
        body = response.json()
        assert (body["subject"], body["priority"], body["due_date"]) == ("Zoné", "medium", None)


async def test_the_last_of_a_repeated_field_counts(api: RestClient) -> None:
    path = f"ticket-comments/{key('public')}/"
    headers = {"Content-Type": FORM + "; charset=utf-8"}
    response = await api.patch(path, content=b"text=a&text=b+%C3%BC", headers=headers)
    assert response.json()["text"] == "b ü"

    # Letters that are neither escaped nor UTF-8 are those of the old clients.
    response = await api.patch(path, content=b"text=\xfc", headers={"Content-Type": FORM})
    assert response.json()["text"] == "ü"

    headers = {"Content-Type": JSON.upper() + "; charset=utf-8"}
    response = await api.patch(path, content=b'{"text": "a", "text": "c"}', headers=headers)
    assert response.json()["text"] == "c"


async def test_files_among_the_fields_are_left_out(api: RestClient) -> None:
    files = {"text": ("a.txt", b"x"), "is_internal": (None, "true")}
    response = await api.post(f"tickets/{key('volume')}/add_comment/", files=files)

    assert response.status_code == 400
    assert response.json() == {"error": "text is required"}
