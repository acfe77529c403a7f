"""Every module that openapi-python-client generates can be imported."""

import importlib
import pkgutil

import deskgraph_rest

names = [one.name for one in pkgutil.walk_packages(deskgraph_rest.__path__, "deskgraph_rest.")]
assert len(names) > 100
for name in names:
    importlib.import_module(name)
