"""Names of files: one rule for uploads and renames, and one for the keys that links are made of."""

import re
import unicodedata
from urllib.parse import quote

# Controls that turn the direction of what follows: a name would look like another one.
_BIDIRECTIONAL = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
# Control characters, and the separators of lines and paragraphs.
_DROPPED = frozenset({"Cc", "Zl", "Zp"})
# Letters, marks and digits of any script.
_KEPT_IN_KEYS = frozenset("LMN")
MAX_EXTENSION_LENGTH = 40
# With the extension and what leads there, a key has at most 300 bytes, and a file's name 255.
MAX_STEM_LENGTH = 160
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def file_name(given: str) -> str:
    """Return the name that is kept of a given one; empty where nothing of it is a name.

    No path, no control or bidirectional characters and no line breaks. Letters of every script,
    spaces inside the name and joiners stay as they are.
    """
    name = given.replace("\\", "/").rsplit("/", 1)[-1]
    name = "".join(
        character
        for character in name
        if character not in _BIDIRECTIONAL and unicodedata.category(character) not in _DROPPED
    ).strip()
    return "" if name in (".", "..") else name


def key_name(name: str) -> str:
    """Return a name for the end of a key: ASCII, percent-encoded, safe in any path and URL.

    Stem and extension stay recognisable. Never empty, never starting with a dot.
    """
    stem, dot, extension = name.replace("\\", "/").rsplit("/", 1)[-1].rpartition(".")
    if not dot:
        stem, extension = extension, ""
    stem = _encoded(stem, MAX_STEM_LENGTH) or "file"
    extension = _encoded(extension, MAX_EXTENSION_LENGTH)
    return f"{stem}.{extension}" if extension else stem


def encoded_key(path: str) -> str:
    """Return the key that the decoded path of a URL stands for."""
    return quote(path, errors="replace")


def _encoded(text: str, most: int) -> str:
    """Return a text as part of a URL: Latin letters without accents, others percent-encoded."""
    found = ""
    for character in unicodedata.normalize("NFC", text):
        plain = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
        if plain:
            piece = _UNSAFE.sub("_", plain)
        elif unicodedata.category(character)[0] in _KEPT_IN_KEYS:
            piece = quote(character)
        else:
            piece = "_"
        if piece == "_" and found.endswith("_"):
            continue
        if len(found) + len(piece) > most:
            break
        found += piece
    return found.strip("._")
