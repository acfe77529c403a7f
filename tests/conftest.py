"""How the suite is run: which tests, in which order, and for how long at most.

``tests/support`` has the fixtures that several folders share.
"""

import gc
import signal
from inspect import unwrap

import httpx
import pytest

from tests.support import proofs

pytest_plugins = (
    "tests.support.cheap_hashes",
    "tests.support.databases",
    "tests.support.fixtures",
)
# How long a test may take, with its fixtures; ``--timeout 0`` is for ever.
TEST_SECONDS = 1200 if proofs.LONG else 300
# What takes longest, in the order in which it is started. pytest-xdist hands out whole files in the
# order of their collection: a long one that came last would keep one worker busy, and the others
# would wait.
HEAVIEST = (
    "tests/shipping/test_image.py",
    "tests/crashes/",
    "tests/browser/",
    "tests/fuzz/test_api.py",
    "tests/upgrades/",
    "tests/viewers/test_matrix.py",
    "tests/deskgraph/importer/",
    "tests/deskgraph/transfer/",
    "tests/docs/test_examples.py",
    "tests/webhooks/test_processes.py",
    "tests/files/test_crashes.py",
    "tests/deskgraph/database/replicas/",
    "tests/schema/execution/test_reservations.py",
    "tests/schema/execution/test_costs.py",
    "tests/viewers/",
    "tests/clients/",
    "tests/concurrency/",
    "tests/benchmarks/",
    "tests/fuzz/",
    "tests/live/",
)
# What has a timeout of its own in httpx.
CLIENTS = (httpx.Client.__init__, httpx.AsyncClient.__init__, httpx.request, httpx.stream)
CALLS = (httpx.delete, httpx.get, httpx.head, httpx.options, httpx.patch, httpx.post, httpx.put)
# The tests that have begun and not ended.
running: set[str] = set()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let random tests be the same each time, and one that hangs fail, with the stack of where."""
    proofs.draw_the_same_everywhere()
    if getattr(config.option, "timeout", None) is None:
        config.option.timeout = TEST_SECONDS
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As it is in the background of a shell; a process that a test interrupts would have it so.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        # As under nohup.
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    # A process inherits also which signals its parent does not take, and some runners take few.
    signal.pthread_sigmask(
        signal.SIG_UNBLOCK, {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM}
    )


def pytest_sessionstart() -> None:
    """Let clients wait for as long as their test may take, and share what TLS needs.

    The timeout of httpx, five seconds, would make tests depend on how fast the machine is. Loading
    certificates takes longer than a test.
    """
    trusted = httpx.create_ssl_context()
    for function in (*CLIENTS, *CALLS):
        unwrap(function).__kwdefaults__.update(timeout=None, verify=trusted)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave long proofs to ``make proofs``, and begin with what takes longest."""
    for item in items:
        proofs.mark(item)
    if not proofs.LONG:
        left_out = [item for item in items if not proofs.in_suite(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if proofs.in_suite(item)]
    items.sort(key=_turn)


def pytest_runtest_logstart(nodeid: str) -> None:
    """Note that a test begins, with its fixtures; of all workers where there are some."""
    running.add(nodeid)


def pytest_runtest_logfinish(nodeid: str) -> None:
    """Note that a test has ended."""
    running.discard(nodeid)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Of a run that was interrupted, list the tests that had not ended: one may hang."""
    if running:
        terminalreporter.section("had not ended")
        for nodeid in sorted(running):
            terminalreporter.line(nodeid)


def pytest_collection() -> None:
    """Look for garbage less often: what is imported stays, and takes long to go through."""
    gc.set_threshold(100_000, 20, 50)


def pytest_collection_finish() -> None:
    """Never go through what was imported again."""
    gc.collect()
    gc.freeze()


def _turn(item: pytest.Item) -> int:
    found = (turn for turn, start in enumerate(HEAVIEST) if item.nodeid.startswith(start))
    return next(found, len(HEAVIEST))
