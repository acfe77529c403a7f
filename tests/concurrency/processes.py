"""Server processes of one environment, each on a port of its own.

Run as ``python processes.py COUNT``; prints the ports on one line. The program is imported once and
then forked, because importing it takes longer than all that these tests ask of it.
"""

import os
import signal
import socket
import sys

import uvicorn

from deskgraph.app import app_from_environment


def serve(listening: socket.socket) -> None:
    """Answer requests until a signal ends it."""
    config = uvicorn.Config(app_from_environment, factory=True, log_level="warning")
    uvicorn.Server(config).run(sockets=[listening])


def main(count: int) -> None:
    """Start the processes, say where they listen, and end them with this one."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    children = []
    for listening in sockets:
        child = os.fork()
        if child == 0:
            serve(listening)
            os._exit(0)
        children.append(child)

    def end(*_: object) -> None:
        for child in children:
            os.kill(child, signal.SIGTERM)

    signal.signal(signal.SIGTERM, end)
    sys.stdout.write(" ".join(str(listening.getsockname()[1]) for listening in sockets) + "\n")
    sys.stdout.flush()
    for child in children:
        os.waitpid(child, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
