"""Reading the old database, a batch at a time."""

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from benchmarks import old_desk
from benchmarks.old_desk import OLD
from deskgraph.importer.source import open_source
from tests.support.rows import key

pytestmark = pytest.mark.anyio

NAMES = ["a", "b", "c", "d", "e", "f", "g"]
NOT_UTF_8 = "UPDATE crm_app_company SET name = CAST(x'48E9' AS TEXT) WHERE name IN ('d', 'f')"


async def test_a_text_that_is_not_utf_8_neither_loses_nor_doubles_a_row(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'old.db'}")
    OLD.create_all(engine)
    with engine.begin() as connection:
        rows = [old_desk.company(key(name), name, city=name) for name in NAMES]
        connection.execute(old_desk.COMPANIES_TABLE.insert(), rows)
        connection.execute(text(NOT_UTF_8))
    engine.dispose()

    async with open_source(str(engine.url)) as source:
        read = source.batches("crm_app_company", ["name", "city"], ["city"], 2, skip=1)
        batches = [[tuple(record) for record in records] async for records in read]

    assert batches == [
        [("b", "b"), ("c", "c")],
        [("H\udce9", "d"), ("e", "e")],
        [("H\udce9", "f"), ("g", "g")],
    ]
