"""What the history keeps of long texts: the part that changed, and how long they were."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolvers.commands import comments, tickets
from resolvers.events.excerpts import CONTEXT, MAX_CHARACTERS
from resolvers.events.log import change
from tests.support.rows import key
from tests.support.world import World

pytestmark = pytest.mark.anyio

LONG = "".join(f"{number:07}." for number in range(100_000))
KEYS = ["field", "from", "to", "excerpt_start", "from_length", "to_length"]


def test_texts_up_to_the_limit_are_kept_in_full() -> None:
    before, after = "ä" * MAX_CHARACTERS, "b" * MAX_CHARACTERS
    assert change("text", before, after) == {"field": "text", "from": before, "to": after}
    assert list(change("text", before, f"{after}b")) == KEYS
    assert list(change("text", f"{before}ä", after)) == KEYS


def test_of_a_change_within_a_long_text_its_surroundings_are_kept() -> None:
    at = len(LONG) // 2
    after = LONG[:at] + "new words" + LONG[at + 3 :]
    found = change("description", LONG, after)

    start = at - CONTEXT
    assert found["excerpt_start"] == start
    assert found["from"] == LONG[start : at + 3 + CONTEXT]
    assert found["to"] == after[start : at + 9 + CONTEXT]
    assert (found["from_length"], found["to_length"]) == (len(LONG), len(LONG) + 6)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        # Appended to, and cut off.
        (LONG, f"{LONG}end", (len(LONG) - CONTEXT, LONG[-CONTEXT:], f"{LONG[-CONTEXT:]}end")),
        (f"{LONG}end", LONG, (len(LONG) - CONTEXT, f"{LONG[-CONTEXT:]}end", LONG[-CONTEXT:])),
        # Nothing in common.
        ("x" * 5000, LONG, (0, "x" * MAX_CHARACTERS, LONG[:MAX_CHARACTERS])),
        # The repeated part belongs to one end only.
        ("a" * 5000, "a" * 5001, (4900, "a" * CONTEXT, "a" * (CONTEXT + 1))),
        # Emptied, and there for the first time.
        (LONG, "", (0, LONG[:MAX_CHARACTERS], "")),
        (None, LONG, (0, None, LONG[:MAX_CHARACTERS])),
    ],
)
def test_ends_are_found(before: str | None, after: str, expected: tuple[int, str, str]) -> None:
    found = change("text", before, after)
    assert (found["excerpt_start"], found["from"], found["to"]) == expected


@given(st.data())
def test_an_excerpt_is_short_and_has_the_first_difference(data: st.DataObject) -> None:
    texts = st.text(alphabet="ab", max_size=30)
    common = data.draw(st.sampled_from(["", "ab" * 300, LONG[:3000]]))
    end = data.draw(st.sampled_from(["", "ba" * 700, LONG[:5000]]))
    before, after = (common + data.draw(texts) + end for _ in "ft")
    found: dict[str, Any] = change("text", before, after)
    if "excerpt_start" not in found:
        assert (found["from"], found["to"]) == (before, after)
        return
    start = found["excerpt_start"]
    for text, part in ((before, found["from"]), (after, found["to"])):
        assert len(part) <= MAX_CHARACTERS
        assert text[start : start + len(part)] == part
    if before != after:
        assert found["from"] != found["to"]
    # What is left out is the same in both.
    assert before[:start] == after[:start]


async def test_updates_of_tickets_and_comments_store_excerpts(world: World) -> None:
    context = world.context("keith")
    for text in (LONG, f"{LONG}!", f"?{LONG}"):
        await tickets.update_ticket(context, key("offline"), {"description": text})
        await comments.update_comment(context, key("public"), {"text": text})
    events = await world.events(key("offline"))
    assert [list(event.changes[0]) for event in events] == [KEYS] * 6
    stored = [len(str(event.changes)) for event in events]
    assert max(stored) < 2 * MAX_CHARACTERS + 500
    assert [len(event.changes[0]["to"]) for event in events[2:]] == [101, 101, 2000, 2000]


async def test_an_edit_that_keeps_the_text_tells_nothing_of_it(world: World) -> None:
    context = world.context("keith")
    await tickets.update_ticket(context, key("offline"), {"description": LONG})
    changes: dict[str, Any] = {"description": LONG, "subject": "New"}
    await tickets.update_ticket(context, key("offline"), changes)
    last = (await world.events(key("offline")))[-1]
    assert [entry["field"] for entry in last.changes] == ["subject"]
