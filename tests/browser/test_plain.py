"""The editor at ``/graphql`` where GraphiQL is not built, in a real browser."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Route, expect

from server import console
from server.pages import PageConfig, content_security_policy
from tests.browser.conftest import CHROMIUM, RESULTS
from tests.viewers.world import settings_for

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


def test_the_plain_editor_runs_what_graphiql_runs(
    browser: Browser, origin: str, tmp_path: Path
) -> None:
    built_nowhere = console.page(
        PageConfig(settings_for("sqlite:///none.db", tmp_path)), assets=tmp_path
    )
    page = browser.new_page(viewport={"width": 1200, "height": 900})
    wrong: list[str] = []
    headers = {"Content-Security-Policy": content_security_policy()}

    def serve(route: Route) -> None:
        if not route.request.url.startswith(origin):
            wrong.append(route.request.url)
            route.abort()
        elif route.request.resource_type == "document":
            route.fulfill(body=built_nowhere, content_type="text/html", headers=headers)
        else:
            route.continue_()

    page.route("**/*", serve)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(f"{origin}/graphql")
    result = page.locator("#plain-result")
    expect(page.locator("#plain")).to_contain_text("make console")
    page.get_by_role("button", name="Run").click()
    expect(result).to_contain_text("UNAUTHENTICATED")
    expect(page.locator("#login-error")).to_contain_text("log in first")

    page.fill("#login-username", "admin")
    page.fill("#login-password", "demo-desk-2025")
    page.click("#login-submit")
    expect(page.locator("#login-who")).to_contain_text("admin")
    query = "query One($first: Int) { tickets(first: $first) { totalCount } }"
    page.get_by_label("Query").fill(query)
    page.get_by_label("Variables").fill("{first: 1}")
    page.get_by_role("button", name="Run").click()
    expect(result).to_contain_text("The variables are not JSON")
    page.get_by_label("Variables").fill('{"first": 1}')
    page.get_by_label("Variables").press("Control+Enter")
    expect(result).to_contain_text("totalCount")
    RESULTS.mkdir(exist_ok=True)
    page.screenshot(path=RESULTS / "plain.png")

    page.reload()
    expect(page.locator("#login-who")).to_contain_text("admin")
    expect(page.get_by_label("Query")).to_have_value(query)
    page.get_by_role("button", name="Live").click()
    page.get_by_role("button", name="Run").click()
    expect(result).to_contain_text("waiting for the first event")
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    # What one person was answered is not left on the screen for the next one.
    page.get_by_role("button", name="Log out").click()
    expect(result).to_have_text("")
    page.close()
    assert wrong == []
