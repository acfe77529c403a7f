"""What a test has started ends where the test process is killed."""

from pathlib import Path

from tests.support.processes.environment import child_environment
from tests.support.processes.launcher import program

# Both have the same standard output: it ends with the second of them.
TEST = """
import signal, sys
from tests.support.processes.launcher import child
with child([sys.executable, "-c", "import time; time.sleep(60); print('was left')"]):
    print("started", flush=True)
    signal.pause()
"""


def test_a_process_does_not_outlive_a_test_process_that_is_killed(tmp_path: Path) -> None:
    with program(["-c", TEST], tmp_path / "log", environment=child_environment()) as test:
        assert test.line() == "started\n"
        test.process.kill()
        assert test.process.stdout is not None
        assert test.process.stdout.read() == ""
