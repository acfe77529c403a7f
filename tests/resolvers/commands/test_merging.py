"""Any two writers whose changes are merged: no change that was done is ever lost."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import Ticket
from resolvers.commands import tickets
from resolvers.commands.conflicts import GROUPS, ConflictResolution
from resolvers.errors import Conflict
from resolvers.events.excerpts import MAX_CHARACTERS
from tests.support import proofs
from tests.support.clock import NOON
from tests.support.rows import contact, key
from tests.support.world import World

pytestmark = pytest.mark.anyio

MERGE = ConflictResolution.MERGE
COLUMNS = {"contact": "contact_id", "assigned_to": "assigned_to_id", "company": "company_id"}
VALUES: dict[str, tuple[Any, ...]] = {
    "subject": ("Subject of offline", "A", "B"),
    "description": ("Description of offline", "x" * 3000, "x" * 2999 + "y"),
    "status": ("assigned", "pending", "closed"),
    "priority": ("high", "low"),
    "contact": (None, key("john"), key("jim")),
    "assigned_to": (None, key("keith"), key("admin")),
    "assigned_team": ("Tech", "Music"),
    "due_date": (None, NOON - timedelta(hours=1), NOON),
    "tags": ("vip,zone", "", "a"),
}
CHANGES = st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=4, unique=True).flatmap(
    lambda names: st.fixed_dictionaries({name: st.sampled_from(VALUES[name]) for name in names})
)
WRITERS = st.sampled_from(["keith", "admin"])
STEPS = st.lists(
    st.one_of(st.tuples(st.just("read"), WRITERS), st.tuples(st.just("write"), WRITERS, CHANGES)),
    max_size=14,
)
State = Mapping[str, Any]


async def stored(world: World) -> State:
    ticket = await world.get(Ticket, key("offline"))
    return {name: getattr(ticket, COLUMNS.get(name, name)) for name in VALUES}


def settled(states: list[State], seen: int, change: State) -> State | None:
    """Return what a merge makes of the last state, None where it has to be refused.

    ``states`` has each version, so nothing is asked of the events.
    """
    base, now = states[seen], states[-1]
    later = list(zip(states[seen:], states[seen + 1 :], strict=False))
    touched = {name for name in VALUES if any(one[name] != two[name] for one, two in later)}
    mine = {name: value for name, value in change.items() if value != now[name]}
    left_out = {name for name in mine.keys() & touched if mine[name] == base[name]}
    # Where the first change has a long text, the log has only a part of what it was.
    texts = [one["description"] for one in states[seen:]]
    first = next((text for text in texts if text != texts[0]), "")
    if max(len(texts[0]), len(first)) > MAX_CHARACTERS:
        left_out.discard("description")
    wanted = mine.keys() - left_out
    against = wanted & touched
    for group in GROUPS:
        if wanted & group:
            against |= {name for name in group & touched if name in mine or name not in change}
    return None if against else {**now, **{name: mine[name] for name in wanted}}


@proofs.examples(25, 600)
@given(steps=STEPS)
async def test_no_change_that_was_done_is_lost(world: World, steps: list[tuple[Any, ...]]) -> None:
    await world.reset()
    await world.add(contact("jim", company_id=key("hilton")))
    states = [await stored(world)]
    seen = {"keith": 0, "admin": 0}
    for kind, who, *rest in steps:
        if kind == "read":
            seen[who] = len(states) - 1
            continue
        (change,) = rest
        expected = settled(states, seen[who], change)
        write = tickets.update_ticket(
            world.context(who), key("offline"), change, seen[who] + 1, on_conflict=MERGE
        )
        if expected is None:
            with pytest.raises(Conflict) as error:
                await write
            assert error.value.known
            assert error.value.fields
            assert await stored(world) == states[-1]
            continue
        merged = await write
        assert expected == await stored(world)
        assert (merged is None) == (seen[who] == len(states) - 1)
        if expected != states[-1]:
            states.append(expected)
