"""The query that links to other pages are made of."""

import pytest
from starlette.requests import Request

from rest_compat.lists.list_endpoint import query_of


@pytest.mark.parametrize(
    "query", [b"", b"page=2&search=a%20b", b"search=a+%C3%A9&&x", b"a=1#b?c", b"a\tb=?#", b"a=\\/"]
)
def test_it_is_that_of_the_address(query: bytes) -> None:
    scope = {
        "type": "http",
        "scheme": "http",
        "path": "/api/v1/tickets/",
        "query_string": query,
        "headers": [(b"host", b"desk.test")],
    }
    assert query_of(Request(scope)) == Request(scope).url.query
