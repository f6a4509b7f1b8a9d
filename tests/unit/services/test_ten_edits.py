"""One number of the policy is changed, and only the tickets that it concerns go another way.

Which these are is counted by `counted_by_hand`, in plain arithmetic over the same log.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from domain.core.enums import Plan
from domain.ticket import events as e
from services.backtest import Outcome, Promises, replay
from services.policy_comparison import Comparison
from services.policy_file.load import DEFAULT, load_policy
from tests.support.counted_by_hand import HOUR, Promised, Simple, expected
from tests.support.simple_incidents import recorded, simple

START = datetime(2035, 6, 4, tzinfo=UTC)
TICKETS = 90
SHIPPED = Promised()


@cache
def log() -> tuple[Simple, ...]:
    return tuple(simple(number) for number in range(TICKETS))


def outcomes(promises: Promises) -> list[Outcome]:
    return [replay(*promises.prepare(recorded(one), START)) for one in log()]


@pytest.fixture(scope="module")
def shipped() -> list[Outcome]:
    return outcomes(Promises(load_policy(), Plan.ENTERPRISE))


def lapses(outcome: Outcome) -> set[tuple[Any, ...]]:
    """What lapsed, as `counted_by_hand` says it."""
    found: set[tuple[Any, ...]] = set()
    opened = outcome.events[0].at
    for event in outcome.events:
        at = round((event.at - opened).total_seconds())
        match body := event.body:
            case e.Lapsed():
                found.add(("missed", body.side.value, body.metric.value, at))
            case e.Warned():
                found |= {("warned", metric.value, share, at) for metric, share in body.shares.items()}
            case e.LimitReached():
                found.add(("limit", at))
    return found


def test_by_hand_and_by_the_core_the_same_lapses_at_the_same_instants(shipped: Sequence[Outcome]) -> None:
    assert {o.external_id: lapses(o) for o in shipped} == {one.id: expected(one, SHIPPED) for one in log()}


EDITS: dict[str, tuple[str, str, Promised, bool]] = {
    "plans.enterprise.first_response": (
        'first_response = "1h"', 'first_response = "30m"', SHIPPED._replace(first_response=HOUR / 2), True),
    "plans.enterprise.resolution": (
        'first_response = "1h"\ncritical_response = "15m"\nresolution = "8h"',
        'first_response = "1h"\ncritical_response = "15m"\nresolution = "6h"',
        SHIPPED._replace(resolution=6 * HOUR), True),
    "plans.enterprise.critical_response": (
        'critical_response = "15m"', 'critical_response = "5m"', SHIPPED, False),
    "plans.standard.first_response": ('first_response = "8h"', 'first_response = "4h"', SHIPPED, False),
    "priorities.P2.response": (
        'exists"\nresponse = "4h"\nresolution = "48h"', 'exists"\nresponse = "2h"\nresolution = "48h"',
        SHIPPED._replace(target_response=SHIPPED.target_response | {"Medium": 2 * HOUR}), True),
    "priorities.P2.resolution": (
        'exists"\nresponse = "4h"\nresolution = "48h"', 'exists"\nresponse = "4h"\nresolution = "24h"',
        SHIPPED._replace(target_resolution=SHIPPED.target_resolution | {"Medium": 24 * HOUR}), True),
    "priorities.P3.response": (
        'response = "8h"\nresolution = "5 business days"', 'response = "5h"\nresolution = "5 business days"',
        SHIPPED._replace(target_response=SHIPPED.target_response | {"Low": 5 * HOUR}), True),
    "limits.t1_limit": ('t1_limit = "15m"', 't1_limit = "20m"', SHIPPED._replace(t1_limit=1200.0), True),
    "limits.warnings": ("warnings = [50, 75, 90]", "warnings = [50, 75, 80]",
                        SHIPPED._replace(warnings=(50, 75, 80)), True),
    "limits.t1_grace": ('t1_grace = "15m"', 't1_grace = "5m"', SHIPPED, False),
}  # fmt: skip
"""Number of the policy -> its line before and after, what it makes of the promises, and whether a ticket differs."""


@pytest.mark.parametrize("edit", EDITS)
def test_one_edit_changes_the_tickets_that_it_should_and_no_others(
    shipped: Sequence[Outcome], tmp_path: Path, edit: str
) -> None:
    before, after, promised, differs = EDITS[edit]
    text = DEFAULT.read_text()
    assert before in text
    file = tmp_path / "tried.toml"
    file.write_text(text.replace(before, after, 1))
    comparison = Comparison()

    for one, other in zip(shipped, outcomes(Promises(load_policy(file), Plan.ENTERPRISE)), strict=True):
        comparison.add(one, other)

    by_hand = {one.id for one in log() if expected(one, SHIPPED) != expected(one, promised)}
    assert {one.external_id for one in comparison.different} == by_hand
    assert bool(by_hand) is differs
    assert len(by_hand) < TICKETS, "an edit that changes every ticket tells nothing apart"
    assert all(one.because for one in comparison.different), "the number behind the first difference is named"
