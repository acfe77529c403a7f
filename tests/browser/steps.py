"""What tests of several pages do, and what they need."""

import json
import re
import urllib.request
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from deskgraph import console
from tests.browser.conftest import CHROMIUM

needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
needs_graphiql = pytest.mark.skipif(
    not console.built(), reason="GraphiQL is not built: make console"
)


def run(page: Page, tab: str, **variables: object) -> None:
    """Run the example of a name, with these variables if there are any."""
    # The tab that is open has its button to close it in its name.
    page.get_by_role("tab", name=re.compile(rf"^{tab}\b")).click()
    if variables:
        page.locator(".graphiql-editor-tool .graphiql-editor").first.click()
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.insert_text(json.dumps(variables))
        # The editor closes what it takes for an open quote.
        page.keyboard.press("ControlOrMeta+Shift+End")
        page.keyboard.press("Delete")
    page.get_by_role("button", name=re.compile("Execute query")).click()


def expect_response(page: Page, text: str) -> None:
    expect(page.locator(".graphiql-response .view-lines")).to_contain_text(text)


def call(origin: str, method: str, path: str, body: Any = None, token: str = "") -> Any:
    """Make a request of the REST API, as another client would."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    data = None if body is None else json.dumps(body).encode()
    url = f"{origin}/api/v1/{path}"
    request = urllib.request.Request(url, data, headers, method=method)
    with urllib.request.urlopen(request) as response:
        return json.loads(response.read() or "null")


def create(origin: str, token: str, subject: str) -> str:
    company = call(origin, "GET", "companies/", None, token)["results"][0]["id"]
    body = {"subject": subject, "description": "Silence.", "company": company}
    return str(call(origin, "POST", "tickets/", body, token)["id"])
