"""What a Dockerfile says, and which files Docker would copy: as much as ours uses."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.paths import ROOT

_FLAG = re.compile(r"--([a-z-]+)=(\S+)\s+")


@dataclass(frozen=True)
class Instruction:
    """One instruction: its flags, such as those of ``COPY --from=build``, and what follows."""

    name: str
    flags: dict[str, str]
    text: str

    @property
    def words(self) -> list[str]:
        """The words of the JSON form, or of a line of the shell."""
        return list(json.loads(self.text)) if self.text.startswith("[") else shlex.split(self.text)


@dataclass
class Stage:
    """A stage: the image that it begins with, its name if it has one, and its instructions."""

    base: str
    name: str | None
    instructions: list[Instruction] = field(default_factory=list)

    def named(self, name: str) -> list[Instruction]:
        """Return the instructions of a name."""
        return [one for one in self.instructions if one.name == name]

    def one(self, name: str) -> Instruction:
        """Return the only instruction of a name."""
        (found,) = self.named(name)
        return found

    @property
    def environment(self) -> dict[str, str]:
        """What the image sets for what runs in it."""
        return dict(one.text.split("=", 1) for one in self.named("ENV"))

    @property
    def health_check(self) -> list[str]:
        """The command that tells whether the container works."""
        word, _, command = self.one("HEALTHCHECK").text.partition(" ")
        assert word == "CMD"
        return list(json.loads(command))


def stages(path: Path = ROOT / "Dockerfile") -> list[Stage]:
    """Read a Dockerfile; fails at what it does not know."""
    found: list[Stage] = []
    for line in _lines(path.read_text("utf-8")):
        name, _, text = line.partition(" ")
        if name == "FROM":
            base, *rest = text.split()
            assert not rest or rest[0] == "AS", line
            found.append(Stage(base, rest[1] if rest else None))
            continue
        flags = {}
        while match := _FLAG.match(text):
            flags[match[1]] = match[2]
            text = text[match.end() :]
        found[-1].instructions.append(Instruction(name, flags, text))
    return found


def _lines(text: str) -> Iterator[str]:
    """Yield each instruction as one line."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        if line.strip():
            yield line.strip()


def is_sent(path: Path) -> bool:
    """Whether a file of this folder is sent to Docker, as ``.dockerignore`` says.

    The last pattern counts that fits it, or a folder that it is in.
    """
    relative = path.relative_to(ROOT)
    parts = [str(one) for one in (relative, *relative.parents)]
    sent = True
    for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines():
        pattern = line.strip()
        if pattern and not pattern.startswith("#"):
            expression = _expression(pattern.removeprefix("!"))
            if any(expression.fullmatch(part) for part in parts):
                sent = pattern.startswith("!")
    return sent


def _expression(pattern: str) -> re.Pattern[str]:
    escaped = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
    return re.compile(escaped)


def sent_files(name: str) -> list[Path]:
    """Return the files of this folder that are copied by a name: a file, or all of a folder."""
    path = ROOT / name
    inside = path.rglob("*") if path.is_dir() else [path]
    return [one for one in inside if one.is_file() and is_sent(one)]
