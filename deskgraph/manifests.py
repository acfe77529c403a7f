"""Manifests: files of the documents that clients were built with, by their ids."""

import json
from pathlib import Path

from deskgraph.settings import PREFIX, Settings, SettingsError
from schema import create_schema
from schema.execution.document_cache import DocumentCache
from schema.execution.limits import Limits
from schema.execution.operation import DeskSchema
from schema.execution.persisted_documents import BadDocument, PersistedDocuments

SETTING = f"{PREFIX}GRAPHQL_MANIFEST"
_APOLLO = "apollo-persisted-query-manifest"


def schema_of(settings: Settings) -> DeskSchema:
    """Return the schema with the limits of the settings."""
    limits = Limits(
        depth=settings.max_depth,
        aliases=settings.max_aliases,
        root_fields=settings.max_root_fields,
        directives=settings.max_directives,
        tokens=settings.max_tokens,
        document_kb=settings.max_document_kb,
        cost=settings.max_cost,
    )
    return create_schema(introspection=settings.allows_introspection, limits=limits)


def persisted_documents(settings: Settings, documents: DocumentCache) -> PersistedDocuments:
    """Return the documents of the settings' manifests, each valid; raises ``SettingsError``."""
    chosen = settings.graphql_documents
    if chosen == "trusted" and not settings.graphql_manifest:
        raise SettingsError(
            f"{PREFIX}GRAPHQL_DOCUMENTS is trusted, so {SETTING} must name the file that has "
            "the trusted documents."
        )
    if chosen != "any" and settings.graphiql:
        raise SettingsError(
            f"{PREFIX}GRAPHIQL is on, but GraphiQL needs {PREFIX}GRAPHQL_DOCUMENTS=any."
        )
    manifest: dict[str, str] = {}
    for path in settings.graphql_manifest:
        for name, text in read_manifest(path).items():
            if manifest.setdefault(name, text) != text:
                raise SettingsError(f"{SETTING}: two files have another document named {name!r}.")
    try:
        return PersistedDocuments(documents, chosen, manifest)
    except BadDocument as error:
        raise SettingsError(f"{SETTING}: {error}") from None


def read_manifest(path: str) -> dict[str, str]:
    """Return the texts of a manifest by their ids; raises ``SettingsError``.

    There are two forms: an object of texts by ids, as graphql-codegen and Relay write it, and
    Apollo's list of operations.
    """
    try:
        content = json.loads(Path(path).read_text("utf-8"))
    except OSError as error:
        raise SettingsError(f"{SETTING}: {path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise SettingsError(f"{SETTING}: {path} is not JSON in UTF-8.") from None
    if isinstance(content, dict) and "format" in content:
        content = _of_apollo(path, content)
    if not isinstance(content, dict) or not all(
        isinstance(text, str) and name for name, text in content.items()
    ):
        raise SettingsError(f"{SETTING}: {path} must be an object with texts of documents by ids.")
    if not content:
        raise SettingsError(f"{SETTING}: {path} has no document.")
    return content


def _of_apollo(path: str, content: dict[str, object]) -> dict[str, object]:
    operations = content.get("operations")
    if content["format"] != _APOLLO or content.get("version") != 1:
        raise SettingsError(f"{SETTING}: {path} must have the format {_APOLLO!r} of version 1.")
    if not isinstance(operations, list) or not all(
        isinstance(one, dict) and isinstance(one.get("id"), str) for one in operations
    ):
        raise SettingsError(f"{SETTING}: {path} must have `operations`, each with `id` and `body`.")
    return {one["id"]: one.get("body") for one in operations}
