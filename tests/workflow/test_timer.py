"""The clocks of a ticket, through the workflow: what lapses, when, and how often."""

from datetime import timedelta

import pytest

from domain.clocks.clock import Clock
from domain.core.enums import Metric, Side, SlaState, Status, Tier, WaitsOn
from domain.ticket.state import Ticket
from tests.support.durations import DAY, HOUR, MINUTE, SECOND
from tests.support.packages import RECORD, T2_PACKAGE
from tests.support.stage import FRIDAY, SATURDAY, Stage, on_stage, play_all
from tests.support.timeskipping import VirtualTime


def clock(ticket: Ticket, side: Side, metric: Metric) -> Clock:
    return next(c for c in ticket.clocks if (c.side, c.metric) == (side, metric))


async def c4_it_is_breached_at_the_due_instant_and_not_a_second_before(stage: Stage) -> None:
    for _ in range(5):  # the clock goes on while we look: a look that came too late proves nothing
        play = await stage.open(plan="enterprise", priority="P3")
        await play.at(HOUR - SECOND)
        before = await play.see()
        if await stage.time.now(play.handle) < play.opened_at + HOUR:
            break
    assert clock(before, Side.CONTRACT, Metric.FIRST_RESPONSE).breach is None

    await play.at(HOUR)
    after = await play.seen(lambda t: clock(t, Side.CONTRACT, Metric.FIRST_RESPONSE).breach)
    breach = clock(after, Side.CONTRACT, Metric.FIRST_RESPONSE).breach
    assert breach is not None
    assert breach.due == play.opened_at + HOUR
    assert breach.due <= breach.detected
    assert await play.timeline("lapsed") == [("lapsed", HOUR)]


async def c11_each_share_of_the_effective_clock_is_warned_of_once(stage: Stage) -> None:
    play = await stage.open(plan="enterprise", priority="P3")
    await play.at(2 * HOUR)

    warned = [event.body for event in await play.journalled("lapsed") if event.body.type == "warned"]

    assert [(w.due - play.opened_at, w.shares) for w in warned] == [
        (30 * MINUTE, {Metric.FIRST_RESPONSE: 50}),
        (45 * MINUTE, {Metric.FIRST_RESPONSE: 75}),
        (54 * MINUTE, {Metric.FIRST_RESPONSE: 90}),
    ]


async def c3_support_hours_stand_still_over_the_weekend_that_ends_daylight_saving(stage: Stage) -> None:
    play = await stage.open(at=FRIDAY, plan="standard", priority="P2")
    # One of four hours on Friday until 17:00; three on Monday until 12:00, which is an hour later than it seems.
    due = 2 * DAY + 21 * HOUR

    assert clock(await play.see(), Side.TARGET, Metric.FIRST_RESPONSE).due == play.opened_at + due
    await play.at(due)

    assert await play.timeline("lapsed") == [("lapsed", due)]
    assert (await play.see()).tier is Tier.T1


async def g2_the_agent_is_told_at_10_and_13_minutes_and_a_complete_package_escalates_at_15(stage: Stage) -> None:
    play = await stage.open()
    await play.send("take", at=0 * MINUTE)
    await play.send("fill", fields=T2_PACKAGE)
    await play.at(20 * MINUTE)

    timeline = await play.timeline("limit_noted", "limit_reached", "escalated")

    assert timeline == [
        ("limit_noted", 10 * MINUTE),
        ("limit_noted", 13 * MINUTE),
        ("limit_reached", 15 * MINUTE),
        ("escalated", 15 * MINUTE),
    ]
    escalated = (await play.journalled("escalated"))[-1].body
    assert (escalated.how, escalated.frm, escalated.to) == ("at_limit", Tier.T1, Tier.T2)
    seen = await play.see()
    assert (seen.tier, seen.assignee, seen.waits_on) == (Tier.T2, None, WaitsOn.AGENT)


async def g2_at_the_limit_an_incomplete_package_is_due_and_its_last_field_escalates_at_once(stage: Stage) -> None:
    play = await stage.open()
    await play.send("take", at=0 * MINUTE)
    await play.send("step", text="Restarted it.")
    await play.send("attach", text="trace.log")
    await play.send("fill", fields={"customer_impact": "Everybody waits."})
    await play.at(15 * MINUTE)
    seen = await play.seen(lambda t: t.escalation_due)
    assert (seen.waits_on, seen.waits_since) == (WaitsOn.ESCALATION, play.opened_at + 15 * MINUTE)
    assert (await play.refused("step", text="And again."))["code"] == "does_not_fit"

    await play.at(16 * MINUTE)
    answer = await play.send("fill", at=16 * MINUTE, fields={"reproduction_steps": "Click."})

    assert answer["did"] == ["filled", "escalated"]
    assert answer["tier"] == "T2"
    assert (await play.timeline("escalated")) == [("escalated", 16 * MINUTE)]


