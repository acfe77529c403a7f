"""The files that jobs read: each has a row for as long as its job has not ended."""

from collections.abc import AsyncIterator
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, delete, select

from models import ImportFile, table_of
from models.types import Uuid36
from resolvers.bulk.jobs import OpenJob, read_one
from resolvers.errors import ServiceError
from resolvers.services import Services
from resolvers.write_statements import Step, Transaction, always, insert_into

_files = table_of(ImportFile)
_OF_JOB = _files.c.job_id == bindparam("of_job", type_=Uuid36)
_FIND = always(select(_files.c.key, _files.c.size).where(_OF_JOB))
_FORGET = always(delete(_files).where(_OF_JOB))
INSERT_FILE = insert_into(_files)


class FileGone(ServiceError):
    """The file of a job is not in the file store any more."""

    def __str__(self) -> str:
        return "The file is not in the file store any more."


class JobFile(NamedTuple):
    """A stored file; ``size`` in bytes."""

    key: str
    size: int

    async def read(self, services: Services, start: int, end: int) -> AsyncIterator[bytes]:
        """Return the bytes from a start up to an end; raises ``FileGone`` and ``Unavailable``."""
        try:
            return await services.files.get(self.key, (start, min(end, self.size)))
        except FileNotFoundError:
            raise FileGone from None


async def file_of(services: Services, job_id: UUID) -> JobFile:
    """Return the file of a job; raises ``FileGone``."""
    row = await read_one(services, _FIND, {"of_job": job_id})
    if row is None:
        raise FileGone
    return JobFile(*row)


def forgetting(job_id: UUID) -> Step:
    """Return what removes the row of a job's file, which is to be deleted after the commit."""
    return _FORGET, {"of_job": job_id}


async def forget_file(transaction: Transaction, job: OpenJob) -> list[str]:
    """Remove the row of a job's file; returns the keys to delete after the commit, if any."""
    if not job.has_file:
        return []
    row = await transaction.fetch_row(_FIND, {"of_job": job.id})
    await transaction.execute(forgetting(job.id))
    return [] if row is None else [row[0]]
