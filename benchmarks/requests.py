"""The two requests that are measured; ours and the baseline are sent the same bytes."""

import time
from dataclasses import dataclass, field, replace

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


# What stands in the path and the body of a request for one of its ids, and for its number.
ID_MARK, NUMBER_MARK = "ID_OF_A_ROW", "NUMBER_OF_REQUEST"


@dataclass(frozen=True)
class Request:
    """One request, and how a table calls it.

    One with ``ids`` is another one each time it is sent.
    """

    title: str
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ids: tuple[str, ...] = ()

    def numbered(self, number: int) -> "Request":
        """Return the request of a number."""
        if not self.ids:
            return self
        key = self.ids[number % len(self.ids)]
        path, body = (
            text.replace(ID_MARK, key).replace(NUMBER_MARK, str(number))
            for text in (self.path, self.body.decode())
        )
        return replace(self, path=path, body=body.encode(), ids=())


def next_numbers() -> int:
    """Return the first of numbers that no request had before, for some seconds of requests."""
    return time.time_ns() // 10_000 % 10**12


def taking_gzip(request: Request) -> Request:
    """Return the request of a client that takes compressed answers."""
    return replace(request, headers={**request.headers, "Accept-Encoding": "gzip"})


def requests(token: str) -> list[Request]:
    """Return what is measured, for the user of this token."""
    known = {"Authorization": f"Bearer {token}", "Host": HOST}
    posted = orjson.dumps({"query": NESTED, "variables": {"first": PAGE}})
    json = {**known, "Content-Type": "application/json"}
    return [
        Request("GraphQL nested list", "POST", "/graphql", json, posted),
        Request("REST list", "GET", f"/api/v1/tickets/?page_size={PAGE}", known),
    ]
