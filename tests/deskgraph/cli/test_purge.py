"""``deskgraph purge`` removes what is older than the settings allow, and says how much."""

from collections.abc import Callable

import pytest

from tests.deskgraph.conftest import Ended, Run, assert_refused, rows

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")


def test_purge_says_what_it_removed(
    run: Run, sqlite_desk: str, environment: Callable[..., None]
) -> None:
    [(before,)] = rows(sqlite_desk, "SELECT count(*) FROM ticket_events")
    assert isinstance(before, int)

    nothing = run("purge")
    environment(keep_events_days="1")
    some = run("purge")
    again = run("purge")

    said = (
        "Removed {} events, 0 deliveries of webhooks, 0 ended sessions, 0 idempotency keys, "
        "0 undo records and 0 rows of bulk jobs.\n"
    )
    [(after,)] = rows(sqlite_desk, "SELECT count(*) FROM ticket_events")
    assert isinstance(after, int)
    assert 0 < after < before
    assert nothing == Ended(0, said.format(0), "")
    assert some == Ended(0, said.format(before - after), "")
    assert again == Ended(0, said.format(0), "")


@pytest.mark.parametrize("value", ["0", "-1", "never", "1.5", "99999", ""])
def test_a_time_that_is_none_is_refused(
    run: Run, sqlite_desk: str, environment: Callable[..., None], value: str
) -> None:
    environment(keep_events_days=value)

    said = "DESKGRAPH_KEEP_EVENTS_DAYS must be forever, or a number of days from 1 to 36500."
    assert_refused(run("purge"), said)
