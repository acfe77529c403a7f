"""The texts of the demo: people, companies and ticket stories of ``data.toml``."""

import tomllib
from pathlib import Path

from deskgraph.demo.factory import Row


def demo_data() -> Row:
    """Read the file."""
    return tomllib.loads((Path(__file__).parent / "data.toml").read_text("utf-8"))
