"""What a list reads in the database."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.rest_compat.conftest import open_api, with_rows
from tests.support.clock import Clock
from tests.support.settings import settings_for

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("who", ["keith", "carla"])
async def test_sqlite_looks_a_person_up_once_for_all_that_a_row_shows(
    sqlite_url: str, tmp_path: Path, who: str
) -> None:
    settings = settings_for(sqlite_url, tmp_path / "media")
    async with open_api(settings, Clock()) as opened:
        api = await with_rows(opened)
        api.statements.clear()
        (row, *_) = (await api.get("tickets/?status=assigned", who)).json()["results"]
        (sql,) = (one for one in api.statements if "json_group_array" in one)

    shown = [c for c in row["comments"] if c["author"]]
    assert all(comment["author_name"] and comment["author_role"] for comment in shown)
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"))) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * sql.count("?"))
        looked_up = [str(step[3]) for step in plan if "SEARCH users" in step[3]]
    # The agent and the creator of a ticket, the author of a comment, who uploaded a file.
    assert len(looked_up) == 4
    assert all("LEFT-JOIN" in step for step in looked_up)
