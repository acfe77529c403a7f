"""Imports of tickets from files, which are bulk jobs: the file, and the rows that were refused."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from models.base import time_column
from models.types import Uuid36


class ImportFile(SQLModel, table=True):
    """The file of a job that has not ended; its bytes are in the file store under ``key``."""

    __tablename__ = "import_files"

    job_id: UUID = Field(
        primary_key=True, foreign_key="bulk_jobs.id", ondelete="CASCADE", sa_type=Uuid36
    )
    key: str = Field(max_length=300, unique=True)
    name: str = Field(max_length=200)
    size: int = Field(sa_type=BigInteger)
    content_type: str = Field(max_length=100)
    sha256: str = Field(max_length=64)
    created_at: datetime = time_column()


class ImportReject(SQLModel, table=True):
    """A row that was refused, by the ``position`` of its error in the job.

    ``content`` is the row as it was in the file: of CSV its values as a JSON list, else its line.
    """

    __tablename__ = "import_rejects"

    job_id: UUID = Field(
        primary_key=True, foreign_key="bulk_jobs.id", ondelete="CASCADE", sa_type=Uuid36
    )
    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    content: str
