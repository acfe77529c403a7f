"""The page of the REST paths in a real browser, and the way from an answer to GraphiQL."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect

from rest_compat.routes import every_path
from server import console
from server.demo import PASSWORD
from tests.browser.conftest import CHROMIUM, RESULTS

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


@pytest.fixture
def page(browser: Browser, origin: str) -> Iterator[Page]:
    """A page that reaches no other host; errors and attempts fail the test."""
    opened = browser.new_page(viewport={"width": 1400, "height": 1000})
    wrong: list[str] = []

    def on_console(message: ConsoleMessage) -> None:
        # That a call was refused is no error of the page.
        if message.type == "error" and not re.search(r"40[01] \(", message.text):
            wrong.append(message.text)

    def on_request(route: Route) -> None:
        if route.request.url.startswith((origin, "data:", "blob:")):
            route.continue_()
        else:
            wrong.append(route.request.url)
            route.abort()

    opened.route("**/*", on_request)
    opened.on("console", on_console)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    yield opened
    opened.close()
    assert wrong == []


@pytest.fixture(scope="module")
def token(origin: str) -> str:
    sent = {"username": "admin", "password": PASSWORD}
    answer = httpx.post(f"{origin}/api/v1/auth/login/", json=sent)
    return str(answer.json()["access"])


@pytest.mark.parametrize("path", ["/api/v1/docs", "/api/v1/docs/"])
def test_the_page_lists_every_operation(page: Page, origin: str, path: str) -> None:
    page.goto(origin + path)

    expect(page.locator(".info .title")).to_contain_text("deskgraph", timeout=20_000)
    count = sum(len(one.handlers) for one in every_path())
    expect(page.locator(".opblock")).to_have_count(count)
    expect(page.locator("#operations-tickets-get_tickets_stats")).to_contain_text("Count tickets")


def test_who_logs_in_can_try_a_call_and_is_remembered(page: Page, origin: str) -> None:
    page.goto(f"{origin}/api/v1/docs")
    expect(page.locator("#demo-logins button")).to_have_count(3)
    page.fill("#login-username", "keith")
    page.fill("#login-password", "wrong")
    page.click("#login-submit")
    expect(page.locator("#login-error")).to_contain_text("Invalid credentials")
    page.fill("#login-password", PASSWORD)
    page.click("#login-submit")
    expect(page.locator("#login-who")).to_have_text("keith (Tech)")
    page.reload()
    expect(page.locator("#login-who")).to_have_text("keith (Tech)")

    operation = page.locator("#operations-tickets-get_tickets")
    operation.locator(".opblock-summary-control").click()
    # Nothing is filled in that contradicts something else: there are two ways to page.
    for field in operation.locator(".parameters input").all():
        assert field.input_value() == ""
    operation.locator("button.execute").click()
    answer = operation.locator(".live-responses-table")
    expect(answer.locator(".response-col_status").last).to_contain_text("200", timeout=10_000)
    expect(answer).to_contain_text('"ticket_number"')
    expect(operation.locator(".request-url")).to_contain_text("/api/v1/tickets/")
    RESULTS.mkdir(exist_ok=True)
    page.screenshot(path=RESULTS / "reference.png")

    with page.expect_response("**/auth/logout/"):
        page.get_by_role("button", name="Log out").click()
    operation.locator("button.execute").click()
    expect(answer.locator(".response-col_status").last).to_contain_text("401", timeout=10_000)
    page.goto(f"{origin}/api/v1/docs/")
    expect(page.locator("#login-form")).to_be_visible()
    assert page.evaluate("localStorage.getItem('deskgraph.session')") is None


def test_a_token_that_has_expired_is_exchanged_before_a_call(page: Page, origin: str) -> None:
    page.goto(f"{origin}/api/v1/docs")
    page.locator("#demo-logins button", has_text="Technician").click()
    expect(page.locator("#login-who")).to_have_text("keith (Tech)")
    page.evaluate("""() => {
        const login = JSON.parse(localStorage.getItem("deskgraph.session"));
        const accessToken = `a.${btoa('{"exp": 1}')}.c`;
        localStorage.setItem("deskgraph.session", JSON.stringify({...login, accessToken}));
    }""")
    page.reload()
    operation = page.locator("#operations-tickets-get_tickets_stats")
    operation.locator(".opblock-summary-control").click()
    with page.expect_response("**/api/v1/tickets/stats/") as asked:
        operation.locator("button.execute").click()
    assert asked.value.status == 200


def test_authorize_asks_for_the_token_first(page: Page, origin: str, token: str) -> None:
    page.goto(f"{origin}/api/v1/docs")
    page.locator(".auth-wrapper button.authorize").first.click()
    expect(page.locator("#auth-bearer-value")).to_be_focused()
    page.keyboard.type(token)
    page.keyboard.press("Enter")
    page.locator("button.btn-done").first.click()
    operation = page.locator("#operations-tickets-get_tickets_stats")
    operation.locator(".opblock-summary-control").click()
    operation.locator("button.execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text('"my_open_tickets"')


def test_a_stranger_is_told_so(page: Page, origin: str) -> None:
    page.goto(f"{origin}/api/v1/docs")
    operation = page.locator("#operations-auth-post_auth_login")
    operation.locator(".opblock-summary-control").click()
    operation.locator("textarea").first.fill('{"username": "admin", "password": "no"}')
    operation.locator("button.execute").click()

    answer = operation.locator(".live-responses-table")
    expect(answer).to_contain_text("Invalid credentials", timeout=10_000)


@pytest.mark.skipif(not console.built(), reason="GraphiQL is not built: make console")
def test_the_link_of_an_answer_opens_its_twin_in_graphiql(
    page: Page, origin: str, token: str
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    path = "/api/v1/tickets/?status=new&ordering=-priority&limit=3"
    answer = httpx.get(origin + path, headers=headers)
    found = re.match(r'<([^>]+)>; rel="alternate"', answer.headers["link"])
    assert found

    page.goto(origin + found[1])
    editor = page.locator(".graphiql-query-editor .view-lines")
    expect(editor).to_contain_text("query Tickets(", timeout=20_000)
    expect(page.get_by_role("tab", name="Tickets").first).to_have_attribute("aria-selected", "true")
    variables = page.locator(".graphiql-editor-tool .view-lines").first
    expect(variables).to_contain_text("NEW")
    page.locator("#demo-logins button", has_text="Admin").click()
    expect(page.locator("#login-who")).to_contain_text("admin")
    # Logging in does not take it out of the editor.
    expect(editor).to_contain_text("query Tickets(")
    page.get_by_role("button", name=re.compile("Execute query")).click()
    shown = page.locator(".graphiql-response .view-lines")
    expect(shown).to_contain_text(str(answer.json()["results"][0]["ticket_number"]), timeout=10_000)
    page.screenshot(path=RESULTS / "link.png")
