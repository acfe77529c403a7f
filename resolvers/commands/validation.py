"""The rules for values that are written: which fields there are, and what each may hold.

An API turns what it was sent into typed values; a value that it could not read is passed as a
``Problem``. ``clean`` finds everything else that is wrong, of all fields at once.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from models import Role, Team, TicketCategory, TicketPriority, TicketStatus
from resolvers.auth.passwords import USUAL
from resolvers.errors import Invalid, Problem


@dataclass(frozen=True)
class FieldRule:
    """What a field may hold: a text, a choice, a reference, or a value of another type."""

    kind: type[object]
    max_length: int | None = None
    required: bool = False
    nullable: bool = False
    blank: bool = False
    min_length: int | None = None
    # The form of a text, one of ``FORMATS``.
    format: str | None = None
    # Texts that are refused in any case of letters, because everybody would try them first.
    common: frozenset[str] = frozenset()


# The lengths of the old system's columns show which fields have these forms. Each is no stricter
# than it has to be: a stored value is only checked when it is written again.
FORMATS: Mapping[str, re.Pattern[str]] = {
    "email": re.compile(r"[^\s@\x00-\x1f]+@(?:[^\s@.\x00-\x1f]+\.)+[^\s@.\x00-\x1f]{2,}"),
    # Only addresses of the web: what is stored here becomes a link.
    "url": re.compile(
        r"(?:https?|ftps?)://(?:[^\s/?#@]+@)?(?:localhost|\[[0-9a-f:.]+\]|(?:[^\s/?#@.:]+\.)+[^\s/?#@.:]+)"
        r"(?::\d{1,5})?(?:[/?#]\S*)?",
        re.IGNORECASE,
    ),
    "username": re.compile(r"[\w.@+-]+"),
}
# How many characters are compared with a form. A longer text is too long anyway, and comparing a
# megabyte would hold up everybody.
MAX_MATCHED = 10_000

FieldRules = Mapping[str, FieldRule]
Problems = dict[str, list[Problem]]
# Values by field; each has the type of the field's rule.
Cleaned = dict[str, Any]


class Reference(UUID):
    """Marks a field that holds the id of a row that must exist."""


TICKET: FieldRules = {
    "subject": FieldRule(str, max_length=200, required=True),
    "description": FieldRule(str, required=True),
    "status": FieldRule(TicketStatus),
    "priority": FieldRule(TicketPriority),
    "category": FieldRule(TicketCategory),
    "company": FieldRule(Reference, required=True),
    "contact": FieldRule(Reference, nullable=True),
    "assigned_to": FieldRule(Reference, nullable=True),
    "assigned_team": FieldRule(Team, max_length=20, nullable=True, blank=True),
    "due_date": FieldRule(datetime, nullable=True),
    "tags": FieldRule(str, max_length=500, blank=True),
}
COMMENT: FieldRules = {
    "ticket": FieldRule(Reference, required=True),
    "text": FieldRule(str, required=True),
    "is_internal": FieldRule(bool),
}
ATTACHMENT: FieldRules = {"name": FieldRule(str, max_length=200, required=True)}
COMPANY: FieldRules = {
    "name": FieldRule(str, max_length=255, required=True),
    "legal_entity_name": FieldRule(str, max_length=255, blank=True),
    "country": FieldRule(str, max_length=100, blank=True),
    "city": FieldRule(str, max_length=100, blank=True),
    "website": FieldRule(str, max_length=200, blank=True, format="url"),
    "industry": FieldRule(str, max_length=50, blank=True),
    "billing_entity": FieldRule(str, max_length=50, blank=True),
    "is_active": FieldRule(bool),
    "notes": FieldRule(str, blank=True),
}
CONTACT: FieldRules = {
    "company": FieldRule(Reference, required=True),
    "name": FieldRule(str, max_length=100, required=True),
    "email": FieldRule(str, max_length=254, blank=True, format="email"),
    "phone": FieldRule(str, max_length=20, blank=True),
    "title": FieldRule(str, max_length=100, blank=True),
    "department": FieldRule(str, max_length=100, blank=True),
    "contact_type": FieldRule(str, max_length=20),
    "is_primary": FieldRule(bool),
    "is_active": FieldRule(bool),
    "linkedin_url": FieldRule(str, max_length=200, blank=True, format="url"),
    "notes": FieldRule(str, blank=True),
    "last_contacted": FieldRule(datetime, nullable=True),
}
PASSWORD = FieldRule(str, max_length=128, required=True, min_length=10, common=USUAL)
USER: FieldRules = {
    "username": FieldRule(str, max_length=150, required=True, format="username"),
    "password": PASSWORD,
    "first_name": FieldRule(str, max_length=150, blank=True),
    "last_name": FieldRule(str, max_length=150, blank=True),
    "email": FieldRule(str, max_length=254, blank=True, format="email"),
    "role": FieldRule(Role, required=True),
    "phone": FieldRule(str, max_length=20, blank=True),
    "department": FieldRule(str, max_length=50, blank=True),
    "company": FieldRule(Reference, nullable=True),
    "is_active": FieldRule(bool),
}
# Of who changes their own; whether the old one is right is for its hash to say.
PASSWORDS: FieldRules = {"new_password": PASSWORD}


def clean(
    rules: FieldRules,
    values: Mapping[str, object],
    *,
    partial: bool,
    max_text_bytes: int | None = None,
) -> tuple[Cleaned, Problems]:
    """Return the values that are right and the problems of the others.

    Unknown fields are left out. ``partial``: missing fields are no problem, as in a change.
    ``max_text_bytes``: how long texts without a limit of their own may be, in UTF-8.
    """
    cleaned: Cleaned = {}
    problems: Problems = {}
    for name, rule in rules.items():
        if name not in values:
            if rule.required and not partial:
                problems[name] = [Problem("required")]
            continue
        try:
            cleaned[name] = _clean(rule, values[name], max_text_bytes)
        except _Wrong as wrong:
            problems[name] = wrong.problems
    return cleaned, problems


def raise_problems(problems: Mapping[str, list[Problem]]) -> None:
    """Raise ``Invalid`` if there is any problem."""
    if problems:
        raise Invalid(problems)


class _Wrong(Exception):
    def __init__(self, *problems: Problem) -> None:
        self.problems = list(problems)


def _clean(rule: FieldRule, value: object, max_bytes: int | None) -> object:
    if isinstance(value, Problem):
        raise _Wrong(value)
    if value is None or (value == "" and rule.nullable):
        if not rule.nullable:
            raise _Wrong(Problem("null"))
        return None
    if rule.kind is str:
        return _clean_text(rule, value, max_bytes)
    if issubclass(rule.kind, StrEnum):
        if rule.max_length is not None:
            # A choice that may be left open is a text first, and blank is as good as none.
            value = _clean_text(rule, value, max_bytes) or None
            if value is None:
                return None
        try:
            return rule.kind(str(value))
        except ValueError:
            raise _Wrong(Problem("invalid_choice", {"value": value})) from None
    expected = UUID if rule.kind is Reference else rule.kind
    if not isinstance(value, expected):
        raise _Wrong(Problem("incorrect_type", {"type": type(value).__name__}))
    return value


def _clean_text(rule: FieldRule, value: object, max_bytes: int | None) -> str:
    if not isinstance(value, str):
        raise _Wrong(Problem("not_a_string"))
    if "\0" in value:
        raise _Wrong(Problem("null_characters"))
    text = value.strip()
    try:
        # Not a loop over the characters, which takes long for a long text.
        size = len(text.encode())
    except UnicodeEncodeError:
        raise _Wrong(Problem("surrogates")) from None
    if not text and not rule.blank:
        raise _Wrong(Problem("blank"))
    if problems := list(_problems_of(rule, text, size, max_bytes)):
        raise _Wrong(*problems)
    return text


def _problems_of(rule: FieldRule, text: str, size: int, max_bytes: int | None) -> Iterator[Problem]:
    if rule.min_length is not None and len(text) < rule.min_length:
        yield Problem("too_short", {"min": rule.min_length})
    if rule.max_length is not None and len(text) > rule.max_length:
        yield Problem("max_length", {"max": rule.max_length})
    if rule.common and text.casefold() in rule.common:
        yield Problem("too_common")
    if rule.max_length is None and max_bytes is not None and size > max_bytes:
        yield Problem("max_bytes", {"max": max_bytes})
    compared = rule.format if text and len(text) <= MAX_MATCHED else None
    if compared is not None and not FORMATS[compared].fullmatch(text):
        yield Problem(f"invalid_{compared}")
