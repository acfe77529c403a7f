"""Live in a real browser: a subscription in GraphiQL."""

import re
from contextlib import suppress

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import RESULTS, Server
from tests.browser.steps import create, expect_response, needs_chromium, needs_graphiql, run

pytestmark = [pytest.mark.proof, needs_chromium, needs_graphiql]


def test_graphiql_lists_what_happens_and_goes_on_when_the_server_is_back(
    browser: Browser, server: Server, token: str
) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{server.origin}/graphql")
    editor = page.locator(".graphiql-query-editor .view-lines")
    expect(editor).to_be_visible()
    page.locator("#demo-logins button", has_text="Admin").click()
    expect(page.locator("#login-who")).to_contain_text("admin")
    # A login sets the tabs up again: a click before the end of that is lost.
    for _ in range(10):
        page.get_by_role("tab", name="Live").click()
        with suppress(AssertionError):
            expect(editor).to_contain_text("subscription", timeout=3_000)
            break
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

    assert wrong == []
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
    # A chunk of the editor that it asks for while the server is away is missing.
    assert [one for one in wrong if "dynamically imported module" not in one] == []
