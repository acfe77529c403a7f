"""The commands by which compose.yaml's desk is backed up and brought back, without Docker.

A program in the place of ``docker`` runs what they run in the containers, here: on a database of
PostgreSQL, and in a folder that stands for the server's.
"""

import os
import shlex
from collections.abc import Callable
from pathlib import Path

import yaml
from sqlalchemy.engine import make_url

from tests.deskgraph.conftest import change, rows
from tests.docs.markdown import blocks
from tests.shipping.dockerfile import stages
from tests.support.paths import ROOT
from tests.support.processes.launcher import run

TEXT = (ROOT / "docs/deployment.md").read_text("utf-8")
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text("utf-8"))["services"]
# What follows "docker compose exec -T" or "run … --entrypoint tar" runs; all else starts and stops.
DOCKER = """#!/bin/sh
set -eu
case "$*" in
  "compose exec -T database "*) shift 4; exec "$@";;
  "compose exec -T server "*) shift 4; cd {server}; exec "$@";;
  "compose run --rm -T --no-deps --entrypoint tar server "*) shift 8; cd {server}; exec tar "$@";;
  "compose stop server" | "compose up --detach --wait") exit 0;;
esac
echo "unknown: $*" >&2
exit 1
"""


def block(start: str) -> str:
    """Return the commands of the section that begin so."""
    section = TEXT.partition("### Backups of containers")[2]
    return next(one.text for one in blocks(section) if one.text.startswith(start))


def test_it_names_what_compose_names() -> None:
    database = SERVICES["database"]["environment"]
    assert (database["POSTGRES_USER"], database["POSTGRES_DB"]) == ("deskgraph", "deskgraph")
    (image,) = (one.text for one in stages()[-1].named("WORKDIR"))
    assert SERVICES["server"]["volumes"] == [f"files:{image}/var"]


def test_what_is_backed_up_comes_back(
    blank_postgres_url: Callable[[], str], tmp_path: Path
) -> None:
    url = make_url(blank_postgres_url())
    shown = url.render_as_string(hide_password=False)
    stored = tmp_path / "server/var/media/a/file.txt"
    stored.parent.mkdir(parents=True)
    stored.write_text("content")
    (tmp_path / "server/var/media/readiness").write_text("changes all the time")
    change(shown, "CREATE TABLE notes AS SELECT 'before' AS text")
    docker = tmp_path / "bin/docker"
    docker.parent.mkdir()
    docker.write_text(DOCKER.format(server=shlex.quote(str(tmp_path / "server"))))
    docker.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{docker.parent}{os.pathsep}{os.environ['PATH']}",
        "PGHOST": url.host or "",
        "PGPORT": str(url.port or 5432),
        "PGPASSWORD": str(url.password or ""),
    }

    def follow(commands: str) -> None:
        ours = commands.replace("--username=deskgraph", f"--username={url.username}")
        ours = ours.replace("--dbname=deskgraph", f"--dbname={url.database}")
        ours = ours.replace(" deskgraph", f" {url.database}")
        ended = run(["bash", "-euc", ours], env=environment, cwd=tmp_path)
        assert ended.returncode == 0, ended.stderr

    follow(block("docker compose exec"))
    change(shown, "UPDATE notes SET text = 'after'")
    stored.unlink()
    follow(block("docker compose stop"))

    assert rows(shown, "SELECT text FROM notes") == [("before",)]
    assert stored.read_text() == "content"
    assert "readiness" not in run(["tar", "--list", "--file", tmp_path / "files.tar"]).stdout
