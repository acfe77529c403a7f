"""Plans: built once for a structure, filled with values each time, and bounded in number."""

import pytest
from sqlalchemy import bindparam, select
from sqlalchemy.dialects import sqlite

from models import Ticket, table_of
from models.types import Uuid36
from resolvers.query.plans import Plan, Plans, compile_statement

TICKETS = table_of(Ticket)
EMPTY = Plan("SELECT 1", (), {}, {})


def test_the_plan_least_used_leaves_first() -> None:
    plans = Plans(most=2)
    made = []
    for key in ("a", "b", "a", "c", "a", "b"):
        if plans.get(key) is None:
            plans.put(key, EMPTY)
            made.append(key)
    assert made == ["a", "b", "c", "b"]
    assert len(plans) == 2


def test_values_are_put_in_the_order_of_the_statement() -> None:
    wanted = select(TICKETS.c.id).where(
        TICKETS.c.subject == bindparam("subject"),
        TICKETS.c.version > 3,
        TICKETS.c.id == bindparam("key", type_=Uuid36),
        TICKETS.c.description == bindparam("subject"),
    )
    plan = compile_statement(wanted, sqlite.dialect())
    assert plan.values({"subject": "s", "key": "k"}) == ["s", 3, "k", "s"]
    with pytest.raises(KeyError):
        plan.values({"subject": "s"})
