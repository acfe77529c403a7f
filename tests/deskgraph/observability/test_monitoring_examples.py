"""The dashboard and the alert rules: all that they ask for is what a server shows."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from promql_parser import AggregateExpr, Expr, MatchOp, VectorSelector

from tests.docs.markdown import table
from tests.support.fixtures import OpenDesk
from tests.support.paths import ROOT

FOLDER = ROOT / "examples" / "monitoring"
RULES = FOLDER / "alerts.yml"
# What Prometheus adds to every series, and its own metric of a target.
OF_TARGETS = {"job", "instance"}
UP = {"up": dict[str, set[str]]()}
# Labels with values that the server alone chooses, and how Grafana writes its variables.
CLOSED = {"part", "operation", "pool", "result", "bucket", "api", "reason"}
VARIABLES = {"$__rate_interval": "5m", "$job": "deskgraph"}
# The values that each label of a series has, by the name of the series.
Shown = dict[str, dict[str, set[str]]]


def rules() -> list[dict[str, Any]]:
    [group] = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    found: list[dict[str, Any]] = group["rules"]
    return found


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
    return found


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries() -> Iterator[str]:
    """Yield the query of each alert and of each line in the dashboard."""
    for rule in rules():
        yield rule["expr"]
    for panel in panels():
        for target in panel["targets"]:
            yield with_variables(target["expr"])


def with_variables(query: str) -> str:
    for variable, value in VARIABLES.items():
        query = query.replace(variable, value)
    return query


def parts_of(query: str) -> list[Expr]:
    found: list[Expr] = []
    promql_parser.walk(promql_parser.parse(query), pre_visit=found.append)
    return found


def wrong(query: str, shown: Shown) -> list[str]:
    """Return what a query asks for that is not there."""
    found = []
    parts = parts_of(query)
    labels = set(OF_TARGETS)
    for part in parts:
        if not isinstance(part, VectorSelector):
            continue
        if part.name not in shown:
            found.append(f"{part.name} is no series")
            continue
        series = shown[part.name]
        labels |= set(series)
        for matcher in part.matchers.matchers:
            one_value = matcher.op in (MatchOp.Equal, MatchOp.NotEqual)
            if matcher.name not in OF_TARGETS | set(series):
                found.append(f"{part.name} has no label {matcher.name}")
            elif matcher.name in CLOSED and one_value and matcher.value not in series[matcher.name]:
                found.append(f"{part.name} has no {matcher.name} {matcher.value}")
    for part in parts:
        if isinstance(part, AggregateExpr) and part.modifier is not None:
            found += [
                f"there is no label {one}" for one in part.modifier.labels if one not in labels
            ]
    return found


async def shown_by(open_desk: OpenDesk) -> Shown:
    async with open_desk(metrics="on") as client:
        for path in ("/api/v1/tickets/", "/nowhere"):
            await client.get(path)
        await client.post("/graphql", json={"query": "{ __typename }"})
        exposed = (await client.get("/metrics")).text
    found: Shown = dict(UP)
    for family in text_string_to_metric_families(exposed):
        for one in family.samples:
            series = found.setdefault(one.name, {})
            for label, value in one.labels.items():
                series.setdefault(label, set()).add(value)
    return found


@pytest.mark.anyio
async def test_each_query_asks_for_what_a_server_shows(open_desk: OpenDesk) -> None:
    shown = await shown_by(open_desk)
    found = {query: problems for query in queries() if (problems := wrong(query, shown))}
    assert found == {}
    # Nothing is left out of the dashboard.
    used = {
        part.name
        for panel in panels()
        for target in panel["targets"]
        for part in parts_of(with_variables(target["expr"]))
        if isinstance(part, VectorSelector)
    }
    families = {re.sub("_(bucket|sum|count)$", "", name) for name in shown if name not in UP}
    assert families == {re.sub("_(bucket|sum|count)$", "", str(name)) for name in used}


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("rate(deskgraph_request_total[5m])", "deskgraph_request_total is no series"),
        ('deskgraph_plans{name="x"}', "deskgraph_plans has no label name"),
        (
            'deskgraph_unavailable_total{part="files"}',
            "deskgraph_unavailable_total has no part files",
        ),
        ("sum by (kind) (deskgraph_plans)", "there is no label kind"),
    ],
)
def test_a_query_for_something_else_is_noticed(query: str, problem: str) -> None:
    shown: Shown = {
        "deskgraph_plans": {},
        "deskgraph_unavailable_total": {"part": {"database", "file_store"}},
    }
    assert wrong(query, shown) == [problem]


def test_a_query_that_is_none_is_noticed() -> None:
    with pytest.raises(ValueError, match="unclosed"):
        parts_of("sum by (job (deskgraph_plans)")


def test_each_alert_says_what_it_is_about() -> None:
    assert max(Counter(rule["alert"] for rule in rules()).values()) == 1
    for rule in rules():
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in ("critical", "warning")
        promql_parser.parse_duration(rule["for"])
        said = rule["annotations"]
        assert set(said) == {"summary", "description"}
        named = set(re.findall(r"\$labels\.(\w+)", " ".join(said.values())))
        kept = [
            set(part.modifier.labels)
            for part in parts_of(rule["expr"])
            if isinstance(part, AggregateExpr) and part.modifier is not None
        ]
        assert named <= (set.intersection(*kept) if kept else OF_TARGETS)


def test_the_document_has_each_alert() -> None:
    document = (ROOT / "docs" / "monitoring.md").read_text("utf-8")
    documented = [row[:2] for row in table(document, "`DeskgraphDown`")]
    assert documented == [[f"`{one['alert']}`", one["labels"]["severity"]] for one in rules()]


def test_panels_of_the_dashboard_have_places_of_their_own() -> None:
    found = dashboard()
    ids = [panel["id"] for panel in found["panels"]]
    assert len(set(ids)) == len(ids)
    places = Counter(
        (x, y)
        for panel in found["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    )
    assert max(places.values()) == 1
    assert max(x for x, _ in places) == 23
    titles = [panel["title"] for panel in panels()]
    assert len(set(titles)) == len(titles)
    for panel in panels():
        assert panel["description"]
        assert panel["datasource"]["uid"] == "${datasource}"
