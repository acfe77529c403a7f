"""Running the steps of a Dockerfile without Docker: a folder stands for the root of each stage.

The folder has the same path during each stage, as paths are the same in images: what a stage has
made works in the next one. What the base images bring is that of this machine.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deskgraph.settings import PREFIX
from tests.shipping.dockerfile import Instruction, Stage, sent_files
from tests.support.paths import ROOT
from tests.support.processes.launcher import run

# Paths of the image that lie in the folder.
_INSIDE = re.compile(r"(?<![\w./-])/(?=(?:opt|src|srv|run/secrets)(?![\w-]))")
# What changes no file.
METADATA = {"ENV", "USER", "EXPOSE", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
# How long one step may take: it installs packages.
STEP_SECONDS = 900


@dataclass
class Scratch:
    """The folder of the stages. ``user``: the id that the image runs as, where we are root.

    ``arguments`` are those of the build, by their names.
    """

    folder: Path
    user: int | None = None
    arguments: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root = self.folder / "root"
        self.working = self.root
        # Of a copied interpreter: it looks for its library where it was built for.
        self.libraries: dict[str, str] = {}
        self.bin = self._interpreter()

    def _interpreter(self) -> Path:
        """Return a folder with the Python of the image: this one, or a copy for its user."""
        python = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
        found = self.execute([str(python), "-c", ""], {}, may_fail=True)
        if found.returncode == 0:
            linked = self.folder / "bin"
            linked.mkdir()
            (linked / "python").symlink_to(python)
            return linked
        copied = self.folder / "python"
        others = shutil.ignore_patterns("test", "site-packages", "__pycache__", "share")
        shutil.copytree(sys.base_prefix, copied, symlinks=True, ignore=others)
        self.libraries["LD_LIBRARY_PATH"] = str(copied / "lib")
        named = copied / "bin" / "python"
        if not named.exists():
            named.symlink_to(python.name)
        return named.parent

    def inside(self, text: str) -> str:
        """Return a text with the paths of the image as they are here."""
        return _INSIDE.sub(f"{self.root}/", text)

    def build(self, stages: list[Stage]) -> None:
        """Run the steps of all stages; the last one's root stays where it was made."""
        for stage in stages:
            self.working = self.root
            self.root.mkdir()
            for one in stage.instructions:
                self._step(one)
            if stage is not stages[-1]:
                assert stage.name is not None
                self.root.rename(self.folder / stage.name)

    def _step(self, one: Instruction) -> None:
        if one.name == "WORKDIR":
            self.working = Path(self.inside(one.text))
            self.working.mkdir(parents=True, exist_ok=True)
        elif one.name == "COPY":
            self._copy(one)
        elif one.name == "ARG":
            name, _, default = one.text.partition("=")
            self.arguments.setdefault(name, default)
        elif one.name == "RUN":
            self._run(self.inside(one.text))
        else:
            assert one.name in METADATA, one

    def _copy(self, one: Instruction) -> None:
        *wanted, target = one.words
        to = self.working / self.inside(target)
        if "from" in one.flags:
            (name,) = wanted
            # Moved: nothing else needs it, and a copy takes long.
            to.parent.mkdir(parents=True, exist_ok=True)
            (self.folder / one.flags["from"] / name.removeprefix("/")).rename(to)
            return
        for name in wanted:
            for path in sent_files(name):
                inside = path.relative_to(ROOT / name)
                place = to / inside if path != ROOT / name else to / path.name
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, place)

    def _run(self, line: str) -> None:
        if self.user is None:
            # Neither users nor owners can be made.
            if line.startswith("groupadd"):
                return
            line = re.sub(r"--(owner|group)=\S+ ", "", line)
        # Users of the image are none of this machine.
        if line.startswith("groupadd"):
            (self.root / "etc").mkdir()
            line = re.sub(r"\b(groupadd|useradd) ", rf"\1 --prefix {self.root} ", line)
        kept = {name: value for name, value in os.environ.items() if _is_neutral(name)}
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        kept |= self.arguments
        environment = {**kept, "PATH": f"{self.bin}:{kept['PATH']}", "HOME": str(home)}
        done = run(["sh", "-euc", line], cwd=self.working, env=environment, seconds=STEP_SECONDS)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"

    def process(self, environment: dict[str, str]) -> dict[str, Any]:
        """Return the options of a process that runs in the image, with nothing of ours."""
        given = {**environment, **self.libraries}
        options: dict[str, Any] = {"env": given, "cwd": self.working}
        if not self.working.is_dir():
            options["cwd"] = self.folder
        if self.user is not None:
            options |= {"user": self.user, "group": self.user, "extra_groups": []}
        return options

    def execute(
        self,
        command: list[str],
        environment: dict[str, str],
        *,
        may_fail: bool = False,
        **more: Any,
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command in the image to its end."""
        try:
            done = run(command, **self.process(environment), **more)
        except PermissionError:
            assert may_fail
            return run(["false"])
        assert may_fail or done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done


def _is_neutral(name: str) -> bool:
    return not name.startswith((PREFIX, "PYTHON", "VIRTUAL_ENV", "PYTEST", "COVERAGE"))
