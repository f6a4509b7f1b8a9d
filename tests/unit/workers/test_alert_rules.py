"""The rules of Prometheus and the panels of Grafana: they parse, and ask by labels and metrics that a process shows.

`tests/e2e/test_everything_up.py` looks for each metric in what real processes show.
"""

import json
import re
from typing import Any

import promql_parser
import pytest
import yaml

from tests.support.root import ROOT
from workflows import ports

GROUPS = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())["groups"]
RULES = {rule["alert"]: rule for group in GROUPS for rule in group["rules"]}
DASHBOARDS = {path.stem: json.loads(path.read_text()) for path in (ROOT / "deploy/grafana/dashboards").glob("*.json")}
PANELS = [
    (f"{name}: {panel['title']}", target["expr"])
    for name, dashboard in DASHBOARDS.items()
    for panel in dashboard["panels"]
    for target in panel["targets"]
]
ASKED_FOR = {
    "a contract breached and unacknowledged": "BreachUnacknowledged",
    "effects older than 10 minutes": "EffectsLate",
    "workflow tasks that fail": "TicketsStandStill",
    "no poller on a queue": "NobodyWorks",
    "a journal that is behind": "JournalBehind",
    "a journal and Temporal that differ": "JournalAndTemporalDiffer",
    "a comparison of both that does not run": "NothingIsCompared",
    "an outbox that lags": "BacklogOverdue",
    "a process that is absent": "ProcessAbsent",
    "a clock that differs from the database's": "ClockWrong",
    "a certificate that expires": "CertificateExpires",
    "a token that expires": "TokensExpire",
}


@pytest.mark.parametrize(("what", "alert"), ASKED_FOR.items())
def test_there_is_an_alert_for(what: str, alert: str) -> None:
    assert set(RULES[alert]) <= {"alert", "expr", "for", "annotations"}
    assert RULES[alert]["annotations"]["summary"].endswith(".")


@pytest.mark.parametrize("expression", [rule["expr"] for rule in RULES.values()] + [expr for _, expr in PANELS])
def test_every_expression_is_one_that_prometheus_reads(expression: str) -> None:
    assert promql_parser.parse(expression)


def test_the_parser_sees_what_is_none() -> None:
    with pytest.raises(ValueError, match=r"."):
        promql_parser.parse("sum(rate(tierline_tickets[5m]) > 0")


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_how_long_an_alert_waits_is_a_time(rule: dict[str, Any]) -> None:
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "0s"))


def test_the_journal_is_watched_by_the_names_of_the_activities_that_write_it() -> None:
    (names,) = re.findall(r'activity_type=~"([^"]*)"', RULES["JournalBehind"]["expr"])
    assert set(names.split("|")) == {ports.RECORD_EVENTS.name, ports.RECORD_INCIDENT.name}


def test_times_are_histograms_and_every_metric_of_ours_has_a_base_unit() -> None:
    asked = {name for text in (*(rule["expr"] for rule in RULES.values()), *(expr for _, expr in PANELS))
             for name in re.findall(r"\btierline_\w+", text)}  # fmt: skip
    assert not [name for name in asked if re.search(r"_(ms|millis|minutes|hours|kb|mb|percent)(_|$)", name)]
    for text in (expr for _, expr in PANELS if "histogram_quantile" in expr):
        assert re.findall(r"\w+_seconds_bucket\[", text)


def test_ops_and_the_lead_have_a_dashboard_each_and_no_two_panels_lie_on_each_other() -> None:
    assert {dashboard["title"] for dashboard in DASHBOARDS.values()} == {"Tierline: ops", "Tierline: lead"}
    assert len({dashboard["uid"] for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS)
    for dashboard in DASHBOARDS.values():
        cells = [
            (x, y)
            for panel in dashboard["panels"]
            for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
            for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
        ]
        assert len(set(cells)) == len(cells)
        assert {x for x, _ in cells} <= set(range(24))
