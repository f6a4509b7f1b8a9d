"""An incident in time: the paging ladder, the updates and the review, each to the second."""

import asyncio
from datetime import timedelta

import pytest

from domain.core.enums import Priority
from tests.support.durations import DAY, HOUR, MINUTE, SECOND
from tests.support.incident_response import UPDATE, Response
from tests.support.stage import Stage, on_stage, play_all, serving
from tests.support.timeskipping import VirtualTime
from tests.support.waiting import until
from tests.support.world import World
from workflows import ports

WHOLE_LADDER = [(1, 1, "on-call"), (1, 2, "on-call"), (2, 1, "on-call-second"), (3, 1, "manager")]


async def unacknowledged_it_pages_again_then_the_next_level_then_the_manager(stage: Stage) -> None:
    response = Response(stage)
    await response.join("t1")
    await response.at(5 * MINUTE - SECOND)
    assert response.pages() == WHOLE_LADDER[:1]
    await response.at(25 * MINUTE)
    incident = await response.seen(lambda incident: all(page.state == "accepted" for page in incident.pages))
    await response.quiet()

    assert response.pages() == WHOLE_LADDER
    assert response.when("paged") == [0 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE]
    assert (response.when("unanswered"), incident.unanswered) == ([20 * MINUTE], True)
    called = [said.text for said in response.world.room if said.number == response.number and said.everyone]
    assert called == ["Everybody on the ladder was paged, and nobody has acknowledged."]
    await response.act("retry")
    await response.seen(lambda incident: len(incident.pages) == 5 and incident.pages[-1].state == "accepted")
    assert response.pages()[-1] == (1, 3, "on-call")


async def a_p1_has_fifteen_minutes_for_each_step(stage: Stage) -> None:
    response = Response(stage, priority=Priority.P1)
    await response.join("t1")
    await response.at(61 * MINUTE)
    await response.journalled()

    assert response.when("paged") == [0 * MINUTE, 15 * MINUTE, 30 * MINUTE, 45 * MINUTE]
    assert response.when("unanswered") == [HOUR]


async def acknowledged_nobody_else_is_paged_and_the_pager_hears_of_it(stage: Stage) -> None:
    response = Response(stage)
    await response.join("t1")
    await response.at(4 * MINUTE)
    await response.act("acknowledge")
    await response.at(14 * MINUTE)
    await response.quiet()

    assert response.pages() == WHOLE_LADDER[:1]
    assert [a.pages[0].dedup_key for a in response.world.acknowledged].count(response.key) == 1


async def an_acknowledgement_at_the_pager_counts_and_is_not_told_back(stage: Stage) -> None:
    response = Response(stage)
    await response.join("t1")
    await response.at(4 * MINUTE)
    fact = {"by": "PX1", "role": "integration"}
    await response.handle.signal("page_acknowledged", fact | {"id": "delivery-1"})
    await response.handle.signal("page_acknowledged", fact | {"id": "delivery-2"})
    await response.at(14 * MINUTE)
    incident = await response.quiet()

    assert (incident.state, len(response.when("acknowledged"))) == ("acknowledged", 1)
    assert response.pages() == WHOLE_LADDER[:1]
    assert response.key not in [a.pages[0].dedup_key for a in response.world.acknowledged]


async def a_page_on_its_way_does_not_outlive_the_incident(stage: Stage) -> None:
    response = Response(stage)
    held = response.world.held[f"page-{response.key}"] = asyncio.Event()
    await response.join("t1")
    await until(lambda: _true(response.world.attempts[ports.PAGE.name, response.key]))
    await response.act("cancel", reason="A false alarm.")
    await response.seen(lambda incident: incident.state == "cancelled")
    assert not [e for e in response.world.ended if e.pages[0].dedup_key == response.key]

    held.set()
    await response.handle.result()
    assert len(response.pages()) == 1
    assert [e for e in response.world.ended if e.pages[0].dedup_key == response.key]


async def a_page_that_waits_for_the_pager_is_withdrawn_when_somebody_has_it(stage: Stage) -> None:
    response = Response(stage)
    for activity in (ports.PAGE.name, ports.PAGE_ELSEWHERE.name):
        response.world.down[activity].add(response.key)
    await response.join("t1")
    await response.act("acknowledge")
    incident = await response.seen(lambda incident: not any(effect.page for effect in incident.pending_effects))
    for activity in (ports.PAGE.name, ports.PAGE_ELSEWHERE.name):
        response.world.down[activity].discard(response.key)
    await response.skip(10 * MINUTE)
    await response.quiet()

    assert [page.state for page in incident.pages] == ["withdrawn"]
    assert response.pages() == response.elsewhere() == []


