"""What waited while no worker ran is decided for the instant at which it was received, before any timer rings."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

from domain.core.enums import SlaState, WaitsOn
from tests.support.durations import HOUR, MINUTE, SECOND
from tests.support.stage import Play, Stage, serving, side_by_side
from tests.support.timeskipping import VirtualTime
from tests.support.waiting import until
from tests.support.world import World

EARLY, DUE, LATE = HOUR - 30 * SECOND, HOUR, HOUR + SECOND

DEADLINES = {"warned": 3, "limit_noted": 2, "limit_reached": 1}
"""The contract's first response and the T1 limit fall due at the same instant, an hour after the opening."""


async def at_the_brink(stage: Stage) -> Play:
    """A ticket taken at 45 minutes, at 59 minutes."""
    play = await stage.open(plan="enterprise", priority="P3")
    await play.at(45 * MINUTE)
    await play.send("take", at=45 * MINUTE)
    await play.at(59 * MINUTE)
    await play.journalled("limit_noted")
    return play


async def a_step_from_before_the_limit_is_accepted_and_a_response_after_it_is_late(play: Play) -> None:
    assert await play.timeline("step_noted", "lapsed", "limit_reached", "responded", "clock_met") == [
        ("step_noted", EARLY),
        ("lapsed", DUE),
        ("limit_reached", DUE),
        ("responded", LATE),
        ("clock_met", LATE),
    ]
    assert (await play.send("note", text="So late."))["sla"] == SlaState.BREACHED


async def a_response_from_before_the_due_instant_is_punctual_and_a_step_after_the_limit_is_refused(play: Play) -> None:
    timeline = await play.timeline("responded", "clock_met", "limit_reached", "message_refused")
    assert timeline[:3] == [("responded", EARLY), ("clock_met", EARLY), ("limit_reached", DUE)]
    events = await play.journalled("message_refused")
    assert not [event for event in events if event.body.type == "lapsed"]
    refused = events[-1]
    assert (refused.body.code, refused.body.what) == ("does_not_fit", "advance")
    assert "Tier 1 limit is reached" in refused.texts["message"]


async def with_no_message_at_all_every_deadline_stands_once_at_its_own_instant(play: Play) -> None:
    assert await play.timeline("lapsed", "limit_reached") == [("lapsed", DUE), ("limit_reached", DUE)]
    events = await play.journalled("limit_reached")
    for event in events[-2:]:
        assert event.body.due == play.opened_at + DUE
        assert event.detected > play.opened_at + DUE
    seen = await play.see()
    assert (seen.waits_on, seen.waits_since) == (WaitsOn.ESCALATION, play.opened_at + DUE)


async def c12_mail_from_before_the_due_instant_withdraws_what_the_outage_had_booked(play: Play) -> None:
    await play.journalled("lapsed")
    occurred = (play.opened_at + EARLY).isoformat()
    answer = await play.send("respond", text="We wrote in time.", occurred=occurred, source="mail")
    assert answer["did"] == ["responded", "clock_met"]
    assert answer["sla"] != SlaState.BREACHED


ENDS: list[Callable[[Play], Awaitable[None]]] = [
    a_step_from_before_the_limit_is_accepted_and_a_response_after_it_is_late,
    a_response_from_before_the_due_instant_is_punctual_and_a_step_after_the_limit_is_refused,
    with_no_message_at_all_every_deadline_stands_once_at_its_own_instant,
    c12_mail_from_before_the_due_instant_withdraws_what_the_outage_had_booked,
]


async def test_messages_come_before_timers(temporal_env: VirtualTime, subtests: pytest.Subtests) -> None:
    stage = Stage(temporal_env, World())
    async with serving(temporal_env.client, stage.world, cached=0):
        plays = await asyncio.gather(*(at_the_brink(stage) for _ in ENDS))

    for play in plays:  # no worker runs
        await play.skip(DUE)
    await plays[0].signal("step", at=EARLY, text="Restarted it.")
    await plays[0].signal("respond", at=LATE, text="Sorry.")
    await plays[1].signal("respond", at=EARLY, text="On it.")
    await plays[1].signal("step", at=LATE, text="Too late.")
    for play in plays:
        await until(partial(_is_late, play))

    async with serving(temporal_env.client, stage.world):
        await side_by_side(subtests, {end.__name__: end(play) for end, play in zip(ENDS, plays, strict=True)})
        for play in plays:
            count = Counter(event.body.type for event in stage.world.journal[play.id])
            assert {kind: count[kind] for kind in DEADLINES} == DEADLINES
        await stage.clear()
    assert not stage.world.faults


async def _is_late(play: Play) -> bool:
    return await play.stage.time.now(play.handle) > play.opened_at + LATE + SECOND
