"""A network of its own for a server that a test starts, which can lose all that is sent."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from tests.support.processes.launcher import run

# Nobody has it: the switch that is the cable delivers what is sent there to nobody.
NOBODY = "02:00:00:00:00:01"


@dataclass(frozen=True)
class Network:
    """A namespace, and the cable that leads to it: both ends with their addresses."""

    name: str
    near: str
    far: str
    near_address: str
    far_address: str

    def program(self, *command: str) -> list[str]:
        """Return what runs a command in the namespace."""
        return ["ip", "netns", "exec", self.name, *command]

    def lose(self) -> None:
        """Lose all that is sent, in both directions: no connection ends, and nobody is told."""
        self._lead(NOBODY, NOBODY)

    def carry(self) -> None:
        """Carry what is sent, as at the beginning."""
        self._lead(self._hardware(self.near), self._hardware(self.far, "-n", self.name))

    def _lead(self, to_near: str, to_far: str) -> None:
        near, far = ["dev", self.near, "nud", "permanent"], ["dev", self.far, "nud", "permanent"]
        _ip("neigh", "replace", self.far_address, "lladdr", to_far, *near)
        _ip("-n", self.name, "neigh", "replace", self.near_address, "lladdr", to_near, *far)

    def _hardware(self, device: str, *where: str) -> str:
        return str(json.loads(_ip(*where, "-j", "link", "show", device))[0]["address"])


def missing() -> str | None:
    """Return what keeps this machine from having such a network."""
    try:
        with _made():
            return None
    except (OSError, AssertionError) as error:
        return f"no network namespace can be made: {error}"


@contextmanager
def lossy_network() -> Iterator[Network]:
    """Give a network; skips where none can be made, as only root may, with Debian's iproute2."""
    if why := missing():
        pytest.skip(why)
    with _made() as network:
        yield network


@contextmanager
def _made() -> Iterator[Network]:
    # Of the addresses for tests of networks, others for each process.
    first = (os.getpid() % 2**14) * 4
    near, far = (f"198.18.{(first + one) // 256}.{(first + one) % 256}" for one in (1, 2))
    name = f"deskgraph{os.getpid()}"
    network = Network(name, f"dg{os.getpid()}a", f"dg{os.getpid()}b", near, far)
    inside = ("-n", name)
    with ExitStack() as made:
        _ip("netns", "add", name)
        made.callback(_ip, "netns", "del", name)
        _ip("link", "add", network.near, "type", "veth", "peer", network.far, "netns", name)
        # The namespace may still be there for a while, and so would the cable.
        made.callback(_ip, "link", "del", network.near)
        _ip("addr", "add", f"{near}/30", "dev", network.near)
        _ip("link", "set", network.near, "up")
        _ip(*inside, "addr", "add", f"{far}/30", "dev", network.far)
        _ip(*inside, "link", "set", network.far, "up")
        yield network


def _ip(*arguments: str) -> str:
    command: Sequence[str] = ["ip", *arguments]
    done = run(command)
    assert done.returncode == 0, done.stderr.strip()
    return done.stdout
