"""Responses to writes that were sent with an idempotency key, for when they are sent again."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field, SQLModel

from models.base import time_column
from models.types import Uuid36


class IdempotencyKey(SQLModel, table=True):
    """One write of a user. It is stored in the transaction of the write itself.

    ``fingerprint`` is a hash of the request, ``response`` what was answered, as its API wrote it.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index(None, "created_at"),)

    user_id: UUID = Field(primary_key=True, sa_type=Uuid36)
    key: str = Field(primary_key=True, max_length=255)
    fingerprint: bytes = Field(sa_type=LargeBinary)
    response: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = time_column()