async def g2_past_the_limit_the_lead_is_reminded_in_every_grace_period_until_it_moves(stage: Stage) -> None:
    play = await stage.open()
    await play.send("take", at=0 * MINUTE)
    await play.at(46 * MINUTE)
    await play.send("escalate", by="lea", role="lead", force=True, reason="Enough.")
    await play.at(90 * MINUTE)

    reminders = [since for kind, since in await play.timeline("limit_reminded", "escalated")]

    assert reminders[:2] == [30 * MINUTE, 45 * MINUTE]
    assert len(reminders) == 3  # and the escalation


async def c6_pending_stops_the_limit_and_the_resolution_clocks(stage: Stage) -> None:
    play = await stage.open()
    before = clock(await play.see(), Side.CONTRACT, Metric.RESOLUTION).due
    assert before is not None
    await play.send("take", at=0 * MINUTE)
    await play.at(5 * MINUTE)
    answer = await play.send("wait", at=5 * MINUTE, question="Which browser?")
    assert (answer["sla"], answer["waits_on"]) == ("paused", "customer")
    await play.at(65 * MINUTE)
    await play.send("reply", at=65 * MINUTE, by="customer", role="customer", text="That one.")
    assert clock(await play.see(), Side.CONTRACT, Metric.RESOLUTION).due == before + HOUR
    await play.at(80 * MINUTE)

    assert await play.timeline("limit_noted", "limit_reached") == [
        ("limit_noted", 70 * MINUTE),
        ("limit_noted", 73 * MINUTE),
        ("limit_reached", 75 * MINUTE),
    ]


async def c10_g1_reopening_resumes_the_clocks_and_starts_a_new_stay(stage: Stage) -> None:
    play = await stage.open(category="how-to", priority="P3")
    before = clock(await play.see(), Side.CONTRACT, Metric.RESOLUTION).due
    assert before is not None
    await play.send("take", at=0 * MINUTE)
    await play.at(14 * MINUTE)
    await play.send("resolve", at=14 * MINUTE, resolution="solved", message="Like this.")
    await play.at(74 * MINUTE)
    await play.send("reopen", at=74 * MINUTE, reason="It came back.")
    await play.at(95 * MINUTE)

    assert await play.timeline("limit_reached", "reopened") == [
        ("reopened", 74 * MINUTE),
        ("limit_reached", 89 * MINUTE),
    ]
    seen = await play.see()
    assert clock(seen, Side.CONTRACT, Metric.RESOLUTION).due == before + HOUR
    assert (seen.status, seen.stays, seen.reopenings) == (Status.OPEN, 2, 1)


async def g9_a_quiet_period_closes_the_ticket_and_ends_its_workflow(stage: Stage) -> None:
    play = await stage.open(category="how-to", priority="P3")
    await play.send("take")
    await play.send("resolve", resolution="solved", message="Like this.")
    resolved_at = (await play.see()).resolved_at
    assert resolved_at is not None
    await play.at(4 * DAY)

    end = await play.handle.result()

    assert (end.status, end.sla) == (Status.CLOSED, SlaState.NONE)
    assert await play.timeline("closed") == [("closed", resolved_at + 3 * DAY - play.opened_at)]
    assert end.seq == len(stage.world.journal[play.id])


async def g6_a_standard_p0_joins_an_incident_at_once_on_a_saturday_at_three(stage: Stage) -> None:
    play = await stage.open(at=SATURDAY, plan="standard", priority="P0", product_area="API")

    seen = await play.seen(lambda t: t.incident)

    assert (seen.tier, seen.assignee, seen.waits_on) == (Tier.T3, None, WaitsOn.INCIDENT)
    assert [join.product_area for join in stage.world.joins_of(play.id)] == ["API"]
    assert [event.actor.role for event in await play.journalled("escalated")][1:] == ["system"] * (seen.seq - 1)
    await play.at(HOUR)
    assert await play.timeline("escalated", "debt_overdue") == [
        ("escalated", timedelta(0)),
        ("debt_overdue", 30 * MINUTE),
    ]


async def g6_a_guessed_p0_that_is_lowered_in_time_pages_nobody(stage: Stage) -> None:
    play = await stage.open(at=SATURDAY, plan="standard", priority="P0", priority_guessed=True)
    await play.at(5 * MINUTE - 10 * SECOND)
    await play.send("prioritise", priority="P2", reason="One user only.")
    await play.at(30 * MINUTE)

    assert (await play.see()).tier is Tier.T1
    assert not stage.world.joins_of(play.id)


