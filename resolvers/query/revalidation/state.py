"""The state of what a viewer sees, in SQL: read together with an answer, and alone.

Each part is one look into an index, whatever the size of the desk.
"""

from functools import partial
from typing import Any

from sqlalchemy import case, func, literal_column, select, tuple_
from sqlalchemy.types import BigInteger, Integer

from models import DataRevision, Ticket, TicketEvent, table_of
from models.types import UtcDateTime
from resolvers.context import Context
from resolvers.query import binds
from resolvers.query.compile_context import CompileContext
from resolvers.query.expressions import finished
from resolvers.query.plans import Plan, compile_statement
from resolvers.query.revalidation.known_answers import DataState
from resolvers.query.sql.elements import SQL
from resolvers.viewer import ViewerKind

_events, _tickets = table_of(TicketEvent), table_of(Ticket)
_revision = table_of(DataRevision)
# No event has a larger ``seq``.
_MAX_SEQ: SQL = literal_column(str(2**63 - 1), BigInteger)
# How many due dates are looked at for the next one of a customer's company.
_DUE_DATES = 50
_USER = "state"
_TIME = UtcDateTime()


def state_columns(build: CompileContext) -> tuple[SQL, SQL]:
    """Return the two values of ``DataState`` in the eyes of the viewer."""
    revision = select(_revision.c.token).limit(literal_column("1", Integer)).scalar_subquery()
    return _last_event(build), revision


def _last_event(build: CompileContext) -> SQL:
    """Return the id of the last event of the viewer's company, or of all for staff.

    Internal events of the company count: they are in the same place of the index, and nobody is
    told.
    """
    event = _events.alias("last_event").c
    one = literal_column("1", Integer)
    if build.kind is not ViewerKind.CUSTOMER:
        return select(event.id).order_by(event.seq.desc()).limit(one).scalar_subquery()
    company = build.bind_viewer(binds.VIEWER_COMPANY)
    # Not "equal": PostgreSQL could go back through the whole log for a company with few events.
    before = tuple_(event.company_id, event.seq) <= tuple_(company, _MAX_SEQ)
    found = select(event.id, event.company_id).where(before)
    found = found.order_by(event.company_id.desc(), event.seq.desc()).limit(one)
    last = found.subquery("last_before").c
    return select(last.id).where(last.company_id == company).scalar_subquery()


def next_due_date(build: CompileContext) -> SQL:
    """Return when the next ticket that the viewer sees becomes overdue, or a time before that."""
    ticket = _tickets.alias("due").c
    coming = (~finished(ticket), ticket.due_date >= build.bind(binds.NOW, UtcDateTime))
    found = select(ticket.due_date, ticket.company_id).where(*coming).order_by(ticket.due_date)
    if build.kind is not ViewerKind.CUSTOMER:
        first = found.limit(literal_column("1", Integer)).subquery("coming")
        return select(first.c.due_date).scalar_subquery()
    most = literal_column(str(_DUE_DATES), Integer)
    due = found.limit(most).subquery("coming").c
    own = due.company_id == build.bind_viewer(binds.VIEWER_COMPANY)
    # Where none of these is theirs, theirs is no earlier than the last of these.
    last = case((func.count() == most, func.max(due.due_date)))
    return select(func.coalesce(func.min(case((own, due.due_date))), last)).scalar_subquery()


async def current_state(context: Context) -> DataState:
    """Return the state now, by one statement that reads neither tickets nor what belongs to them.

    It is the same for all staff, and for all customers of a company: who ask at the same time share
    the statement.
    """
    company = context.require_viewer().company_id
    is_customer = context.kind is ViewerKind.CUSTOMER
    key = company if is_customer else None
    return await context.services.states.get(key, partial(_read, context, is_customer))


async def _read(context: Context, is_customer: bool) -> DataState:
    services, key = context.services, ("state", is_customer)
    plan = services.plans.get(key)
    if plan is None:
        plan = _compile(context)
        services.plans.put(key, plan)
    values = plan.values({binds.VIEWER_COMPANY: context.require_viewer().company_id})
    # It runs where reads of users run, which may be a replica, and is a read of nobody.
    return DataState(*await services.database.fetch_row(plan.sql, values, _USER))


def _compile(context: Context) -> Plan:
    dialect = context.services.database.dialect
    build = CompileContext(
        dialect.name, context.kind, choice_names=False, signed_media=False, args=(), deep=False
    )
    columns = [column.label(f"c{i}") for i, column in enumerate(state_columns(build))]
    return compile_statement(select(*columns), dialect)


def taken(context: Context, plan: Plan, row: Any) -> object:
    """Note what a row has of the state in the request's recorder, and return the rest of it."""
    recorder = context.recorder
    if recorder is None:
        return row
    recorder.signs = recorder.signs or binds.EPOCH in plan.names
    if not plan.states:
        recorder.note(None)
        return row
    recorder.note(DataState(row[0], row[1]))
    if plan.states > 2:
        dialect = context.services.database.dialect
        recorder.expire(_TIME.process_result_value(row[2], dialect))
    return row[plan.states :]
