"""What holds for every path: tokens, methods, redirects, and addresses that lead nowhere."""

import pytest

from tests.support.rest_client import RestClient
from tests.support.rows import key

pytestmark = pytest.mark.anyio

LIST_METHODS = "GET, POST, HEAD, OPTIONS"
PRIVATE = [
    "",
    "tickets/",
    "tickets/stats/",
    "tickets/1b4e28ba-2fa1-11d2-883f-0016d3cca427/",
    "tickets/1b4e28ba-2fa1-11d2-883f-0016d3cca427/add_comment/",
    "ticket-comments/",
    "ticket-attachments/",
    "users/",
    "companies/",
    "companies/simple/",
    "contacts/",
    "auth/me/",
]


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS", "TRACE"])
async def test_strangers_learn_that_they_need_a_token(api: RestClient, method: str) -> None:
    for path in PRIVATE:
        response = await api.call(method, path, who=None)
        assert response.status_code == 401
        assert response.json() == {"detail": "Authentication credentials were not provided."}
        assert response.headers["www-authenticate"] == 'Bearer realm="api"'


@pytest.mark.parametrize("header", ["Basic a2VpdGg6", "Token x", "bearer x", " "])
async def test_other_schemes_are_no_credentials(api: RestClient, header: str) -> None:
    response = await api.get("tickets/", None, headers={"Authorization": header})

    assert response.status_code == 401
    assert response.json() == {"detail": "Authentication credentials were not provided."}


@pytest.mark.parametrize("header", ["Bearer", "Bearer a b"])
async def test_a_header_of_the_wrong_form_is_told_so(api: RestClient, header: str) -> None:
    response = await api.get("tickets/", None, headers={"Authorization": header})

    assert response.status_code == 401
    assert response.json() == {
        "detail": "Authorization header must contain two space-delimited values",
        "code": "bad_authorization_header",
    }


async def test_a_token_that_is_no_good_is_told_why(api: RestClient) -> None:
    async def message(token: str) -> str:
        response = await api.get("tickets/", None, headers={"Authorization": f"Bearer {token}"})
        body = response.json()
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == 'Bearer realm="api"'
        assert body["detail"] == "Given token not valid for any token type"
        assert body["code"] == "token_not_valid"
        (about,) = body["messages"]
        assert (about["token_class"], about["token_type"]) == ("AccessToken", "access")
        return str(about["message"])

    token = api.services.tokens.access(key("keith"))
    assert await message("nonsense") == "Token is invalid or expired"
    assert await message(token + "x") == "Token is invalid or expired"
    assert await message(api.services.tokens.refresh(key("keith"))[0]) == "Token has wrong type"
    api.clock.move(minutes=61)
    assert await message(token) == "Token is invalid or expired"


async def test_deactivated_users_are_out(api: RestClient) -> None:
    response = await api.get("tickets/", "gone")

    assert response.status_code == 401
    assert response.json() == {"detail": "User is inactive", "code": "user_inactive"}


LACKING = [
    ("DELETE", "tickets/", LIST_METHODS),
    ("POST", "tickets/stats/", "GET, HEAD, OPTIONS"),
    ("TRACE", "tickets/", LIST_METHODS),
    ("GET", "tickets/{offline}/add_comment/", "POST, OPTIONS"),
    ("HEAD", "tickets/{offline}/assign/", "POST, OPTIONS"),
    ("POST", "tickets/{offline}/", "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"),
    ("GET", "auth/login/", "POST, OPTIONS"),
    ("PUT", "auth/me/", "GET, HEAD, OPTIONS"),
    ("DELETE", "users/{offline}/", "GET, PUT, PATCH, HEAD, OPTIONS"),
]


async def test_a_method_that_a_path_lacks(api: RestClient) -> None:
    for method, path, allow in LACKING:
        response = await api.call(method, path.format(offline=key("offline")), "admin")

        assert response.status_code == 405
        assert response.headers["allow"] == allow
        if method != "HEAD":
            assert response.json() == {"detail": f'Method "{method}" not allowed.'}


@pytest.mark.parametrize("path", ["tickets/", "ticket-comments/", "users/", "contacts/"])
async def test_every_answer_says_what_is_allowed(api: RestClient, path: str) -> None:
    answers = [
        await api.get(path),
        await api.get(path, None),
        await api.get(path + "?page=9"),
        await api.call("OPTIONS", path),
    ]

    assert [answer.status_code for answer in answers] == [200, 401, 404, 200]
    assert {answer.headers["allow"] for answer in answers} == {LIST_METHODS}


