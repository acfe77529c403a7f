"""Which changes of the schema clients of the last release can live with."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from schema import sdl
from tests.schema.safety import ACCEPTED, problems, problems_of, recorded, release
from tests.support.paths import ROOT

LAST_DAY = date(2027, 1, 31)
DAY_AFTER = date(2027, 2, 1)
DEPRECATED = '@deprecated(reason: "Ask for `name`. Removed after 2027-01-31.")'
RELEASED = f"""
interface Node {{ id: ID! }}
type Query {{
  node(id: ID!): Node
  things(first: Int = 20, kind: Kind, where: Where, old: Int {DEPRECATED}): [Thing!]!
  attic: Attic {DEPRECATED}
}}
type Thing implements Node {{ id: ID!, name: String!, title: String! {DEPRECATED}, size: Int }}
type Attic {{ boxes: [Box!]! }}
type Box {{ name: String! }}
enum Kind {{ ROUND, FLAT {DEPRECATED} }}
input Where {{ name: String, title: String {DEPRECATED} }}
"""
SQUARE = "Enum value Kind.SQUARE was added."


def changed(*replaced: tuple[str, str]) -> str:
    text = RELEASED
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    return text


def test_no_change_is_no_problem() -> None:
    assert problems(RELEASED, RELEASED, LAST_DAY) == []
    assert problems(RELEASED, RELEASED, DAY_AFTER) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("size: Int }", "size: Int, weight: Int }"),
        ("size: Int }", f"size: Int {DEPRECATED} }}"),
        ("name: String! }\nenum", 'name: String! }\n"A new type."\ntype New { id: ID! }\nenum'),
        ("attic: Attic", "attic: Attic!"),
    ],
)
def test_an_addition_is_safe(old: str, new: str) -> None:
    assert problems(RELEASED, changed((old, new)), LAST_DAY) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (", size: Int }", " }", "Thing.size was removed."),
        ("size: Int }", "size: String }", "Thing.size changed type from Int to String."),
        ("{ ROUND, FLAT", "{ FLAT", "Enum value Kind.ROUND was removed."),
        ("kind: Kind", "kind: Kind!", "Query.things(kind:) has changed type from Kind to Kind!."),
        (" kind: Kind,", "", "Query.things(kind:) was removed."),
        ("{ name: String,", "{", "Where.name was removed."),
        ("node(id: ID!): Node\n", "\n", "Query.node was removed."),
        ("Thing implements Node", "Thing", "Thing no longer implements interface Node."),
    ],
)
def test_what_breaks_clients_is_refused_at_any_time(old: str, new: str, said: str) -> None:
    current = changed((old, new))
    for today in (LAST_DAY, DAY_AFTER):
        found = problems(RELEASED, current, today)
        assert any(problem.startswith("Breaking: ") and said in problem for problem in found), found


REMOVALS = [
    (f", title: String! {DEPRECATED}", ""),
    (f", old: Int {DEPRECATED}", ""),
    (f", FLAT {DEPRECATED}", ""),
    (f", title: String {DEPRECATED}", ""),
    (f"  attic: Attic {DEPRECATED}\n", ""),
]


@pytest.mark.parametrize(("old", "new"), REMOVALS)
def test_what_was_announced_goes_after_its_day_and_not_before(old: str, new: str) -> None:
    current = changed((old, new))
    (found,) = problems(RELEASED, current, LAST_DAY)
    assert found.startswith("Breaking: ")
    assert problems(RELEASED, current, DAY_AFTER) == []


def test_a_type_goes_with_the_last_field_that_leads_to_it() -> None:
    field = (f"  attic: Attic {DEPRECATED}\n", "")
    types = ("type Attic { boxes: [Box!]! }\ntype Box { name: String! }\n", "")
    current = changed(field, types)
    assert len(problems(RELEASED, current, LAST_DAY)) == 3
    assert problems(RELEASED, current, DAY_AFTER) == []


def test_a_type_that_other_fields_lead_to_stays() -> None:
    released = changed(("size: Int }", "size: Int, attic: Attic }"))
    current = changed((f"  attic: Attic {DEPRECATED}\n", ""))
    found = problems(released, current, DAY_AFTER)
    assert any("Thing.attic was removed" in problem for problem in found)


def test_a_type_that_only_its_interface_leads_to_stays() -> None:
    spare = ("enum Kind", "type Spare implements Node { id: ID! }\nenum Kind")
    assert problems(changed(spare), RELEASED, DAY_AFTER) == ["Breaking: Spare was removed."]


def test_only_the_reason_of_the_release_counts() -> None:
    released = changed((DEPRECATED, ""))
    current = changed((f", title: String! {DEPRECATED}", ""))
    (found,) = problems(released, current, DAY_AFTER)
    assert "Thing.title was removed" in found


@pytest.mark.parametrize("reason", ["Ask for `name`.", "Removed after 2027-02-30.", "After 2027."])
def test_a_deprecation_says_on_which_day_it_ends(reason: str) -> None:
    current = changed(
        (DEPRECATED, ""), ("size: Int }", f'size: Int @deprecated(reason: "{reason}") }}')
    )
    (found,) = problems(changed((DEPRECATED, "")), current, DAY_AFTER)
    assert found.startswith("Thing.size is deprecated without a date")


DANGEROUS = [
    ("{ ROUND,", "{ ROUND, SQUARE,", "Enum value Kind.SQUARE was added."),
    ("first: Int = 20", "first: Int = 50", "Query.things(first:) has changed defaultValue"),
    (
        "first: Int = 20",
        "first: Int = 20, last: Int",
        "An optional argument Query.things(last:) was added.",
    ),
    ("{ name: String,", "{ name: String, size: Int,", "An optional field Where.size was added."),
]


@pytest.mark.parametrize(("old", "new", "said"), DANGEROUS)
def test_what_is_dangerous_needs_a_reason(old: str, new: str, said: str) -> None:
    current = changed((old, new))
    (found,) = problems(RELEASED, current, LAST_DAY)
    told, _, description = found.partition(": ")
    assert told == "Dangerous, and not accepted"
    assert said in description

    assert problems(RELEASED, current, LAST_DAY, {description: "Nobody sends it."}) == []
    assert problems(RELEASED, current, LAST_DAY, {description: " "}) == [found]
    assert problems(RELEASED, current, LAST_DAY, {description: True}) == [found]


def test_a_reason_does_not_excuse_what_breaks_clients() -> None:
    current = changed((", size: Int }", " }"))
    (found,) = problems(RELEASED, current, LAST_DAY)
    description = found.removeprefix("Breaking: ")
    assert problems(RELEASED, current, LAST_DAY, {description: "Nobody asks for it."}) == [
        found,
        f"Accepted, but no change: {description}",
    ]


def test_a_reason_for_no_change_is_noticed() -> None:
    assert problems(RELEASED, RELEASED, LAST_DAY, {SQUARE: "It was one."}) == [
        f"Accepted, but no change: {SQUARE}"
    ]


def test_what_clients_send_stays_valid() -> None:
    documents = {"app.graphql": "{ things { name title } }", "wrong.graphql": "{ things {"}
    current = changed((f", title: String! {DEPRECATED}", ""))
    # After its day it may go, but not while a client that is known asks for it.
    assert problems(RELEASED, current, DAY_AFTER, {}, documents) == [
        "app.graphql: Cannot query field 'title' on type 'Thing'. Did you mean 'size'?",
        "wrong.graphql: Syntax Error: Expected Name, found <EOF>.",
    ]


def test_the_schema_is_safe_for_the_clients_of_the_last_release() -> None:
    assert problems_of(ROOT, sdl(), datetime.now(UTC).date()) == []


def test_documents_of_all_kinds_are_found() -> None:
    names = recorded(ROOT)
    for kind in ("tests/clients/apollo/", "tests/clients/app/", "tests/clients/relay/"):
        assert any(name.startswith(kind) for name in names)


def test_a_release_ends_all_changes(tmp_path: Path) -> None:
    documents = tmp_path / "schema" / "snapshots" / "recorded" / "app"
    documents.mkdir(parents=True)
    (documents / "things.graphql").write_text("{ things { size } }")
    (documents / "more.json").write_text('{"b5bb": "{ things { name } }"}')
    release(tmp_path, RELEASED)
    current = changed(("{ ROUND,", "{ ROUND, SQUARE,"))
    assert len(problems_of(tmp_path, current, LAST_DAY)) == 1
    (tmp_path / ACCEPTED).write_text(f'"{SQUARE}" = "They were told."\n')
    assert problems_of(tmp_path, current, LAST_DAY) == []

    without = current.replace(", size: Int }", " }").replace("id: ID!, name: String!", "id: ID!")
    assert [found for found in problems_of(tmp_path, without, LAST_DAY) if ".json, b5bb" in found]
    assert [found for found in problems_of(tmp_path, without, LAST_DAY) if ".graphql: " in found]

    release(tmp_path, current)
    assert problems_of(tmp_path, current, LAST_DAY) == []
