"""Live in a real browser: a subscription in GraphiQL, and the example of an inbox."""

import json
import re
import urllib.request
from typing import Any
from urllib.error import HTTPError

import pytest
from playwright.sync_api import Browser, Request, expect

from server.demo import PASSWORD
from tests.browser.conftest import RESULTS, Server
from tests.browser.test_graphiql import expect_response, pytestmark, run

__all__ = ["pytestmark"]


def call(origin: str, method: str, path: str, body: Any = None, token: str = "") -> Any:
    """Make a request of the REST API, as another client would."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    data = None if body is None else json.dumps(body).encode()
    url = f"{origin}/api/v1/{path}"
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request) as response:
        return json.loads(response.read() or "null")


@pytest.fixture
def token(origin: str) -> str:
    """Give the token of an Admin."""
    given = {"username": "admin", "password": PASSWORD}
    return str(call(origin, "POST", "auth/login/", given)["access"])


def create(origin: str, token: str, subject: str) -> str:
    company = call(origin, "GET", "companies/", None, token)["results"][0]["id"]
    body = {"subject": subject, "description": "Silence.", "company": company}
    return str(call(origin, "POST", "tickets/", body, token)["id"])


def test_graphiql_lists_what_happens_and_goes_on_when_the_server_is_back(
    browser: Browser, server: Server, token: str
) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{server.origin}/graphql")
    page.locator("#demo-logins button", has_text="Admin").click()
    expect(page.locator("#login-who")).to_contain_text("admin")
    page.get_by_role("tab", name="Live").click()
    page.get_by_role("button", name=re.compile("Execute query")).click()
    expect_response(page, "waiting for the first event")
    create(server.origin, token, "Created first")
    expect_response(page, "Created first")
    create(server.origin, token, "Created second")
    expect_response(page, "Created second")
    expect_response(page, "waiting for the next event")
    expect_response(page, "2 so far")
    shown = page.locator(".graphiql-response .view-lines").inner_text().replace("\xa0", " ")
    assert shown.index("Created second") < shown.find("Created first") % len(shown)
    RESULTS.mkdir(exist_ok=True)
    page.screenshot(path=RESULTS / "graphiql-live.png")

    server.stop()
    expect_response(page, "connecting again")
    expect_response(page, "Created second")
    server.start()
    expect_response(page, "waiting for the next event")
    create(server.origin, token, "Created after the restart")
    expect_response(page, "Created after the restart")
    expect_response(page, "3 so far")

    page.get_by_role("button", name=re.compile("Stop query")).click()
    server.stop()
    run(page, "Dashboard")
    expect_response(page, "The server cannot be reached")
    assert "stack" not in page.locator(".graphiql-response .view-lines").inner_text()
    server.start()
    page.close()
    assert wrong == []


def by_twos(request: Request) -> str:
    """Return what a request sends, with pages of two instead of a hundred."""
    return (request.post_data or "").replace("first: 100", "first: 2")


def test_the_inbox_stays_live(browser: Browser, origin: str, token: str) -> None:
    inbox = browser.new_page(viewport={"width": 1100, "height": 700})
    wrong: list[str] = []
    inbox.on("pageerror", lambda error: wrong.append(str(error)))
    # So that the list has several pages.
    inbox.route("**/graphql", lambda route: route.continue_(post_data=by_twos(route.request)))
    inbox.goto(f"{origin}/examples/inbox")
    expect(inbox.locator("#hint")).to_contain_text(PASSWORD)
    inbox.get_by_label("Username").fill("keith")
    inbox.get_by_label("Password").fill("wrong")
    inbox.get_by_role("button", name="Log in").click()
    expect(inbox.locator("#error")).to_contain_text("wrong")
    inbox.get_by_label("Password").fill(PASSWORD)
    inbox.get_by_role("button", name="Log in").click()
    expect(inbox.locator("#state")).to_have_text("live")
    # A reload keeps the login, also where its token has ended.
    inbox.evaluate("""() => {
        const login = JSON.parse(sessionStorage.getItem("inbox"));
        sessionStorage.setItem("inbox", JSON.stringify({...login, accessToken: "a.b.c"}));
    }""")
    inbox.reload()
    expect(inbox.locator("#who")).to_have_text("keith")
    expect(inbox.locator("#state")).to_have_text("live")
    stats = call(origin, "GET", "tickets/?open=true&limit=1", None, token)
    expect(inbox.locator("tbody tr")).to_have_count(stats["count"])

    ticket = create(origin, token, "<b>Fresh</b> & live")
    first = inbox.locator("tbody tr").first
    expect(first).to_contain_text("<b>Fresh</b> & live")
    call(origin, "PATCH", f"tickets/{ticket}/", {"priority": "urgent"}, token)
    expect(first).to_contain_text("Urgent")
    RESULTS.mkdir(exist_ok=True)
    inbox.screenshot(path=RESULTS / "inbox.png")

    call(origin, "PATCH", f"tickets/{ticket}/", {"status": "closed"}, token)
    expect(inbox.locator("tbody")).not_to_contain_text("Fresh")
    another = create(origin, token, "To be deleted")
    expect(first).to_contain_text("To be deleted")
    call(origin, "DELETE", f"tickets/{another}/", None, token)
    expect(inbox.locator("tbody")).not_to_contain_text("To be deleted")
    refresh = inbox.evaluate("JSON.parse(sessionStorage.getItem('inbox')).refreshToken")
    # Nothing more is read, and the server is told.
    with (
        inbox.expect_event("requestfailed"),
        inbox.expect_response(lambda response: "logout(" in (response.request.post_data or "")),
    ):
        inbox.get_by_role("button", name="Log out").click()
    expect(inbox.get_by_label("Username")).to_be_visible()
    expect(inbox.locator("tbody tr")).to_have_count(0)
    with pytest.raises(HTTPError, match="401"):
        call(origin, "POST", "auth/refresh/", {"refresh": refresh})
    inbox.reload()
    expect(inbox.get_by_label("Username")).to_be_visible()
    inbox.close()
    assert wrong == []
