"""The documents' examples, run by bash against a real server.

``python -m tests.docs.examples`` writes today's answers into the documents that show other ones,
and the last benchmark into the README.
"""

import json
import os
import shlex
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.docs.answers import cut, differences, masked, pretty, without_cost
from tests.docs.markdown import DOCUMENTS, Block, blocks
from tests.docs.old_desk import make_old_desk
from tests.support.paths import ROOT
from tests.support.processes.environment import child_environment
from tests.support.processes.launcher import run, serve

SHOWN_BASE = "http://127.0.0.1:8000"
SHOWN_RECEIVER = "127.0.0.1:9000"
SECONDS = 300
ANSWERS = frozenset({"json", "text"})
# Blocks that no test runs, by how they begin, each with its reason.
NOT_RUN = {
    "make serve": "it serves until it is stopped; the server of these tests is the same one",
    "make test": "it would run these tests within themselves",
    "PYTHON=python3.12 make install": "it installs, with an interpreter that may not be there",
    ".venv/bin/python -m tests.docs.examples": "it would write into the documents",
    "python3 -m venv /opt/deskgraph": "it installs outside of any temporary folder",
    "createuser": "it makes a PostgreSQL database that is not one of the tests",
    "deskgraph export moving": "tests/deskgraph/transfer runs it on a database of PostgreSQL",
    "deskgraph serve": "it serves until it is stopped",
    "DESKGRAPH_WEBHOOK_PRIVATE_ADDRESSES=allow make serve": "so does this",
    "deskgraph webhooks listen": "it listens until it is stopped",
    "make up": "it needs Docker; tests/shipping runs the steps of the image",
    "docker compose exec": "so does this; tests/shipping runs those of backups",
    "docker compose build": "it needs Docker",
    "docker compose run": "so does this",
    "docker compose stop": "tests/shipping runs this with a program in the place of Docker",
    "kubectl": "it needs a cluster of Kubernetes",
    "new/bin/deskgraph": "it needs two releases; tests/upgrades runs it with both",
}


@dataclass(frozen=True)
class Example:
    """A block of commands, and the block with their answer, if there is one."""

    commands: Block
    answer: Block | None

    @property
    def why_not_run(self) -> str | None:
        """The reason for which no test runs it."""
        found = (why for start, why in NOT_RUN.items() if self.commands.text.startswith(start))
        return next(found, None)


def examples(text: str) -> list[Example]:
    """Return the examples of a document; an answer is the block right after its commands."""
    found = blocks(text)
    return [
        Example(block, next((b for b in found[i + 1 : i + 2] if b.language in ANSWERS), None))
        for i, block in enumerate(found)
        if block.language == "bash"
    ]


@dataclass(frozen=True)
class Desk:
    """A running server with the demo: the folder it runs in, its address and what it printed."""

    folder: Path
    base: str
    banner: str
    environment: dict[str, str]

    def run(self, document: Path) -> list[tuple[Example, str]]:
        """Run a document's examples in order, in one shell; return what each of them printed."""
        found = [one for one in examples(document.read_text("utf-8")) if one.why_not_run is None]
        outputs = self.folder / f"{document.stem}.answers"
        outputs.mkdir(exist_ok=True)
        script = ["set -euo pipefail"]
        receiver = f"127.0.0.1:{free_port()}"
        for number, example in enumerate(found):
            commands = example.commands.text.replace(SHOWN_BASE, self.base)
            commands = commands.replace(SHOWN_RECEIVER, receiver)
            script += ["{", commands, f"}} >{shlex.quote(str(outputs / str(number)))}"]
        command = ["bash", "-c", "\n".join(script)]
        ended = run(command, seconds=SECONDS, cwd=self.folder, env=self.environment)
        done = len(list(outputs.iterdir()))
        assert ended.returncode == 0, (
            f"{document.name}, from line {found[done - 1].commands.line + 1}: {ended.stderr}"
        )
        texts = [(outputs / str(number)).read_text("utf-8") for number in range(len(found))]
        shown = [
            text.replace(self.base, SHOWN_BASE).replace(receiver, SHOWN_RECEIVER) for text in texts
        ]
        return list(zip(found, shown, strict=True))


def free_port() -> int:
    """Return a port of this machine that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def serving(folder: Path) -> Iterator[Desk]:
    """Serve the demo from a folder that has only an old desk."""
    environment = _environment(folder)
    make_old_desk(folder)
    with serve(folder, "--prepare", environment=environment) as served:
        banner = served.said + served.line() + served.line()
        yield Desk(folder, served.base, banner.replace(served.base, SHOWN_BASE), environment)


def _environment(folder: Path) -> dict[str, str]:
    """Return an environment without settings, where ``deskgraph`` and Python are this project's."""
    programs = folder / "bin"
    programs.mkdir()
    script = programs / "deskgraph"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m deskgraph.cli "$@"\n')
    script.chmod(0o755)
    # The receivers of the documents are on this machine.
    kept = child_environment(WEBHOOK_PRIVATE_ADDRESSES="allow")
    search = [str(programs), str(Path(sys.executable).parent), kept.get("PATH", os.defpath)]
    return kept | {"PATH": os.pathsep.join(search), "NO_PROXY": "127.0.0.1"}


def wrong(example: Example, output: str) -> list[str]:
    """Say what an example printed otherwise than its document shows."""
    answer = example.answer
    if answer is None:
        return []
    if answer.language == "text":
        same = masked(answer.text.strip()) == masked(output.strip())
        return [] if same else [f"{answer.text!r} is shown, not {output!r}"]
    shown = json.loads(answer.text)
    return differences(shown, without_cost(json.loads(output), shown))


def write_answers(document: Path, results: list[tuple[Example, str]]) -> None:
    """Replace all answers of a document where one is wrong, so that their ids go together."""
    if not any(wrong(example, output) for example, output in results):
        return
    lines = document.read_text("utf-8").splitlines()
    for example, output in reversed(results):
        if example.answer is None:
            continue
        text = output.strip()
        if example.answer.language == "json":
            shown = json.loads(example.answer.text)
            text = pretty(cut(without_cost(json.loads(output), shown), shown))
        start = example.answer.line
        lines[start : start + len(example.answer.text.splitlines())] = text.splitlines()
    document.write_text("\n".join(lines) + "\n", "utf-8")


def write_benchmark() -> None:
    """Put the last measurement into the README."""
    readme, measured = ROOT / "README.md", ROOT / "docs" / "read-benchmark.txt"
    if not measured.exists():
        return
    before, _, rest = readme.read_text("utf-8").partition("<!-- read-benchmark -->")
    _, _, after = rest.partition("<!-- /read-benchmark -->")
    table = measured.read_text("utf-8").strip()
    if not table.startswith("|"):
        table = f"```text\n{table}\n```"
    block = f"<!-- read-benchmark -->\n{table}\n<!-- /read-benchmark -->"
    readme.write_text(before + block + after, "utf-8")


if __name__ == "__main__":
    write_benchmark()
    with TemporaryDirectory() as temporary, serving(Path(temporary)) as services:
        for path in DOCUMENTS:
            write_answers(path, services.run(path))
