"""The commands ``counts check`` and ``counts rebuild``."""

import pytest

from tests.deskgraph.conftest import Run, change, rows

pytestmark = pytest.mark.usefixtures("_in_an_empty_folder")
RIGHT = "All counts of tickets are right.\n"


@pytest.fixture
def desk(run: Run, services: str) -> str:
    """Fill the desk; return the URL of its database."""
    assert run("demo").code == 0
    return services


def test_the_counts_of_a_desk_are_right(run: Run, desk: str) -> None:
    ended = run("counts", "check")

    assert (ended.code, ended.out, ended.err) == (0, RIGHT, "")
    assert rows(desk, "SELECT count(*) FROM tickets") != [(0,)]


def test_what_is_wrong_is_listed_and_made_right(run: Run, desk: str) -> None:
    run("counts", "rebuild")
    change(desk, "UPDATE ticket_counts SET amount = amount + 1 WHERE scope = 'contact_status'")
    change(desk, "DELETE FROM ticket_due_counts WHERE scope = 'all'")
    before = sorted(map(str, rows(desk, "SELECT * FROM tickets")))

    ended = run("counts", "check")

    assert (ended.code, ended.err) == (1, "")
    listed = ended.out.splitlines()
    assert listed[-1].endswith('counts of tickets are wrong: run "deskgraph counts rebuild".')
    assert listed[0].startswith("contact_status, ")
    number = int(listed[-1].split()[0])
    assert listed[-2] == f"… and {number - 20} more"
    assert len(listed) == 22
    # It has only looked.
    assert run("counts", "check").out == ended.out

    assert run("counts", "rebuild").out == "All tickets are counted again.\n"
    assert run("counts", "check").out == RIGHT
    assert sorted(map(str, rows(desk, "SELECT * FROM tickets"))) == before


def test_a_single_one_is_told_with_its_numbers(run: Run, services: str) -> None:
    change(
        services,
        "INSERT INTO ticket_due_counts (scope, scope_id, assigned_team, due_day, amount) VALUES "
        "('all', '00000000-0000-0000-0000-000000000000', 'Tech', '2025-11-19T00:00:00.000000Z', 3)",
    )

    ended = run("counts", "check")

    wrong, summary = ended.out.splitlines()
    assert wrong.startswith("all, 00000000-0000-0000-0000-000000000000, Tech, 2025-11-19")
    assert wrong.endswith(": counted 3, there are 0")
    assert summary == 'A count of tickets is wrong: run "deskgraph counts rebuild".'
    assert ended.code == 1


def test_the_counts_of_an_empty_desk_are_right(run: Run, services: str) -> None:
    assert rows(services, "SELECT count(*) FROM ticket_counts") == [(0,)]
    assert run("counts", "check").out == RIGHT
    assert run("counts", "rebuild").code == 0
    assert run("counts", "check").out == RIGHT
