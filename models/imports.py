"""What was imported from another system, so that a second import knows what it has brought."""

from uuid import UUID

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from models.types import Uuid36


class ImportedRow(SQLModel, table=True):
    """A row that was imported, by its kind and id, with the digest of what was written."""

    __tablename__ = "imported_rows"

    # The id first: rows are looked up by it, and a kind has most of them.
    id: UUID = Field(primary_key=True, sa_type=Uuid36)
    kind: str = Field(primary_key=True, max_length=20)
    digest: bytes = Field(sa_type=LargeBinary)
