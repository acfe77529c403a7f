"""Bulk jobs: writes of more tickets than one request may write, done in batches by any process."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Index
from sqlmodel import Field, SQLModel

from models.base import choice_check, choice_column, id_column, reference, time_column
from models.choices import BulkJobKind, BulkJobState
from models.types import Uuid36


class BulkJob(SQLModel, table=True):
    """A job, and how far it is.

    ``arguments`` are what is done to each ticket, as its kind has stored it. ``batch`` is the
    number of the next batch, counted from 0, and ``bookmark`` what else says where that begins,
    for kinds whose batches are not stored beforehand. ``turn_at`` is when its last batch was done.

    The process that works on it leaves its ``claim`` until ``lease_until``; then another one may
    take it. Each batch is one transaction with its part of the job's row, so none is done twice
    whatever becomes of a process.

    With ``dry_run`` each batch is undone, and only its counts and errors stay.
    """

    __tablename__ = "bulk_jobs"
    __table_args__ = (
        choice_check("kind", BulkJobKind),
        choice_check("state", BulkJobState),
        Index(None, "state", "created_at"),
        Index(None, "created_by_id", "created_at", "id"),
        Index(None, "created_at", "id"),
        Index(None, "undo_of_id"),
        Index(None, "finished_at"),
    )

    id: UUID = id_column()
    kind: BulkJobKind = choice_column(BulkJobKind, 20)
    state: BulkJobState = choice_column(BulkJobState, 20, BulkJobState.PENDING)
    # Why it failed.
    reason: str | None = Field(default=None, max_length=300)
    arguments: dict[str, object] = Field(default_factory=dict, sa_type=JSON)
    dry_run: bool = False
    # None while it is not known.
    total_count: int | None = None
    done_count: int = 0
    changed_count: int = 0
    failed_count: int = 0
    batch: int = 0
    bookmark: dict[str, object] | None = Field(default=None, sa_type=JSON)
    # The job whose changes this one undoes. No key: either may be removed first.
    undo_of_id: UUID | None = Field(default=None, sa_type=Uuid36)
    created_by_id: UUID | None = reference("users.id", nullable=True)
    created_at: datetime = time_column()
    started_at: datetime | None = time_column(nullable=True)
    turn_at: datetime | None = time_column(nullable=True)
    finished_at: datetime | None = time_column(nullable=True)
    claim: str | None = Field(default=None, max_length=32)
    lease_until: datetime | None = time_column(nullable=True)


class BulkJobBatch(SQLModel, table=True):
    """A batch of a job: what is to be done, and once it is done the events that it has written.

    ``items`` are ids of tickets or inputs, none where a kind reads them from somewhere else. They
    are removed once they are done.
    """

    __tablename__ = "bulk_job_batches"

    job_id: UUID = Field(
        primary_key=True, foreign_key="bulk_jobs.id", ondelete="CASCADE", sa_type=Uuid36
    )
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    items: list[object] | None = Field(default=None, sa_type=JSON)
    event_ids: list[str] | None = Field(default=None, sa_type=JSON)


class BulkJobError(SQLModel, table=True):
    """Why one ticket of a job was left as it is.

    ``position`` counts the tickets of the job from 0. ``errors`` are in the words of the API.
    """

    __tablename__ = "bulk_job_errors"
    __table_args__ = (Index(None, "job_id", "position", "id"),)

    id: UUID = id_column()
    job_id: UUID = reference("bulk_jobs.id", cascade=True)
    position: int
    # No key: the ticket may be deleted.
    ticket_id: UUID | None = Field(default=None, sa_type=Uuid36)
    errors: list[dict[str, Any]] = Field(sa_type=JSON)
