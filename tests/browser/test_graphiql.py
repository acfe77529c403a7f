"""GraphiQL at ``/graphql`` in a real browser, against a real server with the demo's data."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect

from server import console
from server.demo import PASSWORD
from tests.browser.conftest import CHROMIUM, RESULTS

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine"),
    pytest.mark.skipif(not console.built(), reason="GraphiQL is not built: make console"),
]


@pytest.fixture
def page(browser: Browser, origin: str) -> Iterator[Page]:
    """A page that fails the test on any error it logs and any request that leaves the origin."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    opened = context.new_page()
    wrong: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            wrong.append(message.text)

    def on_request(request: Request) -> None:
        if not request.url.startswith((origin, "data:", "blob:")):
            wrong.append(request.url)

    opened.on("console", on_console)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("request", on_request)
    opened.goto(f"{origin}/graphql")
    expect(opened.locator(".graphiql-query-editor .view-lines")).to_be_visible(timeout=20_000)
    yield opened
    context.close()
    assert wrong == []


def run(page: Page, tab: str) -> None:
    page.get_by_role("tab", name=tab).click()
    page.get_by_role("button", name=re.compile("Execute query")).click()


def expect_response(page: Page, text: str) -> None:
    expect(page.locator(".graphiql-response .view-lines")).to_contain_text(text, timeout=10_000)


def test_a_demo_login_runs_the_default_query_and_sees_rows(page: Page) -> None:
    page.locator("#demo-logins button", has_text="Admin").click()
    expect(page.locator("#login-who")).to_contain_text("admin")
    run(page, "OpenTickets")
    expect_response(page, "ticketNumber")
    expect_response(page, "T-20")
    RESULTS.mkdir(exist_ok=True)
    page.screenshot(path=RESULTS / "graphiql.png")


def test_the_login_form_takes_a_password_and_refuses_a_wrong_one(page: Page) -> None:
    page.fill("#login-username", "keith")
    page.fill("#login-password", "wrong")
    page.click("#login-submit")
    expect(page.locator("#login-error")).to_contain_text("wrong")
    page.fill("#login-password", PASSWORD)
    page.click("#login-submit")
    expect(page.locator("#login-who")).to_contain_text("keith")
    run(page, "Dashboard")
    expect_response(page, "ticketStats")


def test_nobody_is_told_to_log_in(page: Page) -> None:
    run(page, "OpenTickets")
    expect_response(page, "UNAUTHENTICATED")


def test_the_example_of_a_new_ticket_creates_one(page: Page) -> None:
    page.locator("#demo-logins button", has_text="Customer").click()
    expect(page.locator("#login-who")).to_contain_text("customer")
    run(page, "CreateTicket")
    expect_response(page, "createTicket")
    expect_response(page, "T-20")


def test_another_tab_of_the_browser_has_the_login_the_editors_and_the_history(
    page: Page, origin: str
) -> None:
    page.locator("#demo-logins button", has_text="Technician").click()
    expect(page.locator("#login-who")).to_contain_text("keith")
    run(page, "Dashboard")
    expect_response(page, "ticketStats")
    page.get_by_role("button", name=re.compile("Add tab|New tab")).first.click()
    page.wait_for_timeout(700)  # GraphiQL stores its tabs half a second after a change.

    other = page.context.new_page()
    other.goto(f"{origin}/graphql")
    expect(other.locator("#login-who")).to_contain_text("keith")
    expect(other.locator(".graphiql-tab")).to_have_count(5, timeout=20_000)
    other.get_by_role("button", name="Show History").click()
    expect(other.locator(".graphiql-history")).to_contain_text("Dashboard")
    rest = page.context.new_page()
    rest.goto(f"{origin}/api/v1/docs")
    expect(rest.locator("#login-who")).to_contain_text("keith")

    other.get_by_role("button", name="Log out").click()
    for one in (page, other, rest):
        expect(one.locator("#login-form")).to_be_visible()
    assert page.evaluate("localStorage.getItem('deskgraph.session')") is None


def test_a_token_that_has_ended_is_exchanged_unseen(page: Page, origin: str) -> None:
    page.locator("#demo-logins button", has_text="Admin").click()
    expect(page.locator("#login-who")).to_contain_text("admin")
    page.evaluate("""() => {
        const login = JSON.parse(localStorage.getItem("deskgraph.session"));
        localStorage.setItem("deskgraph.session", JSON.stringify({...login, accessToken: "a.b.c"}));
    }""")
    page.reload()
    expect(page.locator(".graphiql-query-editor .view-lines")).to_be_visible(timeout=20_000)
    run(page, "Dashboard")
    expect_response(page, "ticketStats")
    expect(page.locator("#login-who")).to_contain_text("admin")


def test_docs_and_explorer_open(page: Page) -> None:
    page.get_by_role("button", name="Show Documentation Explorer").click()
    expect(page.locator(".graphiql-doc-explorer")).to_contain_text("Query")
    # The explorer logs an error for list arguments, which it cannot edit: show it a query without.
    page.get_by_role("tab", name="Dashboard").click()
    page.get_by_role("button", name="Show GraphiQL Explorer").click()
    expect(page.locator(".graphiql-plugin")).to_contain_text("tickets")
