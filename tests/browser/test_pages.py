"""A test for each page in a real browser, against a real server with the demo's data.

``make proofs`` also runs the plain editor and the other files of this folder.
"""

from pathlib import Path
from urllib.error import HTTPError

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from deskgraph import console
from deskgraph.demo.logins import PASSWORD
from deskgraph.pages import PageConfig, content_security_policy
from tests.browser.conftest import RESULTS
from tests.browser.steps import call, create, expect_response, needs_chromium, needs_graphiql, run
from tests.support.settings import settings_for

pytestmark = needs_chromium


@needs_graphiql
def test_a_demo_login_runs_the_default_query_and_sees_rows(graphiql: Page) -> None:
    graphiql.locator("#demo-logins button", has_text="Admin").click()
    expect(graphiql.locator("#login-who")).to_contain_text("admin")
    run(graphiql, "OpenTickets")
    expect_response(graphiql, "ticketNumber")
    expect_response(graphiql, "T-20")
    RESULTS.mkdir(exist_ok=True)
    graphiql.screenshot(path=RESULTS / "graphiql.png")


def test_who_logs_in_can_try_a_call_and_is_remembered(reference: Page, origin: str) -> None:
    reference.goto(f"{origin}/api/v1/docs")
    expect(reference.locator("#demo-logins button")).to_have_count(3)
    reference.fill("#login-username", "keith")
    reference.fill("#login-password", "wrong")
    reference.click("#login-submit")
    expect(reference.locator("#login-error")).to_contain_text("Invalid credentials")
    reference.fill("#login-password", PASSWORD)
    reference.click("#login-submit")
    expect(reference.locator("#login-who")).to_have_text("keith (Tech)")
    reference.reload()
    expect(reference.locator("#login-who")).to_have_text("keith (Tech)")

    operation = reference.locator("#operations-tickets-get_tickets")
    operation.locator(".opblock-summary-control").click()
    # Nothing is filled in that contradicts something else: there are two ways to reference.
    for field in operation.locator(".parameters input").all():
        assert field.input_value() == ""
    operation.locator("button.execute").click()
    answer = operation.locator(".live-responses-table")
    expect(answer.locator(".response-col_status").last).to_contain_text("200")
    expect(answer).to_contain_text('"ticket_number"')
    expect(operation.locator(".request-url")).to_contain_text("/api/v1/tickets/")
    RESULTS.mkdir(exist_ok=True)
    reference.screenshot(path=RESULTS / "reference.png")

    with reference.expect_response("**/auth/logout/"):
        reference.get_by_role("button", name="Log out").click()
    operation.locator("button.execute").click()
    expect(answer.locator(".response-col_status").last).to_contain_text("401")
    reference.goto(f"{origin}/api/v1/docs/")
    expect(reference.locator("#login-form")).to_be_visible()
    assert reference.evaluate("localStorage.getItem('deskgraph.session')") is None


@pytest.mark.proof
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
    page.get_by_role("button", name="Run", exact=True).click()
    expect(result).to_contain_text("UNAUTHENTICATED")
    expect(page.locator("#login-error")).to_contain_text("log in first")

    page.fill("#login-username", "admin")
    page.fill("#login-password", "demo-desk-2025")
    page.click("#login-submit")
    expect(page.locator("#login-who")).to_contain_text("admin")
    query = "query One($first: Int) { tickets(first: $first) { totalCount } }"
    page.get_by_label("Query").fill(query)
    page.get_by_label("Variables").fill("{first: 1}")
    page.get_by_role("button", name="Run", exact=True).click()
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
    with page.expect_websocket() as opened:
        page.get_by_role("button", name="Run", exact=True).click()
    expect(result).to_contain_text("waiting for the first event")
    with opened.value.expect_event("close"):
        page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    # What one person was answered is not left on the screen for the next one.
    page.get_by_role("button", name="Log out").click()
    expect(result).to_have_text("")
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