async def test_options_describe_a_path(api: RestClient) -> None:
    response = await api.call("OPTIONS", "tickets/")

    assert response.json()["name"] == "Ticket List"
    assert "multipart/form-data" in response.json()["parses"]


@pytest.mark.parametrize("path", ["tickets/", "tickets/stats/", "tickets/?page=9", "auth/me/"])
async def test_head_is_get_without_its_body(api: RestClient, path: str) -> None:
    got, head = await api.get(path), await api.call("HEAD", path)

    assert head.status_code == got.status_code
    assert head.content == b""
    assert head.headers["content-length"] == str(len(got.content))
    assert head.headers["content-type"] == got.headers["content-type"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
async def test_a_missing_slash_is_appended(api: RestClient, method: str) -> None:
    for path, target in [
        ("/api/v1/tickets", "/api/v1/tickets/"),
        ("/api/v1/tickets?status=new&q=%C3%BC%0D", "/api/v1/tickets/?status=new&q=%C3%BC%0D"),
        ("/api/v1/tickets/a%0D%0Ab%3Fc", "/api/v1/tickets/a%0D%0Ab%3Fc/"),
        ("/api/v1", "/api/v1/"),
        ("/api/v1/auth/me", "/api/v1/auth/me/"),
    ]:
        response = await api.call(method, path, who=None)
        assert response.status_code == 301
        assert response.headers["location"] == target


async def test_other_paths_are_not_found(api: RestClient) -> None:
    for path in ("nothing/", "nothing", "tickets/a/b/", "tickets/stats/x/"):
        response = await api.get(path, None)
        assert (response.status_code, response.json()) == (404, {"detail": "Not found."})


async def test_an_id_that_is_no_uuid_is_not_found(api: RestClient) -> None:
    for bad in ("1", "x.json", "%00", "tickets", "é", "9" * 5000):
        for what in ("tickets", "ticket-comments", "users", "companies", "contacts"):
            response = await api.get(f"{what}/{bad}/")
            assert (response.status_code, response.json()) == (404, {"detail": "Not found."})


async def test_an_id_may_be_spelled_in_any_way(api: RestClient) -> None:
    offline = key("offline")
    for spelling in (str(offline).upper(), offline.hex, f"{{{offline}}}", offline.urn):
        response = await api.get(f"tickets/{spelling}/")
        assert response.json()["id"] == str(offline)


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("tickets", "Ticket"),
        ("ticket-comments", "TicketComment"),
        ("ticket-attachments", "TicketAttachment"),
        ("users", "User"),
        ("companies", "Company"),
        ("contacts", "Contact"),
    ],
)
async def test_an_unknown_id_is_not_found_by_its_old_name(
    api: RestClient, what: str, name: str
) -> None:
    response = await api.get(f"{what}/99999999-0000-4000-8000-000000000000/")

    assert response.status_code == 404
    assert response.json() == {"detail": f"No {name} matches the given query."}


async def test_the_root_lists_the_lists(api: RestClient) -> None:
    response = await api.get("")

    assert response.json()["tickets"] == "http://desk.test/api/v1/tickets/"
    for url in response.json().values():
        assert (await api.get(url.removeprefix("http://desk.test"))).status_code == 200


async def test_nothing_of_an_answer_is_stored_on_the_way(api: RestClient) -> None:
    ticket = f"tickets/{key('offline')}/"
    asked_again, not_kept = "private, no-cache", "no-store"
    for method, path, who, kept in (
        ("GET", "tickets/", "keith", asked_again),
        ("HEAD", ticket, "carla", asked_again),
        ("PATCH", ticket, "keith", not_kept),
        ("POST", "auth/login/", None, not_kept),
        ("GET", "auth/me/", "carla", asked_again),
        ("GET", "tickets/none/", "keith", not_kept),
        ("GET", "tickets/", None, not_kept),
        ("OPTIONS", ticket, "keith", not_kept),
        ("TRACE", ticket, "keith", not_kept),
    ):
        response = await api.call(method, path, who)
        assert response.headers["cache-control"] == kept, (method, path)
        assert ("etag" in response.headers) == (kept == asked_again or method == "PATCH")
        assert len(response.headers.get_list("cache-control")) == 1
