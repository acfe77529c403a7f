"""Python programs that begin as a fork of a process that has imported deskgraph.

The imports take 2 s of a processor, a fork 10 ms. Each test worker has one such process, the fork
server of ``fork_server.py``. What it forks becomes a child of the test worker, so that ``Popen``
sends it signals and waits for it as for any other process.
"""

import atexit
import ctypes
import functools
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.paths import ROOT

# From <sys/prctl.h>: a process whose parent has ended gets this one as its parent.
PR_SET_CHILD_SUBREAPER = 36
# What the interpreter reads when it starts: with others than these, a fork is not like a start.
ACCEPTED = {"PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
# The length of a request, and of a process id, on the socket.
LENGTH_BYTES = 8


def can_fork(command: Sequence[str | Path], environment: Mapping[str, str] | None) -> bool:
    """Whether a command is a Python program that may use the packages which are imported here."""
    given = os.environ if environment is None else environment
    return (
        sys.platform == "linux"
        and command[0] == sys.executable
        and command[1] in {"-c", "-m"}
        and given.get("PYTHONPATH") == str(ROOT)
        and {name for name in given if name.startswith("PYTHON")} <= ACCEPTED
    )


class ForkedPopen(subprocess.Popen[Any]):
    """A process as ``Popen`` has it, but for how it is started."""

    # The standard library has no public place where that can be changed.
    def _execute_child(
        self,
        args: Sequence[str | Path],
        _executable: Any,
        _preexec_fn: Any,
        _close_fds: Any,
        _pass_fds: Any,
        cwd: str | Path | None,
        env: Mapping[str, str] | None,
        _startupinfo: Any,
        _creationflags: Any,
        _shell: Any,
        p2cread: int,
        p2cwrite: int,
        c2pread: int,
        c2pwrite: int,
        errread: int,
        errwrite: int,
        _restore_signals: Any,
        _gid: Any,
        _gids: Any,
        _uid: Any,
        umask: int,
        start_new_session: bool,
        *_others: Any,
    ) -> None:
        request = {
            "arguments": [str(one) for one in args[1:]],
            "folder": str(Path.cwd() if cwd is None else cwd),
            "environment": dict(os.environ if env is None else env),
            "umask": umask,
            "start_new_session": start_new_session,
        }
        given = p2cread, c2pwrite, errwrite
        streams = [own if one == -1 else one for own, one in enumerate(given)]
        self.pid = _forked(request, streams)
        self._child_created = True
        close: Any = vars(subprocess.Popen)["_close_pipe_fds"]
        close(self, p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite)


def _forked(request: Mapping[str, object], streams: Sequence[int]) -> int:
    """Return the id of a new process, which is a child of this one."""
    server = _fork_server()
    body = json.dumps(request).encode()
    with _adopting():
        socket.send_fds(server, [len(body).to_bytes(LENGTH_BYTES)], streams)
        server.sendall(body)
        answer = server.recv(LENGTH_BYTES, socket.MSG_WAITALL)
    assert answer, "The fork server has ended."
    return int.from_bytes(answer)


@contextmanager
def _adopting() -> Iterator[None]:
    """Make this process the parent of the children of what ends meanwhile."""
    prctl = ctypes.CDLL(None).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


@functools.cache
def _fork_server() -> socket.socket:
    """Start the process; it ends with this one, when the socket is closed."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.processes.fork_server", str(theirs.fileno())],
            cwd=ROOT,
            pass_fds=[theirs.fileno()],
        )
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours
