"""What a field may hold: every problem of every field at once, in stable codes."""

from typing import Any

import pytest
from sqlmodel import SQLModel

from resolvers.commands import validation
from resolvers.commands.validation import (
    ATTACHMENT,
    COMMENT,
    COMPANY,
    CONTACT,
    TICKET,
    USER,
    FieldRules,
    clean,
)
from resolvers.errors import Invalid, Problem
from tests.support.clock import NOON
from tests.support.rows import key

ALL_RULES = [TICKET, COMMENT, ATTACHMENT, COMPANY, CONTACT, USER]
# What a text of each form begins and ends with, so that a test can fill the middle.
FORMS = {
    None: ("", ""),
    "email": ("", "@x.example"),
    "url": ("http://x.example/", ""),
    "username": ("", ""),
}
FORMED = [
    (rules, name) for rules in ALL_RULES for name, rule in rules.items() if rule.format is not None
]
TEXTS = [(rules, name) for rules in ALL_RULES for name, rule in rules.items() if rule.kind is str]


def codes(rules: FieldRules, values: dict[str, Any], *, partial: bool = True) -> dict[str, str]:
    """Return the code of each field's only problem."""
    _, problems = clean(rules, values, partial=partial)
    assert all(len(found) == 1 for found in problems.values())
    return {name: found[0].code for name, found in problems.items()}


def test_required_fields_are_missed_in_new_things_only() -> None:
    assert codes(TICKET, {}, partial=False) == dict.fromkeys(
        ("subject", "description", "company"), "required"
    )
    assert codes(USER, {}, partial=False) == dict.fromkeys(
        ("username", "password", "role"), "required"
    )
    assert codes(TICKET, {}) == {}


def test_every_wrong_field_is_told_at_once() -> None:
    wrong = {
        "subject": " ",
        "description": 5,
        "status": "open",
        "priority": "",
        "category": None,
        "company": None,
        "contact": "not an id",
        "assigned_to": Problem("invalid_uuid", {"value": "x"}),
        "assigned_team": "Customer",
        "due_date": "tomorrow",
        "tags": None,
    }
    assert codes(TICKET, wrong) == {
        "subject": "blank",
        "description": "not_a_string",
        "status": "invalid_choice",
        "priority": "invalid_choice",
        "category": "null",
        "company": "null",
        "contact": "incorrect_type",
        "assigned_to": "invalid_uuid",
        "assigned_team": "invalid_choice",
        "due_date": "incorrect_type",
        "tags": "null",
    }


def test_what_is_right_is_kept_beside_what_is_wrong() -> None:
    cleaned, problems = clean(TICKET, {"subject": "S", "status": "open"}, partial=True)

    assert cleaned == {"subject": "S"}
    assert problems == {"status": [Problem("invalid_choice", {"value": "open"})]}


def test_unknown_fields_are_left_out() -> None:
    assert clean(TICKET, {"version": 7, "id": key("x")}, partial=True) == ({}, {})


@pytest.mark.parametrize(("rules", "name"), TEXTS, ids=[name for _, name in TEXTS])
def test_texts_are_trimmed_and_then_measured(rules: FieldRules, name: str) -> None:
    most = rules[name].max_length or 100_000
    before, after = FORMS[rules[name].format]
    fits = before + "ü" * (most - len(before + after)) + after

    assert clean(rules, {name: f" \n\t{fits}\u3000 "}, partial=True) == ({name: fits}, {})
    if rules[name].max_length:
        assert clean(rules, {name: before + "x" + fits.removeprefix(before)}, partial=True)[1] == {
            name: [Problem("max_length", {"max": most})]
        }


@pytest.mark.parametrize(("rules", "name"), TEXTS, ids=[name for _, name in TEXTS])
def test_no_text_holds_what_a_database_cannot(rules: FieldRules, name: str) -> None:
    for text, code in (
        ("a\0b", "null_characters"),
        ("\0", "null_characters"),
        ("\0" * 1000, "null_characters"),
        ("a\ud83d", "surrogates"),
        ("\udfff", "surrogates"),
        (7, "not_a_string"),
        (True, "not_a_string"),
        (b"bytes", "not_a_string"),
        (None, "null"),
    ):
        assert codes(rules, {name: text}) == {name: code}
    # A whole pair is a character like any other.
    before, after = FORMS[rules[name].format]
    if rules[name].format != "username":
        assert codes(rules, {name: f"{before}{'🎵' * 10}{after}"}) == {}


@pytest.mark.parametrize(
    ("rules", "name", "right", "wrong"),
    [
        (
            USER,
            "email",
            ["a@b.example", "a+b.c@d-e.co.uk"],
            ["a", "a@b", "@b.co", "a b@c.co", "a@b.c"],
        ),
        (
            COMPANY,
            "website",
            [
                "http://a.example",
                "HTTPS://a.b.example:8080/c?d#e",
                "ftp://localhost",
                "http://[::1]/",
            ],
            [
                "a.example",
                "javascript:alert(1)",
                "http://",
                "http://a b.example",
                "data:text/html,x",
            ],
        ),
        (CONTACT, "linkedin_url", ["https://x.example/in/a"], ["//x.example", "http://x"]),
        (USER, "username", ["a.b@c+d-e_f", "ü1"], ["a b", "a/b", "a\u200bb", "🎵"]),
    ],
)
def test_texts_of_a_form(rules: FieldRules, name: str, right: list[str], wrong: list[str]) -> None:
    form = rules[name].format
    assert [codes(rules, {name: text}) for text in right] == [{}] * len(right)
    assert [codes(rules, {name: text}) for text in wrong] == [{name: f"invalid_{form}"}] * len(
        wrong
    )
    _, problems = clean(rules, {name: "/ " * 200}, partial=True)
    assert [problem.code for problem in problems[name]] == ["max_length", f"invalid_{form}"]


@pytest.mark.parametrize(("rules", "name"), TEXTS, ids=[name for _, name in TEXTS])
def test_a_blank_text_is_fine_only_where_the_rule_says_so(rules: FieldRules, name: str) -> None:
    expected = {} if rules[name].blank else {name: "blank"}
    assert codes(rules, {name: ""}) == codes(rules, {name: " \n "}) == expected


def test_null_and_empty_are_the_same_where_a_field_may_be_null() -> None:
    nullable = {"contact", "assigned_to", "assigned_team", "due_date"}
    for empty in (None, ""):
        cleaned, problems = clean(TICKET, dict.fromkeys(nullable, empty), partial=True)
        assert cleaned == dict.fromkeys(nullable)
        assert not problems


def test_booleans_and_times_are_not_guessed() -> None:
    for spelling in ("true", 1, 0, "on"):
        assert codes(COMMENT, {"is_internal": spelling}) == {"is_internal": "incorrect_type"}
    for time in (1_763_553_600, NOON.isoformat(), NOON.date()):
        assert codes(TICKET, {"due_date": time}) == {"due_date": "incorrect_type"}
    assert clean(TICKET, {"due_date": NOON}, partial=True) == ({"due_date": NOON}, {})


def test_no_rule_lets_in_more_than_its_column_holds() -> None:
    names = ("tickets", "comments", "attachments", "companies", "contacts", "users")
    for rules, table in zip(ALL_RULES, names, strict=True):
        columns = SQLModel.metadata.tables[table].columns
        for name, rule in rules.items():
            # A password's rule is about what is typed, its column about the hash.
            if rule.kind is str and name != "password":
                assert rule.max_length == columns[name].type.length, name  # type: ignore[attr-defined]


def test_problems_are_raised_together_and_nothing_is_raised_for_none() -> None:
    validation.raise_problems({})
    problems = {"a": [Problem("blank")], "b": [Problem("null")]}
    with pytest.raises(Invalid) as raised:
        validation.raise_problems(problems)
    assert raised.value.problems == problems


@pytest.mark.parametrize(("rules", "name"), FORMED, ids=[name for _, name in FORMED])
def test_a_text_that_is_too_long_by_far_is_not_compared_with_its_form(
    rules: FieldRules, name: str
) -> None:
    most = rules[name].max_length
    for text in ("a." * 6000, "a@" + "a." * 500_000, "! " * 5001 + "!"):
        _, problems = clean(rules, {name: text}, partial=True)
        assert problems == {name: [Problem("max_length", {"max": most})]}
