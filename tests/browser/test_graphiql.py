"""More of GraphiQL at ``/graphql`` in a real browser, against a server with the demo's data."""

import re

import pytest
from playwright.sync_api import Page, expect

from deskgraph.demo.logins import PASSWORD
from tests.browser.steps import expect_response, needs_chromium, needs_graphiql, run

# GraphiQL stores its tabs a moment after a change.
STORED_TABS = """count => Object.entries(localStorage).some(
    ([key, value]) => key.endsWith("tabState") && JSON.parse(value).tabs.length === count)"""

pytestmark = [pytest.mark.proof, needs_chromium, needs_graphiql]


def test_the_login_form_takes_a_password_and_refuses_a_wrong_one(graphiql: Page) -> None:
    graphiql.fill("#login-username", "keith")
    graphiql.fill("#login-password", "wrong")
    graphiql.click("#login-submit")
    expect(graphiql.locator("#login-error")).to_contain_text("wrong")
    graphiql.fill("#login-password", PASSWORD)
    graphiql.click("#login-submit")
    expect(graphiql.locator("#login-who")).to_contain_text("keith")
    run(graphiql, "Dashboard")
    expect_response(graphiql, "ticketStats")


def test_nobody_is_told_to_log_in(graphiql: Page) -> None:
    run(graphiql, "OpenTickets")
    expect_response(graphiql, "UNAUTHENTICATED")


def test_the_example_of_a_new_ticket_creates_one(graphiql: Page) -> None:
    graphiql.locator("#demo-logins button", has_text="Customer").click()
    expect(graphiql.locator("#login-who")).to_contain_text("customer")
    run(graphiql, "CreateTicket")
    expect_response(graphiql, "createTicket")
    expect_response(graphiql, "T-20")


def test_another_tab_of_the_browser_has_the_login_the_editors_and_the_history(
    graphiql: Page, origin: str
) -> None:
    graphiql.locator("#demo-logins button", has_text="Technician").click()
    expect(graphiql.locator("#login-who")).to_contain_text("keith")
    run(graphiql, "Dashboard")
    expect_response(graphiql, "ticketStats")
    graphiql.get_by_role("button", name=re.compile("Add tab|New tab")).first.click()
    graphiql.wait_for_function(STORED_TABS, arg=5)

    other = graphiql.context.new_page()
    other.goto(f"{origin}/graphql")
    expect(other.locator("#login-who")).to_contain_text("keith")
    expect(other.locator(".graphiql-tab")).to_have_count(5)
    other.get_by_role("button", name="Show History").click()
    expect(other.locator(".graphiql-history")).to_contain_text("Dashboard")
    rest = graphiql.context.new_page()
    rest.goto(f"{origin}/api/v1/docs")
    expect(rest.locator("#login-who")).to_contain_text("keith")

    other.get_by_role("button", name="Log out").click()
    for one in (graphiql, other, rest):
        expect(one.locator("#login-form")).to_be_visible()
    assert graphiql.evaluate("localStorage.getItem('deskgraph.session')") is None


def test_a_token_that_has_ended_is_exchanged_unseen(graphiql: Page, origin: str) -> None:
    graphiql.locator("#demo-logins button", has_text="Admin").click()
    expect(graphiql.locator("#login-who")).to_contain_text("admin")
    graphiql.evaluate("""() => {
        const login = JSON.parse(localStorage.getItem("deskgraph.session"));
        localStorage.setItem("deskgraph.session", JSON.stringify({...login, accessToken: "a.b.c"}));
    }""")
    graphiql.reload()
    expect(graphiql.locator(".graphiql-query-editor .view-lines")).to_be_visible(timeout=20_000)
    run(graphiql, "Dashboard")
    expect_response(graphiql, "ticketStats")
    expect(graphiql.locator("#login-who")).to_contain_text("admin")


def test_docs_and_explorer_open(graphiql: Page) -> None:
    graphiql.get_by_role("button", name="Show Documentation Explorer").click()
    expect(graphiql.locator(".graphiql-doc-explorer")).to_contain_text("Query")
    # The explorer logs an error for list arguments, which it cannot edit: show it a query without.
    graphiql.get_by_role("tab", name="Dashboard").click()
    graphiql.get_by_role("button", name="Show GraphiQL Explorer").click()
    expect(graphiql.locator(".graphiql-plugin")).to_contain_text("tickets")
