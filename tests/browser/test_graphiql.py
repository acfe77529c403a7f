"""More of GraphiQL at ``/graphql`` in a real browser, against a server with the demo's data."""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, Response, expect

from deskgraph.demo.logins import PASSWORD
from tests.browser.conftest import reads_schema
from tests.browser.steps import expect_response, needs_chromium, needs_graphiql, run

# GraphiQL stores its tabs a moment after a change.
STORED_TABS = """count => Object.entries(localStorage).some(
    ([key, value]) => key.endsWith("tabState") && JSON.parse(value).tabs.length === count)"""

pytestmark = [pytest.mark.proof, needs_chromium, needs_graphiql]


def answered(page: Page, tab: str, **variables: object) -> Any:
    """Run an example; returns the data of the answer."""

    def is_answer(response: Response) -> bool:
        return f"mutation {tab}" in sent(response) or f"query {tab}" in sent(response)

    with page.expect_response(is_answer) as answer:
        run(page, tab, **variables)
    return answer.value.json()["data"]


def sent(response: Response) -> str:
    return response.request.post_data or ""


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


def test_the_example_of_a_key_creates_one_ticket(graphiql: Page) -> None:
    graphiql.locator("#demo-logins button", has_text="Customer").click()
    expect(graphiql.locator("#login-who")).to_contain_text("customer")
    numbers = set()
    for _ in range(2):
        run(graphiql, "CreateOnce")
        expect_response(graphiql, "T-20")
        shown = graphiql.locator(".graphiql-response").inner_text()
        numbers |= set(re.findall(r"T-\d{8}-\d{4}", shown))
    assert len(numbers) == 1


def test_the_example_of_a_dry_run_creates_none(graphiql: Page) -> None:
    graphiql.locator("#demo-logins button", has_text="Technician").click()
    expect(graphiql.locator("#login-who")).to_contain_text("keith")
    totals = []
    for _ in range(2):
        run(graphiql, "Dashboard")
        expect_response(graphiql, "ticketStats")
        shown = graphiql.locator(".graphiql-response").inner_text()
        totals += re.findall(r'"total":\s*(\d+)', shown)
        run(graphiql, "TryTicket")
        expect_response(graphiql, "T-20")
    assert len(totals) == 2
    assert totals[0] == totals[1]


def test_the_examples_of_conflicts_and_undo(graphiql: Page) -> None:
    graphiql.locator("#demo-logins button", has_text="Admin").click()
    expect(graphiql.locator("#login-who")).to_contain_text("admin")
    answer = answered(graphiql, "Conflicts")
    assert answer["theirs"]["errors"] == []
    assert answer["yours"]["errors"][0]["conflict"]["fields"][0]["yours"] == "No music"
    assert answer["other"]["merged"]["changedFields"] == ["subject"]
    nodes = answered(graphiql, "History")["ticket"]["history"]["nodes"]
    assert nodes[-1]["canUndo"]
    undone = answered(graphiql, "Undo", eventId=nodes[-1]["id"])["undo"]
    assert (undone["errors"], undone["events"][0]["type"]) == ([], "UPDATED")
    redone = answered(graphiql, "UndoTickets", eventIds=[undone["events"][0]["id"]])["undoTickets"]
    assert (redone["errors"], redone["changedCount"]) == ([], 1)


def test_the_examples_of_many_tickets(graphiql: Page) -> None:
    graphiql.locator("#demo-logins button", has_text="Admin").click()
    expect(graphiql.locator("#login-who")).to_contain_text("admin")
    updated = answered(graphiql, "UpdateTickets")["updateTickets"]
    assert (updated["errors"], updated["changedCount"]) == ([], 3)
    job = answered(graphiql, "StartBulk")["startBulkUpdate"]["job"]
    assert job["totalCount"] == 3
    run(graphiql, "FollowBulk", id=job["id"])
    expect_response(graphiql, '"DONE"')
    assert answered(graphiql, "UndoBulk", id=job["id"])["undoBulkJob"]["errors"] == []
    link = answered(graphiql, "ExportTickets")["exportTickets"]
    assert httpx.get(link["url"]).text.startswith("\ufeffticket_number")


def test_another_tab_of_the_browser_has_the_login_the_editors_and_the_history(
    graphiql: Page, origin: str
) -> None:
    graphiql.locator("#demo-logins button", has_text="Technician").click()
    expect(graphiql.locator("#login-who")).to_contain_text("keith")
    run(graphiql, "Dashboard")
    expect_response(graphiql, "ticketStats")
    graphiql.get_by_role("button", name=re.compile("Add tab|New tab")).first.click()
    graphiql.wait_for_function(STORED_TABS, arg=16)

    other = graphiql.context.new_page()
    other.goto(f"{origin}/graphql")
    expect(other.locator("#login-who")).to_contain_text("keith")
    expect(other.locator(".graphiql-tab")).to_have_count(16)
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
    with graphiql.expect_request_finished(reads_schema):
        graphiql.locator("#demo-logins button", has_text="Admin").click()
    expect(graphiql.locator("#login-who")).to_contain_text("admin")
    graphiql.evaluate("""() => {
        const login = JSON.parse(localStorage.getItem("deskgraph.session"));
        localStorage.setItem("deskgraph.session", JSON.stringify({...login, accessToken: "a.b.c"}));
    }""")
    graphiql.reload()
    expect(graphiql.locator(".graphiql-query-editor .view-lines")).to_be_visible()
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
