"""More of the page of the REST paths in a real browser, and the way from an answer to GraphiQL."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from rest_compat.routes import every_path
from tests.browser.conftest import RESULTS
from tests.browser.steps import needs_chromium, needs_graphiql

pytestmark = [pytest.mark.proof, needs_chromium]


@pytest.mark.parametrize("path", ["/api/v1/docs", "/api/v1/docs/"])
def test_the_page_lists_every_operation(reference: Page, origin: str, path: str) -> None:
    reference.goto(origin + path)

    expect(reference.locator(".info .title")).to_contain_text("deskgraph")
    count = sum(len(one.handlers) for one in every_path())
    expect(reference.locator(".opblock")).to_have_count(count)
    counting = reference.locator("#operations-tickets-get_tickets_stats")
    expect(counting).to_contain_text("Count tickets")


def test_a_token_that_has_expired_is_exchanged_before_a_call(reference: Page, origin: str) -> None:
    reference.goto(f"{origin}/api/v1/docs")
    reference.locator("#demo-logins button", has_text="Technician").click()
    expect(reference.locator("#login-who")).to_have_text("keith (Tech)")
    reference.evaluate("""() => {
        const login = JSON.parse(localStorage.getItem("deskgraph.session"));
        const accessToken = `a.${btoa('{"exp": 1}')}.c`;
        localStorage.setItem("deskgraph.session", JSON.stringify({...login, accessToken}));
    }""")
    reference.reload()
    operation = reference.locator("#operations-tickets-get_tickets_stats")
    operation.locator(".opblock-summary-control").click()
    with reference.expect_response("**/api/v1/tickets/stats/") as asked:
        operation.locator("button.execute").click()
    assert asked.value.status == 200


def test_authorize_asks_for_the_token_first(reference: Page, origin: str, token: str) -> None:
    reference.goto(f"{origin}/api/v1/docs")
    reference.locator(".auth-wrapper button.authorize").first.click()
    expect(reference.locator("#auth-bearer-value")).to_be_focused()
    reference.keyboard.type(token)
    reference.keyboard.press("Enter")
    reference.locator("button.btn-done").first.click()
    operation = reference.locator("#operations-tickets-get_tickets_stats")
    operation.locator(".opblock-summary-control").click()
    operation.locator("button.execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text('"my_open_tickets"')


def test_a_stranger_is_told_so(reference: Page, origin: str) -> None:
    reference.goto(f"{origin}/api/v1/docs")
    operation = reference.locator("#operations-auth-post_auth_login")
    operation.locator(".opblock-summary-control").click()
    operation.locator("textarea").first.fill('{"username": "admin", "password": "no"}')
    operation.locator("button.execute").click()

    answer = operation.locator(".live-responses-table")
    expect(answer).to_contain_text("Invalid credentials")


@needs_graphiql
def test_the_link_of_an_answer_opens_its_twin_in_graphiql(
    reference: Page, origin: str, token: str
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    path = "/api/v1/tickets/?status=new&ordering=-priority&limit=3"
    answer = httpx.get(origin + path, headers=headers)
    found = re.match(r'<([^>]+)>; rel="alternate"', answer.headers["link"])
    assert found

    reference.goto(origin + found[1])
    editor = reference.locator(".graphiql-query-editor .view-lines")
    expect(editor).to_contain_text("query Tickets(")
    tab = reference.get_by_role("tab", name="Tickets").first
    expect(tab).to_have_attribute("aria-selected", "true")
    variables = reference.locator(".graphiql-editor-tool .view-lines").first
    expect(variables).to_contain_text("NEW")
    reference.locator("#demo-logins button", has_text="Admin").click()
    expect(reference.locator("#login-who")).to_contain_text("admin")
    # Logging in does not take it out of the editor.
    expect(editor).to_contain_text("query Tickets(")
    reference.get_by_role("button", name=re.compile("Execute query")).click()
    shown = reference.locator(".graphiql-response .view-lines")
    expect(shown).to_contain_text(str(answer.json()["results"][0]["ticket_number"]))
    reference.screenshot(path=RESULTS / "link.png")
