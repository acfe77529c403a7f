"""Answers as documents show them: compared by what stays the same from one demo to the next.

Ids, times, ticket numbers, tokens, cursors and signatures differ each time, so only their kind is
compared. A member ``"…": "…"`` of an object stands for members that the document leaves out.
"""

import json
import re
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

ELISION = "…"
WIDTH = 88
CURSORS = frozenset({"cursor", "startCursor", "endCursor"})
_KINDS = (
    (re.compile(r"eyJ[\w.…-]{6,}"), "<token>"),
    (re.compile(r"whsec_[\w+/=…]+"), "<secret>"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\b[0-9a-f]{16}\b"), "<request id>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z"), "<time>"),
    (re.compile(r"T-\d{8}-\d{4,}"), "<number>"),
    (re.compile(r"\b\d{4}([-/])\d\d\b"), "<month>"),
    (re.compile(r"(attachments/<month>/)[\w-]{24}/"), r"\1<key>/"),
    (re.compile(r"expires=\d+"), "expires=<time>"),
    (re.compile(r"signature=[0-9a-f]+…?"), "signature=<signature>"),
    (re.compile(r"in [\d.]+ s, [\d,]+ a second"), "in <seconds>"),
)
_SHORTENED = (
    (re.compile(r"(eyJ[\w-]{20})[\w.-]+"), r"\1…"),
    (re.compile(r"(whsec_)[\w+/=]+"), r"\1…"),
    (re.compile(r"(signature=[0-9a-f]{8})[0-9a-f]+"), r"\1…"),
)


def masked(text: str) -> str:
    """Return a text with kinds in the place of what differs each time."""
    for pattern, kind in _KINDS:
        text = pattern.sub(kind, text)
    return text


def differences(shown: Any, given: Any, path: str = "$") -> list[str]:
    """Say where an answer is not as a document shows it."""
    if isinstance(shown, dict) and isinstance(given, dict):
        return _of_objects(shown, given, path)
    if isinstance(shown, list) and isinstance(given, list) and len(shown) == len(given):
        pairs = zip(shown, given, strict=True)
        return [
            found
            for i, (one, other) in enumerate(pairs)
            for found in differences(one, other, f"{path}[{i}]")
        ]
    return [] if _alike(shown, given, path) else [f"{path}: {shown!r} is shown, not {given!r}"]


def _of_objects(shown: Mapping[str, Any], given: Mapping[str, Any], path: str) -> list[str]:
    expected = [key for key in shown if key != ELISION]
    actual = [key for key in given if ELISION not in shown or key in shown]
    if expected != actual:
        return [f"{path}: the keys {expected} are shown, not {actual}"]
    return [
        found for key in expected for found in differences(shown[key], given[key], f"{path}.{key}")
    ]


def _alike(shown: object, given: object, path: str) -> bool:
    if type(shown) is not type(given):
        return False
    if isinstance(shown, str) and isinstance(given, str):
        is_cursor = path.rsplit(".", 1)[-1] in CURSORS
        return is_cursor or masked(shown) == masked(given)
    # An event's number is that of all events before, and points come back all the time.
    return shown == given or path.endswith((".sequence", ".throttle.available"))


def cut(given: Any, shown: Any, key: str = "") -> Any:
    """Return an answer as a document is to show it: without what it left out so far."""
    if isinstance(given, dict):
        before = shown if isinstance(shown, dict) else {}
        names = before if ELISION in before else given
        return {
            name: ELISION if name == ELISION else cut(given[name], before.get(name), name)
            for name in names
            if name == ELISION or name in given
        }
    if isinstance(given, list):
        items = shown[: len(given)] if isinstance(shown, list) else []
        return [cut(*pair) for pair in zip_longest(given, items)]
    return _shortened(given, key) if isinstance(given, str) else given


def without_cost(given: Any, shown: Any) -> Any:
    """Return an answer without what it cost, which is shown in one place of the documents only."""
    if isinstance(given, list) and isinstance(shown, list) and len(given) == len(shown):
        return [without_cost(*pair) for pair in zip(given, shown, strict=True)]
    if isinstance(given, dict) and {"data", "errors"} & given.keys() and "extensions" not in shown:
        return {name: value for name, value in given.items() if name != "extensions"}
    return given


def _shortened(text: str, key: str) -> str:
    if key in CURSORS:
        return text[:24] + ELISION
    for pattern, short in _SHORTENED:
        text = pattern.sub(short, text)
    return text


def pretty(value: Any, indent: int = 0, before: int = 0) -> str:
    """Write JSON for reading: what fits on its line, after what is before it, stays on one."""
    whole = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value or len(whole) <= WIDTH - indent - before:
        return whole
    inner = indent + 2
    if isinstance(value, dict):
        keys = [f"{json.dumps(key, ensure_ascii=False)}: " for key in value]
        items = zip(keys, value.values(), strict=True)
        parts = [key + pretty(item, inner, len(key)) for key, item in items]
    else:
        parts = [pretty(item, inner) for item in value]
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    body = ",\n".join(" " * inner + part for part in parts)
    return f"{opening}\n{body}\n{' ' * indent}{closing}"
