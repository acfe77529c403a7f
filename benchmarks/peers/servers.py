"""The other servers: how each is started and asked.

``make peers`` installs those that are not among the project's own packages.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from benchmarks import servers
from benchmarks.requests import Request

HERE = Path(__file__).parent
BIN = HERE / ".venv" / "bin"
# Is there after ``make peers``.
INSTALLED = HERE / ".venv" / ".installed"
# The same fields by the names that PostGraphile gives them.
_POSTGRAPHILE = """
query Tickets($first: Int) {
  tickets: allTickets(first: $first, orderBy: [CREATED_AT_DESC]) {
    nodes {
      id: rowId
      ticketNumber
      subject
      description
      status
      priority
      category
      createdAt
      updatedAt
      company: companyByCompanyId { id: rowId name city country }
      contact: contactByContactId { id: rowId name email phone }
      assignedTo: userByAssignedToId { id: rowId firstName lastName role }
      comments: commentsByTicketId(first: 20, orderBy: [CREATED_AT_ASC]) {
        nodes {
          id: rowId
          text
          isInternal
          createdAt
          author: userByAuthorId { id: rowId firstName lastName role }
        }
      }
      attachments: attachmentsByTicketId(orderBy: [CREATED_AT_DESC]) {
        nodes {
          id: rowId
          name
          size
          contentType
          createdAt
          uploadedBy: userByUploadedById { id: rowId firstName lastName }
        }
      }
    }
  }
}
"""


@dataclass(frozen=True)
class Peer:
    """Another server: the title of the read that it answers, and how it is started and asked."""

    name: str
    answers: str
    command: Sequence[str]
    request: Callable[[Request], Request] = replace
    # Whether ``make peers`` has to install it.
    installed: bool = True

    @contextmanager
    def started(self, url: str, access: str, folder: Path) -> Iterator[int]:
        """Run it and give its port; raises ``ServerError`` where it is not installed."""
        if self.installed and not INSTALLED.exists():
            raise servers.ServerError(f"{self.name} is not installed: run make peers.")
        # The names with DESKGRAPH_ are what ours reads; the others know DATABASE_URL.
        urls = {"DATABASE_URL": url, "DESKGRAPH_DATABASE_URL": url}
        own = {"PYTHONPATH": str(servers.ROOT), "BASELINE_TOKEN": access, "NODE_ENV": "production"}
        env = {**os.environ, **urls, **own}
        command = [part.replace("{url}", url) for part in self.command]
        with servers.run(command, env, folder, self.name) as server:
            server.wait_until_it_answers()
            yield server.port


def _by_postgraphile(request: Request) -> Request:
    body = orjson.loads(request.body)
    return replace(request, body=orjson.dumps({**body, "query": _POSTGRAPHILE}))


_NAIVE = Peer(
    "Strawberry with DataLoaders",
    "GraphQL nested list",
    [sys.executable, "-m", "benchmarks.peers.naive", "--port", servers.PORT],
    installed=False,
)
_POSTGRAPHILE_PEER = Peer(
    "PostGraphile",
    "GraphQL nested list",
    [str(BIN / "node"), str(HERE / "postgraphile.mjs"), "{url}", servers.PORT],
    _by_postgraphile,
)
_DJANGO = Peer(
    "Django REST framework",
    "REST list",
    # Workers without threads close each connection after one request.
    [
        *(str(BIN / "gunicorn"), "--workers=1", "--threads=4", "--preload"),
        *("--no-control-socket", "--log-level=warning", f"--bind=127.0.0.1:{servers.PORT}"),
        "benchmarks.peers.django_desk:application",
    ],
)
PEERS: Mapping[str, Sequence[Peer]] = {
    "sqlite": (_NAIVE,),
    "postgres": (_NAIVE, _POSTGRAPHILE_PEER, _DJANGO),
}


def compare_ids(request: Request, ours: int, theirs: Request, port: int) -> None:
    """Raise ``ServerError`` where another server's answer is not about the same objects."""
    if _ids(servers.ask(request, ours)) != _ids(servers.ask(theirs, port)):
        raise servers.ServerError(f"The answers to {request.title} have different ids.")


def _ids(answer: bytes) -> list[str]:
    """Return the ids of all objects in an answer."""
    found = []
    values = [orjson.loads(answer)]
    while values:
        value = values.pop()
        if isinstance(value, dict):
            found += [value["id"]] if "id" in value else []
            values += value.values()
        elif isinstance(value, list):
            values += value
    return sorted(found)
