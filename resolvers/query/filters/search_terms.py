"""The terms of a search, and the texts of filters as the database compares them."""

from collections.abc import Iterable, Iterator
from itertools import islice

from resolvers.errors import BadInput
from resolvers.texts import storable

# In characters.
MAX_SEARCH_LENGTH = 1000
MAX_TERMS = 20
LIKE_ESCAPE = "/"
# In characters: shorter texts are in no index.
TRIGRAM = 3
_QUOTES = ('"', "'")


def search_terms(text: str) -> list[str]:
    """Split a search into lower-case terms: by blanks and commas, quotes keep a phrase together.

    Quotes within a word are characters of it; commas around a phrase part it from others. Raises
    ``BadInput`` for a text that is too long, before anything else looks at it, and for too many
    terms.
    """
    if len(text) > MAX_SEARCH_LENGTH:
        raise BadInput(f"A search takes at most {MAX_SEARCH_LENGTH} characters.")
    found = list(islice(_terms(storable(text)), MAX_TERMS + 1))
    if len(found) > MAX_TERMS:
        raise BadInput(f"A search takes at most {MAX_TERMS} terms.")
    return found


def like_pattern(term: str) -> str:
    """Return what LIKE finds a term with; all its characters are plain."""
    for special in (LIKE_ESCAPE, "%", "_"):
        term = term.replace(special, LIKE_ESCAPE + special)
    return f"%{term}%"


def has_word(term: str) -> bool:
    """Tell whether a term has three letters or digits in a row, which pg_trgm makes trigrams of."""
    return any("".join(part).isalnum() for part in zip(term, term[1:], term[2:], strict=False))


def match_phrases(terms: Iterable[str]) -> str:
    """Return what FTS5 finds all those terms with that are long enough."""
    quoted = ('"' + term.replace('"', '""') + '"' for term in terms if len(term) >= TRIGRAM)
    return " AND ".join(quoted)


def _terms(text: str) -> Iterator[str]:
    for word in _words(text):
        token = word.strip(",")
        quote = token[:1]
        if quote in _QUOTES and token.endswith(quote):
            phrase = token[1:-1].replace("\\" + quote, quote)
            terms = [phrase.replace("\\\\", "\\")]
        else:
            terms = token.split(",")
        yield from (term.lower() for term in terms if term)


def _words(text: str) -> Iterator[str]:
    """Split a text at blanks that are not inside quotes, each character looked at once.

    A quote that nothing closes ends a word with phrases in it; in any other, quotes are from there
    on characters like others.
    """
    closing = {quote: _closing(text, quote) for quote in _QUOTES}
    start = at = 0
    phrases, plain = False, False
    while at < len(text):
        quoted = text[at] in _QUOTES and not plain
        end = closing[text[at]][at] if quoted else None
        if end is not None:
            phrases, at = True, end + 1
        elif text[at].isspace() or (quoted and phrases):
            if start < at:
                yield text[start:at]
            start = at + 1 if text[at].isspace() else at
            phrases, plain, at = False, quoted, at + 1
        else:
            plain, at = plain or quoted, at + 1
    if start < at:
        yield text[start:at]


def _closing(text: str, quote: str) -> list[int | None]:
    """Return, for each quote in a text, where the phrase that it begins is closed, if at all.

    Of a backslash and the character after it, which is not a line feed, neither closes a phrase.
    """
    # From each place on: where the next quote is that closes.
    found: list[int | None] = [None] * (len(text) + 2)
    for at in range(len(text) - 1, -1, -1):
        if text[at] == quote:
            found[at] = at
        elif text[at] != "\\":
            found[at] = found[at + 1]
        elif text[at + 1 : at + 2] not in ("", "\n"):
            found[at] = found[at + 2]
    return found[1:]
