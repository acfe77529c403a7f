"""Servers of PostgreSQL that belong to the tests: a primary, and streaming replicas of it.

They lose data with the power, and nothing else is slow about them.
"""

import asyncio
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import (
    AbstractContextManager,
    ExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import asyncpg

from tests.support.processes.launcher import DEADLINE_SECONDS, child, run
from tests.support.processes.networks import Network
from tests.support.small_disk import small_disk

OPTIONS = {
    "unix_socket_directories": "",
    "fsync": "off",
    "shared_buffers": "16MB",
    "max_connections": "60",
    "wal_receiver_timeout": "5s",
    "wal_retrieve_retry_interval": "100ms",
    # A replica that was away for some tests finds what it has missed.
    "wal_keep_size": "512MB",
}
# It keeps no more of its log than it needs, and reuses no file of it.
ON_SMALL_DISK = {
    "wal_keep_size": "0",
    "min_wal_size": "32MB",
    "max_wal_size": "64MB",
    "wal_recycle": "off",
}


def missing() -> str | None:
    """Return what keeps this machine from running servers of its own."""
    return None if _folder() else "The programs of a PostgreSQL server are not installed."


def _folder() -> Path | None:
    """Return the folder of the server's programs; it is often not in the search path."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    asked = shutil.which("pg_config")
    told = [Path(run([asked, "--bindir"]).stdout.strip())] if asked else []
    # Where the packages of Debian and of Red Hat have them; the newest one is the last.
    usual = [*Path("/usr").glob("lib/postgresql/*/bin"), *Path("/usr").glob("pgsql-*/bin")]
    folders = [folder for folder in [*sorted(usual), *told] if (folder / "initdb").exists()]
    return folders[-1] if folders else None


def _program(name: str) -> Path:
    folder = _folder()
    assert folder is not None
    return folder / name


def _user() -> dict[str, Any]:
    """Return the options for a process: the server refuses to run as root."""
    if os.getuid():
        return {}
    for name in ("postgres", "nobody"):
        with suppress(KeyError):
            found = pwd.getpwnam(name)
            return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise AssertionError("There is no user to run a server as.")


@dataclass
class Cluster:
    """One server, and its folder."""

    folder: Path
    port: int
    network: Network | None = None
    # Settings of its own.
    options: Mapping[str, str] = field(default_factory=dict)
    running: ExitStack = field(default_factory=ExitStack)
    process: "subprocess.Popen[Any] | None" = None

    @property
    def host(self) -> str:
        return "127.0.0.1" if self.network is None else self.network.far_address

    @property
    def url(self) -> str:
        return self.url_of("postgres")

    def url_of(self, database: str, user: str = "postgres") -> str:
        return f"postgresql://{user}@{self.host}:{self.port}/{database}"

    def start(self) -> None:
        """Start the server, and wait until it takes connections."""
        place = {"listen_addresses": self.host, "port": str(self.port)}
        options = {**OPTIONS, **self.options, **place}
        given = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        command = [str(_program("postgres")), "-D", str(self.folder / "data"), *given]
        deadline = time.monotonic() + DEADLINE_SECONDS
        with (self.folder / "log").open("ab") as log:
            while not self._answers():
                assert time.monotonic() < deadline, (self.folder / "log").read_text()
                # Processes of one that was killed may still hold its memory.
                if self.process is None or self.process.poll() is not None:
                    self.process = self.running.enter_context(self._started(command, log))
                time.sleep(0.02)

    def _started(
        self, command: list[str], log: BinaryIO
    ) -> "AbstractContextManager[subprocess.Popen[Any]]":
        if self.network is None:
            return child(command, stdout=log, stderr=log, **_user())
        # Only root may go into a namespace, and the server refuses to run as root.
        user = _user()
        become = ["setpriv", f"--reuid={user['user']}", f"--regid={user['group']}"]
        inside = self.network.program(*become, "--clear-groups", "--", *command)
        return child(inside, stdout=log, stderr=log)

    def _answers(self) -> bool:
        asked: list[str | Path] = [
            _program("pg_isready"),
            "-q",
            "-h",
            self.host,
            "-p",
            str(self.port),
        ]
        return run(asked).returncode == 0

    def kill(self) -> None:
        """Kill the server; its other processes notice, and end."""
        self._end(signal.SIGKILL)

    def stop_at_once(self) -> None:
        """Stop the server as it is: no process of it ends its work or gives a lock back."""
        self._end(signal.SIGQUIT)

    def stop(self) -> None:
        """Stop the server without waiting for its clients."""
        self._end(signal.SIGINT)

    def _end(self, number: int) -> None:
        process, self.process = self.process, None
        if process is not None and process.poll() is None:
            process.send_signal(number)
            process.wait(DEADLINE_SECONDS)
        self.running.close()

    @asynccontextmanager
    async def frozen(self) -> AsyncIterator[None]:
        """Let no process of the server do anything; connections stay as they are."""
        assert self.process is not None
        others = await self.run(
            "SELECT array_agg(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        )
        for pid in (self.process.pid, *others):
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in (*others, self.process.pid):
                os.kill(pid, signal.SIGCONT)

    async def run(self, *statements: str, database: str = "postgres") -> Any:
        """Run statements in a database; return the only value of the last one."""
        connection = await asyncpg.connect(self.url_of(database), timeout=DEADLINE_SECONDS)
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            return await connection.fetchval(statements[-1])
        finally:
            await connection.close()

    async def pause(self) -> None:
        """Stop replaying; what arrives is kept for later."""
        await self.run("SELECT pg_wal_replay_pause()")
        await self.until("SELECT pg_get_wal_replay_pause_state() = 'paused'")

    async def until(self, question: str, *, database: str = "postgres") -> None:
        """Wait until the only value of a statement is true."""
        while not await self.run(question, database=database):  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    async def resume(self) -> None:
        """Replay again."""
        await self.run("SELECT pg_wal_replay_resume()")

    async def promote(self) -> None:
        """Make a server that accepts writes of the replica."""
        assert await self.run("SELECT pg_promote()")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def _folder_of_server() -> Iterator[Path]:
    """Give a folder that the server's user can reach, which those of pytest are not."""
    with tempfile.TemporaryDirectory(prefix="deskgraph-cluster-") as name:
        user = _user()
        if user:
            os.chown(name, user["user"], user["group"])
        yield Path(name)


@contextmanager
def _made(
    command: list[str | Path], network: Network | None = None, disk: str | None = None
) -> Iterator[Cluster]:
    """Run a server in a folder that a command makes.

    Perhaps in a network of its own, or on a disk of its own, of a size; skips where there is none.
    """
    with ExitStack() as made:
        folder = made.enter_context(_folder_of_server())
        if disk is not None:
            folder = made.enter_context(small_disk(folder / "disk", disk))
        done = run([*command, "-D", folder / "data"], cwd=folder, **_user())
        assert done.returncode == 0, done.stderr
        cluster = Cluster(folder, _free_port(), network, {} if disk is None else ON_SMALL_DISK)
        if network is not None:
            with (folder / "data/pg_hba.conf").open("a") as allowed:
                allowed.write(f"host all all {network.near_address}/32 trust\n")
        made.callback(cluster.stop)
        cluster.start()
        yield cluster


@contextmanager
def primary(network: Network | None = None, disk: str | None = None) -> Iterator[Cluster]:
    """Run a new server, whose user ``postgres`` needs no password."""
    options = ["--no-sync", "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8"]
    with _made([_program("initdb"), *options], network, disk) as cluster:
        yield cluster


@contextmanager
def replica(of: Cluster) -> Iterator[Cluster]:
    """Run a streaming replica."""
    where = ["-h", of.host, "-p", str(of.port), "-U", "postgres"]
    with _made([_program("pg_basebackup"), *where, "-R", "-c", "fast", "--no-sync"]) as cluster:
        yield cluster
