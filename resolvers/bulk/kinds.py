"""What a kind of bulk jobs is: how its next batch is found, and how it is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar
from uuid import UUID

from models import BulkJobKind
from resolvers.bulk.jobs import OpenJob
from resolvers.context import Context
from resolvers.errors import ServiceError
from resolvers.write_statements import Step

Prepared = TypeVar("Prepared")


@dataclass(frozen=True)
class ItemResult:
    """What became of one item of a job.

    ``position`` counts the items of the job from 0. ``path`` leads to the item in the input of the
    job. It is empty where the input has only what is done to each item, and None where it has
    nothing that an error could be about.
    """

    position: int
    ticket_id: UUID | None
    changed: bool = False
    error: ServiceError | None = None
    path: Sequence[str] | None = None


@dataclass(frozen=True)
class BatchResult:
    """What became of a batch; ``ended``: it was the last one.

    ``bookmark`` is where the next one begins, for kinds that need more than its number. ``steps``
    are stored with the rest of the job, also where it is only tried. ``unneeded`` are the keys of
    files that are deleted after the commit.
    """

    items: Sequence[ItemResult]
    ended: bool
    bookmark: Mapping[str, object] | None = None
    steps: Sequence[Step] = ()
    unneeded: Sequence[str] = ()


class JobKind(Protocol[Prepared]):
    """How the batches of a kind are done; see ``resolvers.bulk``."""

    async def prepare(self, context: Context, job: OpenJob) -> Prepared:
        """Read the next batch, before its transaction begins."""

    async def write(self, context: Context, job: OpenJob, prepared: Prepared) -> BatchResult:
        """Do the batch, in the transaction of ``context``."""


Kinds = Mapping[BulkJobKind, JobKind[object]]
