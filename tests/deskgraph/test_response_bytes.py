"""What a database cannot make for its size is an error of the client, not of the server."""

import pytest
from sqlalchemy import literal_column

from deskgraph.database.database import Database
from deskgraph.database.readers import SQLITE_HEAP
from resolvers.errors import AnswerTooLarge
from resolvers.query.plans import compile_plan

pytestmark = pytest.mark.anyio

NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 11)"
TOO_LARGE = {
    "sqlite": (
        "SELECT hex(zeroblob(50001))",
        f"{NUMBERS} SELECT json_group_array(printf('%.*c', 10000, 'x')) FROM n",
    ),
    "postgres": (
        # "requested length too large", "array size exceeds …", "invalid memory alloc request size".
        "SELECT repeat('x', 1100000000)",
        "SELECT array_fill(1, ARRAY[300000000])",
        "SELECT polygon(100000000, circle '((0, 0), 1)')",
    ),
}


async def test_what_is_too_large_for_the_database_is_a_neutral_error(
    anyio_backend: str, database_url: str, backend: str
) -> None:
    database = Database(database_url, max_answer_bytes=100_000)
    await database.open()
    try:
        for sql in TOO_LARGE[backend]:
            with pytest.raises(AnswerTooLarge, match="more than 100000 bytes"):
                await database.fetch_row(sql, [])
        assert (await database.fetch_row("SELECT 1", []))[0] == 1
    finally:
        await database.close()


async def test_sqlite_has_a_limit_of_memory(anyio_backend: str, sqlite_url: str) -> None:
    def exhaust() -> None:
        raise MemoryError

    database = Database(sqlite_url, functions={"exhaust": exhaust}, max_answer_bytes=100_000)
    await database.open()
    try:
        assert (await database.fetch_row("PRAGMA hard_heap_limit", []))[0] == SQLITE_HEAP
        with pytest.raises(AnswerTooLarge):
            await database.fetch_row("SELECT exhaust()", [])
        assert (await database.fetch_row("SELECT 1", []))[0] == 1
    finally:
        await database.close()


async def test_postgresql_does_not_send_what_is_too_large(
    anyio_backend: str, postgres_url: str
) -> None:
    database = Database(postgres_url)
    await database.open()
    try:
        plan = compile_plan(
            (literal_column("1"), literal_column("repeat('ä', 6)")), database.dialect
        )
        for limit, expected in ((12, "ä" * 6), (11, "")):
            row = await database.fetch_row(plan.sql, plan.values({"max_answer_bytes": limit}))
            assert tuple(row) == (1, expected)
    finally:
        await database.close()
