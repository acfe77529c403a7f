"""The rows of an import that were refused, as a file that can be corrected and imported again.

It has the format of the imported file: each row is as it was there, with what was wrong with it.
"""

import csv
import io
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Dialect, Integer, bindparam, literal_column, select

from models import BulkJob, BulkJobError, BulkJobKind, ImportReject, table_of
from models.types import Uuid36
from resolvers.access import can_see_bulk_job
from resolvers.bulk.jobs import read_one
from resolvers.context import Context
from resolvers.errors import AnswerTooLarge, NotFound
from resolvers.exports.formats import BYTE_ORDER_MARK, ExportFormat, neutral, plain
from resolvers.files.sealed_links import FILE, Link, OpenLink, open_link, seal
from resolvers.imports.layout import ERROR_COLUMN, Layout
from resolvers.query import binds
from resolvers.query.execute import run
from resolvers.query.plans import Plan, compile_plan
from resolvers.query.shapes import Args
from resolvers.query.sql.elements import (
    JsonAgain,
    JsonArrayAgg,
    JsonNumber,
    JsonObject,
    JsonText,
)
from resolvers.write_statements import KEY, always, with_key

PATH = "/downloads/rejects"
# How many rows a page has: fewer where they are long. And how large it may be, in bytes.
SIZES, PAGE_BYTES = (200, 20, 1), 4 * 1024 * 1024
_jobs, _errors, _rejects = table_of(BulkJob), table_of(BulkJobError), table_of(ImportReject)
_JOB, _PLACE = "job", "place"
_FIND = always(
    select(_jobs.c.kind, _jobs.c.created_by_id, _jobs.c.failed_count, _jobs.c.arguments).where(
        with_key(_jobs)
    )
)


class _Job(NamedTuple):
    kind: BulkJobKind
    created_by_id: UUID | None
    failed_count: int
    arguments: Mapping[str, Any]


async def rejects_link(context: Context, job_id: UUID, seconds: int) -> Link | None:
    """Return the link of the rows of a job that were refused; None where there is none.

    Raises ``BadInput``.
    """
    job = await _job(context, job_id)
    if job is None or not job.failed_count:
        return None
    name = f"rejects-{job_id}.{job.arguments['format']}"
    return await seal(context, PATH, {"name": name, "job": str(job_id)}, seconds, name)


async def _job(context: Context, job_id: UUID) -> _Job | None:
    """Return a job that imports, and that the viewer sees."""
    row = await read_one(context.services, _FIND, {KEY: job_id})
    job = None if row is None else _Job(*row)
    if job is None or job.kind is not BulkJobKind.IMPORT:
        return None
    return job if can_see_bulk_job(context.require_viewer(), job.created_by_id) else None


@dataclass(frozen=True)
class Rejects:
    """The rows of a job that were refused, for the viewer of a link."""

    link: OpenLink
    job_id: UUID
    format: ExportFormat
    layout: Layout
    name: str

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """Yield the file; raises ``Unauthenticated`` where the viewer's sessions have ended."""
        is_csv = self.format is ExportFormat.CSV
        start = _csv_header(self.layout) if is_csv else b""
        async for rows in self._pages():
            lines = (_csv_line(self.layout, row) if is_csv else _json_line(row) for row in rows)
            yield start + b"".join(lines)
            start = b""

    async def _pages(self) -> AsyncGenerator[Sequence[Mapping[str, object]], None]:
        size, after = 0, -1
        while True:
            context = await self.link.current()
            services = replace(context.services, max_answer_bytes=PAGE_BYTES)
            if SIZES[size] > 1:
                context = replace(context, services=services)
            plan = _plan_of(context, SIZES[size])
            args = Args(values={_JOB: self.job_id, _PLACE: after})
            try:
                row = await run(context, plan, [args])
            except AnswerTooLarge:
                if SIZES[size] == 1:
                    raise
                size += 1
                continue
            rows = orjson.loads(row[0])
            yield rows
            if len(rows) < SIZES[size]:
                return
            after, size = rows[-1]["position"], 0


def _plan_of(context: Context, size: int) -> Plan:
    plans, key = context.services.plans, (_plan_of, size)
    plan = plans.get(key)
    if plan is None:
        plan = _plan(context.services.database.dialect, size)
        plans.put(key, plan)
    return plan


def _plan(dialect: Dialect, size: int) -> Plan:
    job = bindparam(binds.of_root(_JOB), type_=Uuid36)
    place = bindparam(binds.of_root(_PLACE), type_=Integer)
    same = (_errors.c.job_id == _rejects.c.job_id) & (_errors.c.position == _rejects.c.position)
    found = select(_rejects.c.position, _rejects.c.content, _errors.c.errors)
    found = found.select_from(_rejects).join(_errors, same)
    found = found.where(_rejects.c.job_id == job, _rejects.c.position > place)
    found = found.order_by(_rejects.c.position).limit(literal_column(str(size)))
    rows = found.subquery("rejects")
    item = JsonObject(
        [
            ("position", JsonNumber(rows.c.position)),
            ("content", JsonText(rows.c.content)),
            ("errors", JsonAgain(rows.c.errors)),
        ]
    )
    listed = select(JsonArrayAgg(item)).select_from(rows)
    return compile_plan([listed.scalar_subquery()], dialect)


async def open_rejects(context: Context, sealed: str) -> Rejects:
    """Open the rejects of a link; raises ``NotFound`` where it leads nowhere."""
    link = await open_link(context, PATH, sealed)
    job_id = UUID(link.wanted["job"])
    job = await _job(link.context, job_id)
    if job is None:
        raise NotFound(FILE)
    layout = Layout.from_json(job.arguments["layout"])
    format = ExportFormat(job.arguments["format"])
    return Rejects(link, job_id, format, layout, link.wanted["name"])


def _csv_header(layout: Layout) -> bytes:
    names = [name for name in layout.header if name != ERROR_COLUMN]
    return (BYTE_ORDER_MARK + _csv([*names, ERROR_COLUMN], layout.delimiter)).encode()


def _csv_line(layout: Layout, row: Mapping[str, Any]) -> bytes:
    values = [neutral(plain(value)) for value in orjson.loads(row["content"])]
    if len(values) == len(layout.header):
        pairs = zip(layout.header, values, strict=True)
        values = [value for name, value in pairs if name != ERROR_COLUMN]
    count = sum(name != ERROR_COLUMN for name in layout.header)
    values += [""] * (count - len(values))
    # One value too many comes behind the error, where it is seen.
    values.insert(count, neutral(_said(row)))
    return _csv(values, layout.delimiter).encode()


def _csv(values: Sequence[str], delimiter: str) -> str:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, lineterminator="\r\n").writerow(values)
    return written.getvalue()


def _json_line(row: Mapping[str, Any]) -> bytes:
    try:
        found = orjson.loads(row["content"])
    except ValueError:
        found = None
    if not isinstance(found, dict):
        found = {"line": row["content"]}
    return orjson.dumps({**found, ERROR_COLUMN: _said(row)}, option=orjson.OPT_APPEND_NEWLINE)


def _said(row: Mapping[str, Any]) -> str:
    """Return what was wrong with a row: the line and the column of each error, and its sentence."""
    found = []
    for error in row["errors"]:
        _, line, *columns = error["field"] or ["file", "?"]
        where = ", ".join([f"Line {line}", *columns])
        found.append(f"{where}: {error['message']}")
    return " ".join(found)
