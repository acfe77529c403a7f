"""One batch of old rows: what is new, what changed, what cannot be taken, and writing it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Dialect, Update, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from deskgraph.importer.inserts import Row, Values, insert_stored, is_among, stored_values
from deskgraph.importer.kinds import ImportedTable
from deskgraph.importer.source import Record
from deskgraph.importer.values import Rejected
from models import ImportedRow, Ticket, table_of
from models.search import search_texts

_imported = table_of(ImportedRow)
_tickets = table_of(Ticket)

NOT_FROM_HERE = "exists here already with other values, and was not imported"
CHANGED_HERE = "was changed in both systems since it was imported"
DELETED_HERE = "was deleted here since it was imported, but changed in the old system"
TWICE = "occurs twice"


@dataclass
class Batch:
    """Rows on their way: ``pending`` are to be written, ``before`` is what they were here."""

    kind: ImportedTable
    records: dict[UUID, Record] = field(default_factory=dict)
    pending: dict[UUID, Row] = field(default_factory=dict)
    digests: dict[UUID, bytes] = field(default_factory=dict)
    # What the driver stores of a row that is new.
    stored: dict[UUID, Values] = field(default_factory=dict)
    before: dict[UUID, Row] = field(default_factory=dict)
    # Rows that are the same here and in the old database, but are not recorded as imported.
    adopted: list[UUID] = field(default_factory=list)
    unchanged: int = 0
    # How many of the rows are recorded as imported, by now or since before.
    recorded: int = 0
    rejected: list[tuple[Record, str]] = field(default_factory=list)
    # The tickets that the rows belong to, for their events.
    tickets: dict[UUID, Row] = field(default_factory=dict)

    @property
    def new(self) -> list[Row]:
        """The rows that are not here yet."""
        return [row for key, row in self.pending.items() if key not in self.before]

    @property
    def changed(self) -> list[tuple[Row, Row]]:
        """What rows are here, and what they become."""
        return [(self.before[key], row) for key, row in self.pending.items() if key in self.before]

    def reject(self, key: UUID, reason: str) -> None:
        """Take a row out, with the reason."""
        del self.pending[key]
        self.rejected.append((self.records[key], reason))

    def keep(self, key: UUID) -> None:
        """Leave a row as it is here."""
        del self.pending[key]
        self.unchanged += 1


def converted(kind: ImportedTable, records: Sequence[Record], dialect: Dialect) -> Batch:
    """Return a batch of what can be converted, with the rejects.

    ``dialect`` is that of our database.
    """
    batch = Batch(kind)
    try:
        rows = kind.convert_all(records, dialect)
    except Rejected:
        records = _without_rejects(batch, records)
        rows = kind.convert_all(records, dialect)
    for record, new in zip(records, rows, strict=True):
        key = new.row["id"]
        if key in batch.pending:
            batch.rejected.append((record, f"id {TWICE}"))
            continue
        batch.records[key] = record
        batch.pending[key] = new.row
        batch.digests[key] = new.digest
        batch.stored[key] = new.stored
    return batch


def _without_rejects(batch: Batch, records: Sequence[Record]) -> Sequence[Record]:
    """Reject what cannot be converted, and return the others."""
    taken = []
    for record in records:
        try:
            batch.kind.convert(record)
        except Rejected as problem:
            batch.rejected.append((record, str(problem)))
        else:
            taken.append(record)
    return taken


async def compare(connection: AsyncConnection, batch: Batch) -> None:
    """Leave those rows pending that are new or changed; reject those that changed here, too."""
    kind = batch.kind
    stored = await _stored_digests(connection, batch)
    batch.recorded = len(stored)
    for key, digest in stored.items():
        if digest == batch.digests[key]:
            batch.keep(key)
    for row in await _rows(connection, kind.table.c.id, batch.pending, lock=True):
        batch.before[row["id"]] = row
    for key in list(batch.pending):
        ours = kind.digest(batch.before[key]) if key in batch.before else None
        before = stored.get(key)
        if ours is None:
            if before is not None:
                batch.reject(key, DELETED_HERE)
        elif before is None and ours == batch.digests[key]:
            batch.keep(key)
            batch.adopted.append(key)
        elif before is None:
            batch.reject(key, NOT_FROM_HERE)
        elif not kind.same_here(ours, before):
            batch.reject(key, CHANGED_HERE)


async def check(connection: AsyncConnection, batch: Batch) -> None:
    """Reject rows that refer to nothing, and those whose unique value another row has."""
    for name, table in batch.kind.references.items():
        wanted = {row[name] for row in batch.pending.values()} - {None}
        if table is _tickets:
            # A row may have moved: then its old ticket gets an event, too.
            left = {row[name] for row in batch.before.values()}
            columns = [_tickets.c.id, _tickets.c.company_id, _tickets.c.ticket_number]
            found = await _rows(connection, table.c.id, wanted | left, columns)
            batch.tickets = {row["id"]: row for row in found}
        else:
            found = await _rows(connection, table.c.id, wanted, [table.c.id])
        missing = wanted - {row["id"] for row in found}
        for key in [key for key, row in batch.pending.items() if row[name] in missing]:
            value = batch.pending[key][name]
            batch.reject(key, f"{name} refers to {value}, which is not among our {table.name}")
    if batch.kind.unique is not None:
        await _check_unique(connection, batch, batch.kind.unique)


async def write(connection: AsyncConnection, batch: Batch) -> None:
    """Write what is left pending, and remember it."""
    kind, table = batch.kind, batch.kind.table
    if new := batch.new:
        rows = [batch.stored[row["id"]] for row in new]
        await insert_stored(connection, table, kind.written, rows)
    if changed := batch.changed:
        await connection.execute(*_update(kind, changed))
    known = [*(row["id"] for row in new), *batch.adopted]
    if known:
        ids = stored_values(_imported.c.id, known, connection.dialect)
        rows = [(key, kind.name, batch.digests[of]) for key, of in zip(ids, known, strict=True)]
        await insert_stored(connection, _imported, ("id", "kind", "digest"), rows)
        batch.recorded += len(known)
    if changed:
        statement = (
            update(_imported)
            .where(_imported.c.kind == kind.name, _imported.c.id == bindparam("row_id"))
            .values(digest=bindparam("row_digest"))
        )
        renewed = [
            {"row_id": row["id"], "row_digest": batch.digests[row["id"]]} for _, row in changed
        ]
        await connection.execute(statement, renewed)


def _update(kind: ImportedTable, changed: Sequence[tuple[Row, Row]]) -> tuple[Update, list[Row]]:
    columns = [name for name in kind.seen if name != "id"]
    values: dict[str, ColumnElement[object]] = {name: bindparam(f"new_{name}") for name in columns}
    values |= {name: bindparam(f"new_{name}") for name in search_texts(kind.table, {})}
    if "version" in kind.added:
        values["version"] = kind.table.c.version + 1
    if "sha256" in kind.added:
        values["sha256"] = bindparam("new_sha256")
    rows = []
    for before, after in changed:
        row = {f"new_{name}": after[name] for name in columns} | {"row_id": after["id"]}
        row |= {f"new_{name}": text for name, text in search_texts(kind.table, after).items()}
        if "sha256" in kind.added:
            # Another file: it is still to be fetched.
            row["new_sha256"] = before["sha256"] if before["key"] == after["key"] else ""
        rows.append(row)
    return update(kind.table).where(kind.table.c.id == bindparam("row_id")).values(values), rows


async def _stored_digests(connection: AsyncConnection, batch: Batch) -> Mapping[UUID, bytes]:
    found = select(_imported.c.id, _imported.c.digest).where(
        _imported.c.kind == batch.kind.name,
        is_among(_imported.c.id, batch.pending, connection.dialect),
    )
    return {row.id: row.digest for row in await connection.execute(found)}


async def _check_unique(connection: AsyncConnection, batch: Batch, name: str) -> None:
    column = batch.kind.table.c[name]
    values = {row[name] for row in batch.pending.values()}
    found = await _rows(connection, column, values, [batch.kind.table.c.id, column])
    owners: dict[str, UUID] = {row[name]: row["id"] for row in found}
    for key in list(batch.pending):
        value = batch.pending[key][name]
        if owners.setdefault(value, key) != key:
            batch.reject(key, f"{name} is {value!r}, which another row has")


async def _rows(
    connection: AsyncConnection,
    column: Column[object],
    values: Collection[object],
    wanted: Sequence[Column[object]] = (),
    *,
    lock: bool = False,
) -> list[Row]:
    """Return rows, whole unless columns are named, whose column has one of the values."""
    if not values:
        return []
    statement = select(*(wanted or column.table.c)).where(
        is_among(column, values, connection.dialect)
    )
    if lock:
        # Always in the same order, so that no two who do this wait for each other.
        statement = statement.order_by(column).with_for_update()
    return [dict(row) for row in (await connection.execute(statement)).mappings()]
