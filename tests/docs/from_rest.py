"""The page for people who come from REST, made of the table of calls.

``python -m tests.docs.from_rest`` writes it.
"""

import json
import re

from graphql import parse, print_ast

from deskgraph.graphql_links.selections import selection
from rest_compat.routes import API
from rest_compat.serializers import shapes
from tests.support.paths import ROOT
from tests.viewers.calls import CALLS, Call

PAGE = ROOT / "docs" / "from-rest.md"
HEAD = """# From REST to GraphQL

Each call of the REST reference beside the GraphQL operation that does the same. Send the operation
to `/graphql` by POST as `{"query": "…", "variables": {…}}`, with the same token. Names are the same
in camelCase, choices are written by their names (`in_progress` is `IN_PROGRESS`), and ids are the
same. Select only the [fields](#fields) that your page shows, and several objects in one operation.

- A mutation reports wrong input as an entry of `errors` in its payload, with a `code`, a `message`
  and a `field`; the HTTP status stays 200. A missing object is `null`. [Errors](graphql.md#errors).
- The next page of a list is `after: endCursor` instead of a page number. [Pages](graphql.md#pages).
- Instead of polling, [subscribe](live.md) to events.

This page is made from the table of the tests, which make each call both ways.
"""
IDS = {
    "hilton": "COMPANY_ID",
    "john": "CONTACT_ID",
    "offline": "TICKET_ID",
    "volume": "TICKET_ID",
    "keith": "USER_ID",
    "own": "COMMENT_ID",
    "photo": "ATTACHMENT_ID",
    "whispered": "EVENT_ID",
}
_SHAPES = {
    "Ticket": shapes.TICKET,
    "Comment": shapes.COMMENT,
    "Attachment": shapes.ATTACHMENT,
    "Company": shapes.COMPANY,
    "Contact": shapes.CONTACT,
    "User": shapes.USER,
}
FRAGMENTS = {
    f"{entity}Fields": (entity, selection(entity, shape)) for entity, shape in _SHAPES.items()
}


def page() -> str:
    """Return the whole page."""
    parts = [HEAD]
    for title, calls in CALLS.items():
        parts.append(f"## {title}\n")
        parts += [_section(call) for call in calls]
    parts.append("## Fields\n\nThe fields that REST returns of each type")
    parts.append(f"```graphql\n{fragments(set(FRAGMENTS))}\n```\n")
    return "\n".join(parts)


def operation(call: Call) -> str:
    """Return the operation of a call, with the long selections as fragments."""
    return print_ast(parse(_shortened(call.equivalent.text)))


def fragments(names: set[str]) -> str:
    """Return the definitions of fragments, and of those in them."""
    made = {
        name: _shortened(f"fragment {name} on {entity} {text}", besides=name)
        for name, (entity, text) in FRAGMENTS.items()
    }
    wanted, more = set[str](), set(names)
    while more:
        wanted |= more
        more = {one for name in wanted for one in used(made[name])} - wanted
    return "\n\n".join(print_ast(parse(made[name])) for name in made if name in wanted)


def used(text: str) -> set[str]:
    """Return the names of the fragments that a document spreads."""
    return set(re.findall(r"\.\.\.\s*(\w+Fields)", text))


def _shortened(text: str, besides: str = "") -> str:
    longest = sorted(FRAGMENTS.items(), key=lambda item: -len(item[1][1]))
    for name, (_, fields) in longest:
        if name != besides:
            text = text.replace(fields, f"{{ ...{name} }}")
    return text


def _section(call: Call) -> str:
    variables = call.variables
    graph = f"```graphql\n{operation(call)}\n```"
    if variables:
        graph += f"\n\n```json\n{_named(json.dumps(variables, indent=2, ensure_ascii=False))}\n```"
    return (
        f"### {call.about}\n\n<table><tr><th>REST</th><th>GraphQL</th></tr><tr><td>\n\n"
        f"```http\n{_request(call)}\n```\n\n</td><td>\n\n{graph}\n\n</td></tr></table>\n"
    )


def _request(call: Call) -> str:
    text = f"{call.method} {API}{call.path}"
    if call.file:
        text += "\nContent-Type: multipart/form-data\n\nticket: <offline>\nfile: the file's bytes"
    elif call.body:
        body = json.dumps(call.body, indent=2, ensure_ascii=False)
        text += f"\nContent-Type: application/json\n\n{body}"
    return _named(text)


def _named(text: str) -> str:
    return re.sub(r"<(\w+)>", lambda found: IDS[found[1]], text)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
