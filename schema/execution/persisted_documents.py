"""Documents that are asked for by an id: those of manifests, and those that clients registered."""

from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from typing import Literal

from graphql import GraphQLError

from schema.errors.codes import Code
from schema.execution.document_cache import MAX_KEPT_LENGTH, DocumentCache
from schema.transport.request import GraphQLRequest

# Which documents are run: any, those with an id, or those of the manifests.
Accepted = Literal["any", "persisted", "trusted"]
# How many documents are kept for clients that registered them; longer ones are not kept.
MAX_REGISTERED = 1000
# GraphQL over HTTP, appendix on persisted documents.
_PREFIX = "sha256:"

_NEEDS_ID = (
    "This server runs documents by their ids: send the `documentId`, or the hash in "
    "`extensions.persistedQuery`."
)
_NOT_TRUSTED = "This server runs only the documents of its manifest."


class BadDocument(ValueError):
    """A document of a manifest is not valid; the text says which, and why."""


class PersistedDocuments:
    """Finds the text of what is asked for.

    ``accepted`` says what may be asked for: ``any`` document, ``persisted`` ones, which come by
    an id or register by their hash, or ``trusted`` ones, which are those of the manifests.
    """

    def __init__(
        self,
        documents: DocumentCache,
        accepted: Accepted = "any",
        manifest: Mapping[str, str] | None = None,
    ) -> None:
        """Take the texts of the manifests by their ids; raises ``BadDocument``."""
        self._documents = documents
        self._accepted = accepted
        self._manifest = dict(manifest or {})
        self._texts = frozenset(self._manifest.values())
        self._hashed = {hash_of(text): text for text in self._texts}
        self._registered: OrderedDict[str, str] = OrderedDict()
        for name, text in self._manifest.items():
            known = documents.trust(text)
            if known.errors:
                raise BadDocument(f"the document {name!r}: {known.errors[0].message}")

    def text(self, asked: GraphQLRequest) -> str:
        """Return the text of a document.

        Raises ``GraphQLError`` where nobody knows it, where it may not be run here, and where
        its hash is not that of its text.
        """
        if asked.document_id is not None:
            return self._found(asked.document_id.removeprefix(_PREFIX), asked.document_id)
        if asked.hash is not None:
            return self._hashed_text(asked.hash, asked.query)
        text = asked.query or ""
        if self._accepted == "any" or (self._accepted == "trusted" and text in self._texts):
            return text
        raise _error(_NEEDS_ID if self._accepted == "persisted" else _NOT_TRUSTED, Code.FORBIDDEN)

    def _found(self, digest: str, name: str) -> str:
        text = self._manifest.get(name) or self._hashed.get(digest) or self._registered.get(digest)
        if text is None:
            # Clients look for these words.
            raise _error("PersistedQueryNotFound", Code.PERSISTED_QUERY_NOT_FOUND)
        if digest in self._registered:
            self._registered.move_to_end(digest)
        return text

    def _hashed_text(self, digest: str, text: str | None) -> str:
        if text is None:
            return self._found(digest, digest)
        # Some compilers name documents by another hash than this one.
        if self._manifest.get(digest) == text:
            return text
        if hash_of(text) != digest:
            raise _error("The `sha256Hash` is not that of the `query`.", Code.BAD_USER_INPUT)
        if self._accepted == "trusted" and text not in self._texts:
            raise _error(_NOT_TRUSTED, Code.FORBIDDEN)
        return text

    def register(self, asked: GraphQLRequest, text: str) -> None:
        """Keep the text that came with its hash, once it was examined and found to be valid."""
        if asked.hash is None or asked.query is None or len(text) > MAX_KEPT_LENGTH:
            return
        known = self._documents.get(text)
        if known is not None and not known.errors:
            self._registered[asked.hash] = text
            self._registered.move_to_end(asked.hash)
            if len(self._registered) > MAX_REGISTERED:
                self._registered.popitem(last=False)


def hash_of(text: str) -> str:
    """Return the SHA-256 of a document's text, in lower-case hexadecimal digits."""
    return sha256(text.encode()).hexdigest()


def _error(message: str, code: Code) -> GraphQLError:
    return GraphQLError(message, extensions={"code": code})
