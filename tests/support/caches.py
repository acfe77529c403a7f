"""What one application has prepared, kept for those of the tests that follow.

Making the schema and compiling the same statements again would take most of every test's time.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy.engine import make_url

from deskgraph.manifests import schema_of
from deskgraph.settings import Settings
from resolvers.query.plans import Plans
from schema.execution.operation import DeskSchema

_PLANS: dict[tuple[str, str, str], Plans] = {}
_SCHEMAS: dict[str, DeskSchema] = {}
# What the schema is made of.
_LIMITS = {name for name in Settings.model_fields if name.startswith("max_")}
_PARTS = {"environment", "introspection", *_LIMITS}


@contextmanager
def kept_caches(settings: Settings) -> Iterator[None]:
    """Let what is made in the block take the schema and the plans of earlier ones like it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("deskgraph.app.Plans", lambda: _plans(settings))
        patch.setattr("deskgraph.app.schema_of", _schema)
        yield


def _plans(settings: Settings) -> Plans:
    backend = make_url(settings.database_url).get_backend_name()
    key = (backend, settings.media_links, settings.signing_key())
    return _PLANS.setdefault(key, Plans())


def _schema(settings: Settings) -> DeskSchema:
    key = settings.model_dump_json(include=_PARTS)
    if key not in _SCHEMAS:
        _SCHEMAS[key] = schema_of(settings)
    return _SCHEMAS[key]


def forget_caches() -> None:
    """Let the next application begin without any of it."""
    _PLANS.clear()
    _SCHEMAS.clear()