async def a_late_update_reminds_the_commander_then_the_manager_hears_of_it(stage: Stage) -> None:
    response = Response(stage)
    await response.join("t1")
    await response.act("acknowledge")
    await response.at(26 * MINUTE)
    await response.journalled()
    assert response.when("update_missed") == [15 * MINUTE, 25 * MINUTE]
    posted = await response.act("update", **UPDATE)
    assert posted["did"] == ["update_posted"]
    incident = await response.see()
    due = incident.updates[0].at + 30 * MINUTE
    assert (incident.update_due, incident.update_missed) == (due, 0)
    assert incident.updates[0].text.endswith(f"Next update by {due:%Y-%m-%d %H:%M} UTC.")
    await response.at(due - incident.declared_at + SECOND)
    await response.journalled()
    assert len(response.when("update_missed")) == 3


async def a_review_is_due_in_business_days_and_reminded_until_it_is_done(stage: Stage) -> None:
    response = Response(stage)  # on Monday, 10:00 in Berlin
    await response.join("t1")
    await response.act("acknowledge")
    await response.act("resolve")
    incident = await response.at(3 * DAY + MINUTE)
    await response.journalled()
    assert incident.review_due is not None
    assert incident.resolved_at is not None
    assert incident.review_due - incident.resolved_at == 3 * DAY  # Thursday
    await response.at(7 * DAY + HOUR)
    await response.journalled()
    days = [when.days for when in response.when("review_due")]
    assert days == [3, 4, 7]  # Thursday, Friday, Monday
    await response.act("review_done", summary="Read the alert.")
    await response.handle.result()


async def raised_while_nobody_has_it_the_ladder_goes_on_at_the_new_pace(stage: Stage) -> None:
    response = Response(stage, priority=Priority.P1)
    await response.join("t1")
    await response.at(4 * MINUTE)
    await response.act("severity", priority="P0", reason="All sites.")
    await response.at(11 * MINUTE)
    await response.journalled()
    assert response.when("paged") == [0 * MINUTE, 5 * MINUTE, 10 * MINUTE]
    await response.act("acknowledge")
    await response.act("severity", priority="P1", reason="One site.")
    assert (await response.quiet()).priority is Priority.P1


SCENES = [
    unacknowledged_it_pages_again_then_the_next_level_then_the_manager,
    a_p1_has_fifteen_minutes_for_each_step,
    acknowledged_nobody_else_is_paged_and_the_pager_hears_of_it,
    an_acknowledgement_at_the_pager_counts_and_is_not_told_back,
    a_page_on_its_way_does_not_outlive_the_incident,
    a_page_that_waits_for_the_pager_is_withdrawn_when_somebody_has_it,
    a_late_update_reminds_the_commander_then_the_manager_hears_of_it,
    a_review_is_due_in_business_days_and_reminded_until_it_is_done,
    raised_while_nobody_has_it_the_ladder_goes_on_at_the_new_pace,
]


async def test_incidents_in_time(temporal_env: VirtualTime, subtests: pytest.Subtests) -> None:
    async with on_stage(temporal_env) as stage:
        await play_all(stage, subtests, SCENES)


@pytest.mark.parametrize(("received", "pages"), [(5 * MINUTE, 1), (5 * MINUTE + SECOND, 2)])
async def test_an_acknowledgement_races_the_next_level(
    temporal_env: VirtualTime, received: timedelta, pages: int
) -> None:
    """The worker is away when both fall due, and Temporal hands over messages before timers: what counts is when the
    acknowledgement was received."""
    stage = Stage(temporal_env, World())
    response = Response(stage)
    async with serving(temporal_env.client, stage.world, cached=0):
        await response.join("t1")
        await response.quiet()
    await response.skip(5 * MINUTE)  # no worker runs
    await until(lambda: _is_past(response, received))
    fact = {"by": "PX1", "role": "integration", "received": (response.declared_at + received).isoformat()}
    await response.handle.signal("page_acknowledged", fact)
    async with serving(temporal_env.client, stage.world, cached=0):
        incident = await response.seen(lambda incident: incident.state == "acknowledged")

    assert len(incident.pages) == pages
    await response.handle.terminate()


async def _is_past(response: Response, received: timedelta) -> bool:
    now = await response.stage.time.now(response.handle)
    return now > response.declared_at + received + SECOND


async def _true(value: object) -> bool:
    return bool(value)
