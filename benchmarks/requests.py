"""The two requests that are measured; ours and the baseline are sent the same bytes."""

from dataclasses import dataclass, field

import orjson

PAGE = 20
# Part of REST's links, so both servers have to be asked by the same name.
HOST = "desk.example"

NESTED = """
query Tickets($first: Int) {
  tickets(first: $first) {
    nodes {
      id
      ticketNumber
      subject
      description
      status
      priority
      category
      createdAt
      updatedAt
      company { id name city country }
      contact { id name email phone }
      assignedTo { id fullName role }
      comments(first: 20) {
        nodes { id text isInternal createdAt author { id fullName role } }
      }
      attachments { id name size contentType createdAt uploadedBy { id fullName } }
    }
  }
}
"""


@dataclass(frozen=True)
class Request:
    """One request, and how a table calls it."""

    title: str
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def requests(token: str) -> list[Request]:
    """Return what is measured, for the user of this token."""
    known = {"Authorization": f"Bearer {token}", "Host": HOST}
    posted = orjson.dumps({"query": NESTED, "variables": {"first": PAGE}})
    json = {**known, "Content-Type": "application/json"}
    return [
        Request("GraphQL nested list", "POST", "/graphql", json, posted),
        Request("REST list", "GET", f"/api/v1/tickets/?page_size={PAGE}", known),
    ]
