"""The table that ``make crash`` prints."""

import pytest

from tests.crashes.found import Findings, NotTried, table

ROWS = pytest.StashKey[list[Findings | NotTried]]()
LINES = pytest.StashKey[list[str]]()


@pytest.fixture
def rows(pytestconfig: pytest.Config) -> list[Findings | NotTried]:
    """Give the lines of the table, for a test to add its own."""
    return pytestconfig.stash.setdefault(ROWS, [])


@pytest.fixture
def lines(pytestconfig: pytest.Config) -> list[str]:
    """Give the lines below the table, for a test to add its own."""
    return pytestconfig.stash.setdefault(LINES, [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the table; with several workers, none of them has all of it."""
    if rows := config.stash.get(ROWS, []):
        terminalreporter.write_line("")
        for line in table(rows):
            terminalreporter.write_line(line)
    for line in config.stash.get(LINES, []):
        terminalreporter.write_line(line)
