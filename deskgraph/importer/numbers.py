"""The counters behind ticket numbers: they go on after those that the old system gave out."""

import re
from collections.abc import Iterable

from sqlalchemy import case
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from deskgraph.importer.source import Record
from models import DayCounter, table_of

_NUMBER = re.compile(r"T-(\d{8})-(\d{4,9})", re.ASCII)
_counters = table_of(DayCounter)


async def count_up(connection: AsyncConnection, records: Iterable[Record]) -> None:
    """Let no day give out a number again; those of rejected tickets count, they may come yet."""
    highest: dict[str, int] = {}
    for record in records:
        found = _NUMBER.fullmatch(str(record["ticket_number"]))
        if found:
            highest[found[1]] = max(int(found[2]), highest.get(found[1], 0))
    if not highest:
        return
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(_counters)
    value = statement.excluded.value
    larger = case((value > _counters.c.value, value), else_=_counters.c.value)
    statement = statement.on_conflict_do_update(index_elements=["day"], set_={"value": larger})
    await connection.execute(
        statement, [{"day": day, "value": value} for day, value in sorted(highest.items())]
    )
