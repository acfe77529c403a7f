"""Requests that are made to be slow are refused; ``make bench-attacks`` measures how fast."""

import pytest

from benchmarks.attacks import ATTACKS, OTHERS
from tests.support.graphql_client import GraphQLClient

pytestmark = pytest.mark.anyio


@pytest.fixture
def backend() -> str:
    """Take one database: none is asked."""
    return "sqlite"


async def test_attacks_are_refused(empty: GraphQLClient) -> None:
    headers = {"Content-Type": "application/json"}
    for name, (body, said) in ATTACKS.items():
        response = await empty.client.post("/graphql", content=body, headers=headers)
        assert response.status_code == 200, name
        answer = response.json()
        assert "data" not in answer, name
        assert said in answer["errors"][0]["message"], name
        codes = {error["extensions"]["code"] for error in answer["errors"]}
        assert codes == {"BAD_USER_INPUT"}, name


async def test_what_is_no_request_is_refused(empty: GraphQLClient) -> None:
    headers = {"Content-Type": "application/json"}
    for name, body in OTHERS.items():
        response = await empty.client.post("/graphql", content=body, headers=headers)
        assert response.status_code == 400, name
        assert response.json()["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT", name
