"""How much of their points users and addresses have used, where several processes share it."""

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel


class RateBucket(SQLModel, table=True):
    """One bucket; ``full_at`` is when it is full again, in nanoseconds since 1970."""

    __tablename__ = "rate_buckets"

    key: str = Field(primary_key=True, max_length=100)
    full_at: int = Field(index=True, sa_type=BigInteger)
