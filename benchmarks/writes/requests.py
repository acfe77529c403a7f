"""The writes that are measured; ours and the baseline are sent the same requests."""

import orjson

from benchmarks.data import viewer_id
from benchmarks.requests import HOST, ID_MARK, NUMBER_MARK, Request
from deskgraph.demo.factory import Rows

# How many tickets are commented on, and how many are changed: enough for clients not to meet.
TARGETS = 500
CREATE = """mutation Create($input: CreateTicketInput!) {
  createTicket(input: $input) {
    ticket {
      id ticketNumber subject status priority category createdAt updatedAt company { id name }
    }
    errors { message }
  }
}"""
COMMENT = """mutation Comment($input: AddCommentInput!) {
  addComment(input: $input) {
    comment { id text isInternal createdAt author { id fullName } }
    errors { message }
  }
}"""
CHANGE = """mutation Change($input: UpdateTicketInput!) {
  updateTicket(input: $input) {
    ticket { id ticketNumber subject status version updatedAt }
    errors { message }
  }
}"""
SUBJECT = f"The player in the shop has no sound since {NUMBER_MARK}"
DESCRIPTION = (
    "Since the update this morning the music stops every few minutes and begins again by itself. "
    "We have restarted the player and the router. The logs are attached to the last e-mail."
)
TEXT = f"Please restart the player once more and tell us what its display shows ({NUMBER_MARK})."


def requests(token: str, rows: Rows) -> list[Request]:
    """Return what is measured, for the user of this token."""
    half = min(TARGETS, len(rows.tickets) // 2)
    # A change of a ticket without a team gives it one, which is another change.
    teamed = [ticket for ticket in rows.tickets[half:] if ticket["assigned_team"] is not None]
    commented = tuple(str(ticket["id"]) for ticket in rows.tickets[:half])
    changed = tuple(str(ticket["id"]) for ticket in teamed[:TARGETS])
    companies = tuple(str(company["id"]) for company in rows.companies)
    new = {"subject": SUBJECT, "description": DESCRIPTION, "priority": "high"}
    comment = {"text": TEXT}
    change = {"subject": SUBJECT}

    def rest(title: str, method: str, path: str, body: object, ids: tuple[str, ...]) -> Request:
        return Request(title, method, f"/api/v1/{path}", _headers(token), orjson.dumps(body), ids)

    def graphql(title: str, query: str, given: object, ids: tuple[str, ...]) -> Request:
        body = orjson.dumps({"query": query, "variables": {"input": given}})
        return Request(title, "POST", "/graphql", _headers(token), body, ids)

    return [
        rest("REST create", "POST", "tickets/", new | {"company": ID_MARK}, companies),
        graphql(
            "GraphQL create", CREATE, new | {"priority": "HIGH", "companyId": ID_MARK}, companies
        ),
        rest("REST comment", "POST", "ticket-comments/", comment | {"ticket": ID_MARK}, commented),
        graphql("GraphQL comment", COMMENT, comment | {"ticketId": ID_MARK}, commented),
        rest("REST patch", "PATCH", f"tickets/{ID_MARK}/", change, changed),
        graphql("GraphQL patch", CHANGE, change | {"id": ID_MARK}, changed),
    ]


def _headers(token: str) -> dict[str, str]:
    known = {"Authorization": f"Bearer {token}", "Host": HOST}
    return {**known, "Content-Type": "application/json"}


def writer(rows: Rows) -> str:
    """Return the id of the user who writes."""
    return str(viewer_id(rows))
