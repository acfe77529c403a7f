"""How tests search: the names and the snippets that `search` answers."""

from typing import Any

from tests.support.graphql_client import GraphQLClient

FOUND = """query($q: String!, $first: Int, $after: String, $types: [SearchType!]) {
  search(query: $q, first: $first, after: $after, types: $types) {
    nodes {
      ... on Ticket { name: ticketNumber } ... on Comment { name: text }
      ... on Contact { name } ... on Company { name }
    }
    pageInfo { hasNextPage endCursor }
  }
}"""
SNIPPETS = """query($q: String!) {
  search(query: $q) { edges { snippets { field parts { text highlighted } } } }
}"""


async def page(gql: GraphQLClient, q: str, viewer: str = "keith", **more: Any) -> Any:
    """Return the names on a page, and how it goes on."""
    found = (await gql.ask(FOUND, {"q": q, **more}, viewer))["search"]
    return [node["name"] for node in found["nodes"]], found["pageInfo"]


async def names(gql: GraphQLClient, q: str, viewer: str = "keith", **more: Any) -> list[str]:
    """Return the names on a page."""
    return list((await page(gql, q, viewer, **more))[0])


async def snippets(gql: GraphQLClient, q: str, viewer: str = "keith") -> list[dict[str, str]]:
    """Return the snippets of each edge by field, with brackets around what is highlighted."""
    data = await gql.ask(SNIPPETS, {"q": q}, viewer)
    return [
        {
            snippet["field"]: "".join(
                f"[{part['text']}]" if part["highlighted"] else part["text"]
                for part in snippet["parts"]
            )
            for snippet in edge["snippets"]
        }
        for edge in data["search"]["edges"]
    ]
