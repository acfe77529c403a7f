"""Live in a real browser: a subscription in GraphiQL, and the example of an inbox."""

import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from server.demo import PASSWORD
from tests.browser.conftest import RESULTS
from tests.browser.test_graphiql import expect_response, page, pytestmark

__all__ = ["page", "pytestmark"]


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


@contextmanager
def subscribed(page: Page) -> Iterator[None]:
    """Wait until a subscription was sent and had the time to begin: nothing acknowledges it."""
    sent: list[str] = []
    page.on(
        "websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(str(frame)))
    )
    yield
    for _ in range(300):
        if any("subscribe" in frame for frame in sent):
            break
        page.wait_for_timeout(100)
    page.wait_for_timeout(300)


def test_graphiql_shows_what_happens_while_it_happens(page: Page, origin: str, token: str) -> None:
    page.locator("#demo-logins button", has_text="Admin").click()
    expect(page.locator("#login-who")).to_contain_text("admin")
    page.get_by_role("tab", name="Live").click()
    with subscribed(page):
        page.get_by_role("button", name=re.compile("Execute query")).click()
    create(origin, token, "Created by REST")
    expect_response(page, "Created by REST")
    expect_response(page, "CREATED")
    RESULTS.mkdir(exist_ok=True)
    page.screenshot(path=RESULTS / "graphiql-live.png")


def test_the_inbox_stays_live(browser: Browser, origin: str, token: str) -> None:
    inbox = browser.new_page(viewport={"width": 1100, "height": 700})
    wrong: list[str] = []
    inbox.on("pageerror", lambda error: wrong.append(str(error)))
    inbox.goto(f"{origin}/examples/inbox")
    inbox.fill("#username", "keith")
    inbox.fill("#password", "wrong")
    inbox.get_by_role("button", name="Log in").click()
    expect(inbox.locator("#error")).to_contain_text("wrong")
    inbox.fill("#password", PASSWORD)
    inbox.get_by_role("button", name="Log in").click()
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
    inbox.close()
    assert wrong == []
