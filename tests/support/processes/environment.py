"""The environment of the processes that tests start."""

import os

from deskgraph.settings import PREFIX
from tests.support.paths import ROOT


def child_environment(**settings: str) -> dict[str, str]:
    """Return this process's environment with no settings of the server but the given ones.

    Settings have their short names, as in ``RATE_LIMIT="off"``. The child finds the project from
    any folder, and what it prints is not kept back.
    """
    others = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    ours = {f"{PREFIX}{name}": value for name, value in settings.items()}
    return others | ours | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
