"""Statements that one application has compiled, kept for those of the tests that follow.

Compiling the same statements again would take most of every test's time.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy.engine import make_url

from deskgraph.settings import Settings
from resolvers.query.plans import Plans

_KEPT: dict[tuple[str, str, str], Plans] = {}


@contextmanager
def kept_plans(settings: Settings) -> Iterator[None]:
    """Let services that are made in the block take the plans of earlier ones like them."""
    backend = make_url(settings.database_url).get_backend_name()
    kept = _KEPT.setdefault((backend, settings.media_links, settings.signing_key()), Plans())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("deskgraph.app.Plans", lambda: kept)
        yield


def forget_plans() -> None:
    """Let the next services begin without plans."""
    _KEPT.clear()
