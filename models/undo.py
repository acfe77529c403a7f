"""What an undo needs besides the event: the rows that were deleted, and texts that were replaced.

Both are kept for some hours (``deskgraph/retention``). Deleted rows are moved into tables of their
own, so no read and no count of tickets can meet them, and none is ever whole in memory.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import JSON, Column, Index, Table
from sqlmodel import Field, SQLModel

from models.base import table_of, time_column
from models.tickets import Attachment, Comment, Ticket
from models.types import Uuid36


class UndoRecord(SQLModel, table=True):
    """An event whose undo needs what this keeps: who has locked this row may undo it or purge it.

    ``texts`` are those that the event has excerpts of, by their fields: each with the whole text
    that it was (``from``) and the SHA-256 of what it became (``to_sha256``). Of a deleted comment
    that was its ticket's first response, and is it no longer, that time (``from``).
    """

    __tablename__ = "undo_records"
    __table_args__ = (Index(None, "at"),)

    event_id: UUID = Field(primary_key=True, sa_type=Uuid36)
    texts: dict[str, dict[str, str]] = Field(default_factory=dict, sa_type=JSON)
    at: datetime = time_column()


def _deleted(model: type[SQLModel]) -> Table:
    """Return the table of a model's deleted rows: its stored columns, and the deleting event.

    Without the model's keys: what rows refer to may be gone by the time that they are restored.
    """
    table = table_of(model)
    columns: list[Column[object]] = [
        Column(column.name, column.type, primary_key=column.primary_key, nullable=column.nullable)
        for column in table.columns
        if column.computed is None
    ]
    for column in columns:
        column.info.update(table.c[column.name].info)
    event = Column("event_id", Uuid36, primary_key=True)
    return Table(f"deleted_{table.name}", SQLModel.metadata, event, *columns)


DELETED_TICKETS = _deleted(Ticket)
DELETED_COMMENTS = _deleted(Comment)
DELETED_ATTACHMENTS = _deleted(Attachment)
# A backup and the orphan cleanup look files up by their keys.
Index("ix_deleted_attachments_key", DELETED_ATTACHMENTS.c.key)