async def g6_a_guessed_p0_that_nobody_lowers_pages_after_five_minutes(stage: Stage) -> None:
    play = await stage.open(at=SATURDAY, plan="standard", priority="P0", priority_guessed=True)
    await play.at(6 * MINUTE)
    await play.seen(lambda t: t.incident)

    assert await play.timeline("guess_stood", "escalated") == [
        ("guess_stood", 5 * MINUTE),
        ("escalated", 5 * MINUTE),
    ]
    assert len(stage.world.joins_of(play.id)) == 1


async def c13_g7_free_is_never_warned_of_nor_breached_nor_nagged(stage: Stage) -> None:
    play = await stage.open(plan="free", priority="P3")
    await play.send("take", at=0 * MINUTE)
    assert (await play.refused("escalate", fields=T2_PACKAGE))["would_fit"] == ["refer", "resolve"]
    await play.at(20 * DAY)

    assert [kind for kind, _ in await play.timeline("opened", "taken", "limit_reached")] == [
        event.body.type for event in stage.world.journal[play.id]
    ]
    seen = await play.see()
    assert (seen.waits_on, seen.escalation_due) == (WaitsOn.AGENT, True)
    answer = await play.send("refer", link="https://community.example/1")
    assert (answer["status"], answer["sla"]) == ("closed", "none")
    assert (await play.handle.result()).status is Status.CLOSED


async def g6_a_free_p0_joins_an_incident_only_if_one_is_open(stage: Stage) -> None:
    play = await stage.open(at=SATURDAY, plan="free", priority="P0")

    seen = await play.seen(lambda t: not t.pending_effects)

    assert [join.only_if_open for join in stage.world.joins_of(play.id)] == [True]
    assert (seen.incident, seen.tier, seen.waits_on) == (None, Tier.T1, WaitsOn.AGENT)


async def c12_a_mail_stamped_before_the_due_instant_withdraws_the_breach(stage: Stage) -> None:
    play = await stage.open(plan="enterprise", priority="P3")
    await play.at(70 * MINUTE)
    assert (await play.send("note", text="Late?"))["sla"] == "breached"

    occurred = (play.opened_at + 59 * MINUTE).isoformat()
    answer = await play.send("respond", text="On it.", occurred=occurred, source="mail")

    assert answer["did"] == ["responded", "clock_met"]
    assert answer["sla"] != "breached"
    breach = clock(await play.see(), Side.CONTRACT, Metric.FIRST_RESPONSE).breach
    assert breach is not None
    assert breach.status == "withdrawn"
    assert await play.timeline("lapsed") == [("lapsed", HOUR)]


async def g3_g9_a_tier_one_resolution_ends_every_clock(stage: Stage) -> None:
    play = await stage.open(category="bug", priority="P3")
    await play.send("take")
    answer = await play.send("resolve", **RECORD)
    assert answer["status"] == "resolved"
    await play.at(DAY)

    assert (await play.see()).clocks
    assert all(c.met_at and not c.breach for c in (await play.see()).clocks)


SCENES = [
    c4_it_is_breached_at_the_due_instant_and_not_a_second_before,
    c11_each_share_of_the_effective_clock_is_warned_of_once,
    c3_support_hours_stand_still_over_the_weekend_that_ends_daylight_saving,
    g2_the_agent_is_told_at_10_and_13_minutes_and_a_complete_package_escalates_at_15,
    g2_at_the_limit_an_incomplete_package_is_due_and_its_last_field_escalates_at_once,
    g2_past_the_limit_the_lead_is_reminded_in_every_grace_period_until_it_moves,
    c6_pending_stops_the_limit_and_the_resolution_clocks,
    c10_g1_reopening_resumes_the_clocks_and_starts_a_new_stay,
    g9_a_quiet_period_closes_the_ticket_and_ends_its_workflow,
    g6_a_standard_p0_joins_an_incident_at_once_on_a_saturday_at_three,
    g6_a_guessed_p0_that_is_lowered_in_time_pages_nobody,
    g6_a_guessed_p0_that_nobody_lowers_pages_after_five_minutes,
    c13_g7_free_is_never_warned_of_nor_breached_nor_nagged,
    g6_a_free_p0_joins_an_incident_only_if_one_is_open,
    c12_a_mail_stamped_before_the_due_instant_withdraws_the_breach,
    g3_g9_a_tier_one_resolution_ends_every_clock,
]


async def test_clocks_and_limits(temporal_env: VirtualTime, subtests: pytest.Subtests) -> None:
    async with on_stage(temporal_env) as stage:
        await play_all(stage, subtests, SCENES)
