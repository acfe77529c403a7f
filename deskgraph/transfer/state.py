"""How far an import is: a row of the database that it fills, changed with each batch."""

from dataclasses import asdict, dataclass
from uuid import UUID

import orjson
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from deskgraph.transfer.manifest import TransferError
from deskgraph.transfer.tables import STATE_KIND, TABLES
from models import ImportedRow, table_of

_rows = table_of(ImportedRow)
_ours = _rows.c.kind == STATE_KIND
BUSY = "Another import works on this database."


@dataclass
class State:
    """``table`` is the one that is filled; so many of its lines and bytes are done."""

    table: int = 0
    lines: int = 0
    size: int = 0
    done: bool = False

    def _written(self) -> bytes:
        return orjson.dumps(asdict(self))

    async def save(self, connection: AsyncConnection, export_id: UUID, before: "State") -> None:
        """Keep it in the place of what was kept before; raises ``TransferError`` if that is not so.

        Two imports at once cannot both bring the same rows.
        """
        changed = await connection.execute(
            update(_rows)
            .where(_ours, _rows.c.id == export_id, _rows.c.digest == before._written())
            .values(digest=self._written())
        )
        if changed.rowcount != 1:
            raise TransferError(BUSY)


async def find_state(connection: AsyncConnection) -> tuple[UUID, State] | None:
    """Return the export that was imported here, or begun, and how far it is."""
    found = (await connection.execute(select(_rows.c.id, _rows.c.digest).where(_ours))).first()
    return None if found is None else (found.id, State(**orjson.loads(found.digest)))


async def begin_state(connection: AsyncConnection, export_id: UUID) -> State:
    """Return how far the import of an export is, which begins in an empty database only.

    Raises ``TransferError``.
    """
    found = await find_state(connection)
    if found is not None and found[0] == export_id:
        return found[1]
    if found is not None and not found[1].done:
        raise TransferError(
            "The database has an unfinished import of another export: import that one again, or "
            "use an empty database."
        )
    if (name := await _first_filled(connection)) is not None:
        raise TransferError(
            f"The database is not empty, there are rows in {name}: an export is imported into an "
            "empty one."
        )
    state = State()
    values = {"kind": STATE_KIND, "id": export_id, "digest": state._written()}
    await connection.execute(delete(_rows).where(_ours))
    try:
        await connection.execute(insert(_rows).values(values))
    except IntegrityError:
        # PostgreSQL let both find the database empty.
        raise TransferError(BUSY) from None
    return state


async def _first_filled(connection: AsyncConnection) -> str | None:
    for moved in TABLES:
        found = select(func.count()).select_from(moved.table).where(text(moved.where))
        if await connection.scalar(found):
            return moved.name
    return None


async def count_rows(connection: AsyncConnection) -> dict[str, int]:
    """Return how many rows each table has."""
    return {
        moved.name: await connection.scalar(
            select(func.count()).select_from(moved.table).where(text(moved.where))
        )
        or 0
        for moved in TABLES
    }
