"""The rest of the rules of the clocks, through the workflow: C1, C2, C5, C7, C8, C9, C14, and the horizon."""

from datetime import timedelta
from typing import Any

import pytest

from domain.clocks.clock import Clock
from domain.core.enums import Metric, Plan, Side, Status
from domain.policy.tables import ContractCell
from domain.ticket.state import Ticket
from services.policy_file.load import resolve_terms
from tests.support.durations import DAY, HOUR, MINUTE, SECOND
from tests.support.packages import RECORD
from tests.support.policy import POLICY
from tests.support.stage import MONDAY, Play, Stage, on_stage, play_all
from tests.support.timeskipping import VirtualTime

PREMIUM = POLICY.plans[Plan.PREMIUM].model_copy(update={"next_response": ContractCell.model_validate({"time": "2h"})})
ANSWERING = POLICY.model_copy(update={"plans": {**POLICY.plans, Plan.PREMIUM: PREMIUM}})


def clock(ticket: Ticket, side: Side, metric: Metric) -> Clock:
    return next(c for c in reversed(ticket.clocks) if (c.side, c.metric) == (side, metric))


async def then(play: Play, since: timedelta, do: str, **payload: Any) -> None:
    """Move the clock to `since` after the opening, and give a command that is received then."""
    await play.skip(since)
    await play.send(do, since, **payload)


async def c1_both_sides_of_a_metric_lapse_on_their_own_and_the_earlier_is_shown(stage: Stage) -> None:
    play = await stage.open(plan="standard", priority="P2")
    await play.at(4 * HOUR)
    ticket = await play.seen(lambda t: clock(t, Side.TARGET, Metric.FIRST_RESPONSE).breach)
    assert clock(ticket, Side.CONTRACT, Metric.FIRST_RESPONSE).breach is None
    await play.at(DAY)
    assert await play.timeline("lapsed") == [("lapsed", 4 * HOUR), ("lapsed", DAY)]


async def c2_c8_raised_to_critical_the_contract_is_the_earlier_and_met_stays_met(stage: Stage) -> None:
    play = await stage.open(plan="premium", priority="P2", priority_guessed=True)
    before = clock(await play.see(), Side.CONTRACT, Metric.FIRST_RESPONSE).due
    await then(play, HOUR, "prioritise", priority="P0", reason="All are down.")
    raised = clock(await play.see(), Side.CONTRACT, Metric.FIRST_RESPONSE)
    assert before is not None
    assert raised.due == min(before, play.opened_at + 2 * HOUR)
    assert raised.legs[raised.leading].cell.source == "plans.premium.critical_response"
    await then(play, HOUR + MINUTE, "respond", text="We see it.")
    await then(play, HOUR + 2 * MINUTE, "prioritise", priority="P3", reason="Only one is.")
    assert clock(await play.see(), Side.CONTRACT, Metric.FIRST_RESPONSE).met_at == play.opened_at + HOUR + MINUTE
    assert await play.timeline("lapsed") == []


async def c5_taking_and_noting_are_no_response_and_a_message_before_the_due_instant_is_one(stage: Stage) -> None:
    play = await stage.open(plan="enterprise", priority="P3")
    await then(play, MINUTE, "take")
    await then(play, 2 * MINUTE, "note", text="Looks odd.")
    assert clock(await play.see(), Side.CONTRACT, Metric.FIRST_RESPONSE).met_at is None
    await then(play, HOUR - 5 * SECOND, "respond", text="Hello.")
    assert clock(await play.see(), Side.CONTRACT, Metric.FIRST_RESPONSE).met_at == play.opened_at + HOUR - 5 * SECOND
    await play.at(2 * HOUR)
    assert Metric.FIRST_RESPONSE not in [
        event.body.metric for event in await play.journalled() if event.body.type == "lapsed"
    ]


async def c7_a_workaround_meets_the_resolution_with_the_issue_still_open(stage: Stage) -> None:
    play = await stage.open(plan="enterprise", priority="P3")
    await then(play, HOUR / 2, "resolve", **RECORD | {"resolution": "workaround"})
    ticket = await play.see()
    assert ticket.status is Status.RESOLVED
    assert all(c.met_at == play.opened_at + HOUR / 2 for c in ticket.clocks)


async def c9_a_target_is_never_later_than_that_of_a_lower_priority(stage: Stage) -> None:
    play = await stage.open(plan="standard", priority="P2")
    target = clock(await play.see(), Side.TARGET, Metric.RESOLUTION)
    assert target.legs[target.leading].cell.source == "priorities.P3.resolution"
    assert target.due == play.opened_at + 7 * DAY  # five business days


async def c14_the_next_response_is_breached_at_its_instant_and_met_by_the_next_message(stage: Stage) -> None:
    play = await stage.open(plan="premium", priority="P3", policy=ANSWERING)
    await then(play, MINUTE, "respond", text="Hello.")
    await then(play, 10 * MINUTE, "reply", by="customer", role="customer", text="And now?")
    await play.at(2 * HOUR + 10 * MINUTE)
    late = await play.seen(lambda t: clock(t, Side.CONTRACT, Metric.NEXT_RESPONSE).breach)
    breach = clock(late, Side.CONTRACT, Metric.NEXT_RESPONSE).breach
    assert breach is not None
    assert breach.due == play.opened_at + 2 * HOUR + 10 * MINUTE
    await then(play, 3 * HOUR, "respond", text="Now.")
    assert clock(await play.see(), Side.CONTRACT, Metric.NEXT_RESPONSE).met_at is not None


async def a_ticket_that_nears_its_horizon_is_given_a_calendar_that_is_known_for_longer(stage: Stage) -> None:
    play = await stage.open(plan="standard", priority="P3")
    account = (await play.see()).account
    terms = resolve_terms(POLICY, account, MONDAY)
    near = terms.calendar.model_copy(update={"horizon": MONDAY + 100 * DAY})
    short = terms.model_copy(update={"calendar": near}).model_dump(mode="json")
    await then(play, MINUTE, "replace_terms", role="lead", terms=short, reason="To be renewed.")
    await then(play, 2 * MINUTE, "note", text="Whatever happens next.")
    ticket = await play.seen(lambda t: t.terms.calendar.horizon > near.horizon and not t.pending_effects)
    assert ticket.terms.calendar == terms.calendar
    types = [event.body.type for event in await play.journalled("terms_aged")]
    assert types.count("terms_aged") == 1
    assert types.count("terms_replaced") == 2


SCENES = [
    c1_both_sides_of_a_metric_lapse_on_their_own_and_the_earlier_is_shown,
    c2_c8_raised_to_critical_the_contract_is_the_earlier_and_met_stays_met,
    c5_taking_and_noting_are_no_response_and_a_message_before_the_due_instant_is_one,
    c7_a_workaround_meets_the_resolution_with_the_issue_still_open,
    c9_a_target_is_never_later_than_that_of_a_lower_priority,
    c14_the_next_response_is_breached_at_its_instant_and_met_by_the_next_message,
    a_ticket_that_nears_its_horizon_is_given_a_calendar_that_is_known_for_longer,
]


async def test_every_clock(temporal_env: VirtualTime, subtests: pytest.Subtests) -> None:
    async with on_stage(temporal_env) as stage:
        await play_all(stage, subtests, SCENES)
        assert len(SCENES) == 7
