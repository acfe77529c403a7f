"""What a search has found in a text, cut out of it.

Python cuts, on both databases alike: the places of a term are those in the normalised text, which
may be longer or shorter than the text that is shown. The statement leaves a mark in its JSON for
the snippets of each row, which is a random text of this request: no stored text is taken for one.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from secrets import token_hex
from unicodedata import category, is_normalized

import orjson

from models.search import SEPARATOR, normalize_search
from resolvers.naming import camel
from resolvers.query.shapes import TYPENAME, Shape

# In characters: a snippet, and what it has before the first term.
MAX_LENGTH = 160
BEFORE = 40

# Each with whether it is a term.
Parts = Sequence[tuple[str, bool]]


def new_mark() -> str:
    """Return what no text of a row has."""
    return token_hex(16)


def snippet_shapes(shape: Shape) -> list[Shape]:
    """Return the shapes in which the edges of a connection show their snippets."""
    edges = [f.shape for f in shape.fields if f.name == "edges" and f.shape is not None]
    parts = [part for edge in edges for part in edge.fields if part.name == "snippets"]
    return [part.shape for part in parts if part.shape is not None]


def put_snippets(
    answer: str, texts: str, mark: str, shapes: Sequence[Shape], terms: Sequence[str]
) -> str:
    """Return the answer with the snippets of each row in the place of its marks."""
    found = {
        row_id: [(name, parts) for name, text in fields.items() if (parts := cut(text, terms))]
        for row_id, fields in orjson.loads(texts)
    }

    def snippets(match: re.Match[str]) -> str:
        shape = shapes[int(match[1])]
        return orjson.dumps([_snippet(shape, *one) for one in found[match[2]]]).decode()

    return re.sub(rf'"{mark}\.(\d+)\.([0-9a-f-]{{36}})"', snippets, answer)


def _snippet(shape: Shape, name: str, parts: Parts) -> Mapping[str, object]:
    found: dict[str, object] = {}
    for field in shape.fields:
        if field.name == TYPENAME:
            found[field.key] = "SearchSnippet"
        elif field.name == "field":
            found[field.key] = camel(name)
        else:
            assert field.shape is not None
            found[field.key] = [_part(field.shape, *part) for part in parts]
    return found


def _part(shape: Shape, text: str, is_term: bool) -> Mapping[str, object]:
    values = {TYPENAME: "SearchSnippetPart", "text": text, "highlighted": is_term}
    return {field.key: values[field.name] for field in shape.fields}


def cut(text: str | None, terms: Sequence[str]) -> Parts:
    """Return the part of a text around the first of the terms, which are normalised.

    It is empty where no term is in the text.
    """
    places = _Places(text or "")
    firsts = [at for term in terms if (at := places.normal.find(term)) >= 0]
    if not firsts:
        return []
    first = min(firsts)
    start = _start(places.text, places.start(first))
    end = _end(places.text, places.start(first), start + MAX_LENGTH)
    return list(_parts(places.text, start, end, _hits(places, terms, first, end)))


class _Places:
    """A text as it is compared, and where its characters come from."""

    def __init__(self, text: str) -> None:
        self.text, self.normal = text, normalize_search(text)
        self._is_same = _is_one_to_one(text, self.normal)
        self._normal_at, self._text_at = [0], [0]
        if not self._is_same:
            for piece in pieces(text):
                self._normal_at.append(self._normal_at[-1] + len(normalize_search(piece)))
                self._text_at.append(self._text_at[-1] + len(piece))

    def start(self, place: int) -> int:
        """Return where the character begins that has a place in the normalised text."""
        if self._is_same:
            return place
        return self._text_at[bisect_right(self._normal_at, place) - 1]

    def end(self, place: int) -> int:
        """Return where the character ends that is before a place in the normalised text."""
        return place if self._is_same else self._text_at[bisect_left(self._normal_at, place)]


def pieces(text: str) -> Iterator[str]:
    """Yield the parts of a text that are normalised each for itself: characters with marks."""
    start = 0
    for place in range(1, len(text)):
        if not _continues(text[place]):
            yield text[start:place]
            start = place
    if text:
        yield text[start:]


def _continues(character: str) -> bool:
    """Tell whether a character is a mark, or a vowel or final of a Korean syllable."""
    if character < "\u0300":
        return False
    return category(character).startswith("M") or "\u1160" <= character <= "\u11ff"


def _is_one_to_one(text: str, normal: str) -> bool:
    """Tell whether each character was folded to one: folding makes no text shorter."""
    if len(text) != len(normal) or not is_normalized("NFC", text):
        return False
    return text.isascii() or text.casefold().replace(SEPARATOR, " ") == normal


def _start(text: str, first: int) -> int:
    """Return where a snippet begins: at a word, if one begins in the first half before a term."""
    start = max(first - BEFORE, 0)
    if start == 0:
        return 0
    for place in range(start, start + BEFORE // 2):
        if text[place].isspace():
            return place + 1
    while start < first and _continues(text[start]):
        start += 1
    return start


def _end(text: str, first: int, end: int) -> int:
    """Return where a snippet ends: after a word, if one ends in its second half."""
    if end >= len(text):
        return len(text)
    for place in range(end, max(first, end - MAX_LENGTH // 2), -1):
        if text[place].isspace():
            return place
    while end > first + 1 and _continues(text[end]):
        end -= 1
    return end


def _hits(places: _Places, terms: Sequence[str], first: int, end: int) -> list[tuple[int, int]]:
    """Return where the terms are before an end, those that overlap or touch as one."""
    found = []
    for term in terms:
        at = places.normal.find(term, first)
        while at >= 0 and (start := places.start(at)) < end:
            found.append((start, min(places.end(at + len(term)), end)))
            at = places.normal.find(term, at + 1)
    merged: list[tuple[int, int]] = []
    for start, stop in sorted(found):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(stop, merged[-1][1]))
        else:
            merged.append((start, stop))
    return merged


def _parts(
    text: str, start: int, end: int, hits: Sequence[tuple[int, int]]
) -> Iterator[tuple[str, bool]]:
    """Yield the parts between two places."""
    at = start
    for begins, ends in hits:
        if at < begins:
            yield text[at:begins], False
        yield text[begins:ends], True
        at = ends
    if at < end:
        yield text[at:end], False
