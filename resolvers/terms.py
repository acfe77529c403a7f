"""Texts as they are looked for: what can be stored, and a search's terms."""

import re

# A word with phrases in it, or anything else up to the next blank.
_PHRASE = r""""(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'"""
_TOKEN = re.compile(rf"""[^\s'"]*(?:(?:{_PHRASE})[^\s'"]*)+|\S+""")


def storable(text: str) -> str:
    """Return a text without the characters that no stored text can have."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode()


def search_terms(text: str) -> list[str]:
    """Split a search into lower-case terms: by blanks and commas, quotes keep a phrase together.

    Quotes within a word are characters of it; commas around a phrase part it from others.
    """
    found: list[str] = []
    for match in _TOKEN.finditer(text):
        token = match[0].strip(",")
        quote = token[:1]
        if quote in ('"', "'") and token.endswith(quote):
            phrase = token[1:-1].replace("\\" + quote, quote)
            found.append(phrase.replace("\\\\", "\\"))
        else:
            found += token.split(",")
    return [term.lower() for term in found if term]
