"""Tickets and incidents together: one outage, one incident; both directions of severity; the debt; who was wrong."""

import asyncio
from typing import Any

import pytest

from domain.core.enums import Tier, WaitsOn
from domain.incident.state import Incident
from tests.support.durations import MINUTE, SECOND
from tests.support.packages import T2_PACKAGE, T3_PACKAGE
from tests.support.stage import SATURDAY, Handle, Play, Stage, on_stage, play_all, refusal
from tests.support.timeskipping import VirtualTime
from tests.support.waiting import RPC_PATIENCE, until
from workflows import ports

pytestmark = pytest.mark.long

UPDATE = {"by": "cora", "status": "We found it.", "doing": "Rolling back."}
JOIN = ports.JOIN_INCIDENT.name


class JoinedIncident:
    """The incident that tickets of one area have opened."""

    def __init__(self, stage: Stage, number: int) -> None:
        self.key = f"incident-{number}"
        self.number = number
        self.world = stage.world
        self.handle: Handle = stage.client.get_workflow_handle(self.key)

    async def act(self, command: str, **fields: Any) -> Any:
        return await self.handle.execute_update(command, {"by": "ron"} | fields)

    async def seen(self, condition: Any) -> Incident:
        async def met() -> Incident | None:
            incident = await self.handle.query("incident", result_type=Incident, rpc_timeout=RPC_PATIENCE)
            return incident if condition(incident) else None

        seen: Incident = await until(met)
        return seen

    def pages(self) -> list[tuple[int, int]]:
        return [(page.level, page.round) for page in self.world.pages if page.dedup_key == self.key]


async def outage_of(play: Play) -> JoinedIncident:
    """The incident of a ticket, once it is part of one."""
    ticket = await play.seen(lambda ticket: ticket.incident and ticket.incident.open and not ticket.pending_effects)
    return JoinedIncident(play.stage, ticket.incident.number)


async def g6_a_standard_p0_on_saturday_at_three_pages_once_within_seconds(stage: Stage) -> None:
    play = await stage.open(at=SATURDAY, plan="standard", priority="P0", product_area="saturday")
    outage = await outage_of(play)
    incident = await outage.seen(lambda incident: incident.pages and incident.pages[0].state == "accepted")

    assert outage.pages() == [(1, 1)]
    (joined,) = incident.tickets
    assert (joined.ticket, joined.since - SATURDAY < 5 * SECOND) == (play.id, True)
    assert (await play.see()).waits_on is WaitsOn.INCIDENT
    await outage.act("cancel", reason="Enough.")


async def g6_a_guessed_p0_that_is_lowered_in_time_pages_nobody(stage: Stage) -> None:
    play = await stage.open(at=SATURDAY, plan="standard", priority="P0", priority_guessed=True, product_area="guessed")
    await play.at(4 * MINUTE)
    await play.send("prioritise", priority="P2", reason="One user only.")
    await play.at(6 * MINUTE)

    assert not stage.world.joins_of(play.id)
    assert not [page for page in stage.world.pages if play.id in page.tickets]


async def g6_a_p0_that_is_lowered_before_anybody_has_it_ends_its_incident(stage: Stage) -> None:
    play = await stage.open(plan="standard", priority="P0", product_area="lowered at once")
    outage = await outage_of(play)
    await play.send("prioritise", priority="P3", reason="A typing error.")
    end = await outage.handle.result()

    assert end["state"] == "cancelled"
    assert [e for e in stage.world.ended if e.pages[0].dedup_key == outage.key]
    ticket = await play.seen(lambda ticket: ticket.incident.state == "cancelled")
    assert (ticket.tier, ticket.assignee) == (Tier.T2, None)


async def g6_it_is_resolved_only_with_the_debt_of_every_ticket_paid(stage: Stage) -> None:
    first = await stage.open(plan="standard", priority="P0", product_area="debts")
    second = await stage.open(plan="premium", priority="P0", product_area="debts")
    outage = await outage_of(first)
    await outage_of(second)
    await outage.seen(lambda incident: len(incident.tickets) == 2)
    await outage.act("acknowledge")
    await first.send("fill", fields=T2_PACKAGE | T3_PACKAGE)
    await second.send("fill", fields=T2_PACKAGE)
    await outage.seen(lambda incident: list(incident.owing) == [second.id] and len(incident.owing[second.id]) == 4)
    refused = await refusal(outage.act("resolve"))
    assert (refused["code"], refused["missing"]) == ("missing_fields", [
        f"{second.id}.{field}"
        for field in ("bug_report", "business_impact", "workaround_status", "communication_plan")
    ])  # fmt: skip
    await second.send("fill", fields=T3_PACKAGE)
    await outage.seen(lambda incident: not incident.owing)
    await outage.act("resolve", comment="It was a full disk.")
    for play in (first, second):
        ticket = await play.seen(lambda ticket: ticket.incident.state == "resolved")
        assert ticket.tier is Tier.T2


async def an_update_comes_as_a_draft_and_goes_out_when_somebody_approves_it(stage: Stage) -> None:
    own_words = await stage.open(plan="standard", priority="P0", product_area="drafts")
    waiting = await stage.open(plan="standard", priority="P0", product_area="drafts")
    outage = await outage_of(own_words)
    await outage_of(waiting)
    await outage.act("communications", to="cora")
    await outage.act("update", **UPDATE)
    for play in (own_words, waiting):
        await play.seen(lambda ticket: ticket.incident.draft == 1)
    assert "responded" not in [event.body.type for event in await waiting.journalled()]
    await own_words.send("respond", text="In my own words.")
    await outage.act("approve", by="cora")
    await waiting.seen(lambda ticket: ticket.incident.draft is None and ticket.incident.version == 3)
    await own_words.seen(lambda ticket: ticket.incident.version == 3)

    (sent,) = [event for event in await waiting.journalled("responded") if event.body.type == "responded"]
    assert (sent.actor.id, sent.texts["text"].startswith("We found it.")) == ("cora", True)
    (said,) = [event for event in await own_words.journalled() if event.body.type == "responded"]
    assert said.texts["text"] == "In my own words."
    await outage.act("cancel", reason="Enough.")


async def a_wrong_join_goes_back_to_its_agent_or_opens_an_incident_of_its_own(stage: Stage) -> None:
    plays = [await stage.open(plan="standard", priority="P0", product_area="mixed") for _ in range(3)]
    right, back, own = plays
    outage = await outage_of(right)
    for play in (back, own):
        await outage_of(play)
    await outage.seen(lambda incident: len(incident.tickets) == 3)
    await outage.act("leave", ticket=back.id, reason="A setting of theirs.")
    await outage.act("leave", ticket=own.id, own=True, reason="Another disk.")

    returned = await back.seen(lambda ticket: ticket.incident.state == "left")
    assert (returned.tier, returned.waits_on) == (Tier.T2, WaitsOn.AGENT)
    apart = await own.seen(lambda ticket: ticket.incident.number != outage.number and not ticket.pending_effects)
    other = JoinedIncident(stage, apart.incident.number)
    await other.seen(lambda incident: [joined.ticket for joined in incident.tickets] == [own.id])
    for each in (other, outage):
        await each.seen(lambda incident: [page.state for page in incident.pages] == ["accepted"])
    assert other.pages() == outage.pages() == [(1, 1)]
    await outage.act("resolve") if not (await outage.seen(lambda _: True)).owing else None
    await outage.act("cancel", reason="Enough.")
    await right.seen(lambda ticket: ticket.incident.state == "cancelled")
    assert (await own.see()).incident.open


async def g5_lowered_it_keeps_its_incident_and_may_get_a_bug(stage: Stage) -> None:
    play = await stage.open(plan="standard", priority="P0", product_area="lowered later")
    outage = await outage_of(play)
    await outage.act("acknowledge")
    await play.send("prioritise", priority="P2", reason="A workaround is there.")
    await play.send("escalate", to="T3", fields=T2_PACKAGE | T3_PACKAGE)
    ticket = await play.seen(lambda ticket: ticket.issue and not ticket.pending_effects)

    assert ticket.incident.number == outage.number
    incident = await outage.seen(lambda incident: incident.tickets[0].issue_key == ticket.issue.key)
    assert incident.state == "acknowledged"
    await until(lambda: _linked(stage, outage, ticket.issue.key))
    await outage.act("resolve")
    ticket = await play.seen(lambda ticket: ticket.incident.state == "resolved")
    assert (ticket.tier, ticket.waits_on) == (Tier.T3, WaitsOn.ENGINEERING)


async def g5_a_p2_with_a_bug_that_is_raised_gets_an_incident_that_links_it(stage: Stage) -> None:
    play = await stage.open(plan="enterprise", priority="P2", product_area="raised")
    await play.send("escalate", to="T3", fields=T2_PACKAGE | T3_PACKAGE)
    bug = (await play.seen(lambda ticket: ticket.issue)).issue.key
    await play.send("prioritise", priority="P1", reason="The whole office.")
    outage = await outage_of(play)
    incident = await outage.seen(lambda incident: incident.issue_key)

    assert (incident.priority, incident.tickets[0].issue_key) == ("P1", bug)
    (made,) = [x for x in stage.world.incident_issues.values() if x.number == outage.number]
    assert made.links == (bug,)
    await play.send("prioritise", priority="P0", reason="Everybody.")
    await outage.seen(lambda incident: incident.priority == "P0")
    await outage.act("cancel", reason="Enough.")


async def somebody_is_paged_while_no_incident_can_be_opened_and_the_incident_takes_it_over(stage: Stage) -> None:
    """The database is down: one page for all tickets of the area, however many there are."""
    plays = [await stage.open(priority="P2", product_area="No Database") for _ in range(3)]
    key = "area-no-database"
    for play in plays:
        stage.world.database_down.add(play.id)
        await play.send("prioritise", priority="P0", reason="Everything is down.")
        await until(lambda play=play: _true(stage.world.attempts[ports.PAGE_AREA.name, play.id]))  # type: ignore[misc]
        await until(lambda: _true(_pages_of(stage, key)))
    assert _pages_of(stage, key) == 1
    for play in plays:
        stage.world.database_down.discard(play.id)
        await play.skip(20 * MINUTE)
    outage = await outage_of(plays[0])
    await outage_of(plays[1])
    incident = await outage.seen(lambda incident: len(incident.tickets) == 3)

    assert (incident.pages[0].dedup_key, incident.steps_paged, outage.pages()) == (key, 1, [])
    await outage.act("cancel", reason="Enough.")
    await outage.handle.result()
    assert [page.dedup_key for e in stage.world.ended for page in e.pages if page.dedup_key == key] == [key]


async def joining_that_is_only_slow_pages_nobody_and_silence_for_minutes_pages_once(stage: Stage) -> None:
    """G6: what does not answer for a while may be a queue, or a worker that is started again; a P0 is never lost."""
    plays = [await stage.open(priority="P2", product_area=area) for area in ("Slow", "Silent", "Silent")]
    slow, *silent = plays
    for play in plays:
        stage.world.down[JOIN].add(play.id)
        await play.send("prioritise", priority="P0", reason="Everything is down.")
        await until(lambda play=play: _true(stage.world.attempts[JOIN, play.id]))  # type: ignore[misc]
    await slow.skip(MINUTE)
    stage.world.down[JOIN].discard(slow.id)
    await slow.skip(3 * MINUTE)
    outage = await outage_of(slow)
    for play in silent:
        await play.skip(10 * MINUTE)
        await until(lambda play=play: _true(stage.world.attempts[ports.PAGE_AREA.name, play.id]))  # type: ignore[misc]
    await until(lambda: _true(_pages_of(stage, "area-silent")))

    assert (_pages_of(stage, "area-slow"), outage.pages()) == (0, [(1, 1)])
    assert _pages_of(stage, "area-silent") == 1
    await outage.act("cancel", reason="Enough.")


async def the_page_of_an_area_is_tried_until_a_channel_takes_it(stage: Stage) -> None:
    play = await stage.open(priority="P2", product_area="Unreached")
    key = "area-unreached"
    stage.world.database_down.add(play.id)
    stage.world.refuses_all[key] = {ports.PAGE.name: "No.", ports.PAGE_ELSEWHERE.name: "No."}
    await play.send("prioritise", priority="P0", reason="Everything is down.")
    await until(lambda: _true(stage.world.attempts[ports.PAGE_ELSEWHERE.name, key]))
    del stage.world.refuses_all[key]
    page = stage.client.get_workflow_handle(key)
    await stage.time.advance_to(page, (await page.describe()).start_time + MINUTE)
    await until(lambda: _true(_pages_of(stage, key)))


async def forty_tickets_are_one_incident_with_one_page_for_each_level(stage: Stage) -> None:
    plays = await asyncio.gather(
        *(stage.open(plan="standard", priority="P0", product_area="outage") for _ in range(40))
    )
    outage = await outage_of(plays[0])
    first, run = plays[0], (await plays[0].handle.describe()).run_id
    begun = (await outage.handle.describe()).run_id
    await outage.handle.signal("renew")
    await first.handle.signal("renew")
    for play in plays:
        await outage_of(play)
    incident = await outage.seen(lambda incident: len(incident.tickets) == 40)
    await stage.time.advance_to(outage.handle, incident.declared_at + 6 * MINUTE)
    await until(lambda: _true(len(outage.pages()) == 2))
    await outage.handle.signal("renew")
    await until(lambda: _is_another_run(outage.handle, begun))
    await until(lambda: _is_another_run(first.handle, run))
    await outage.act("acknowledge", comment="All hands.")
    for play in plays:
        await play.seen(lambda ticket: ticket.incident.state == "acknowledged")

    assert outage.pages() == [(1, 1), (1, 2)]
    assert len({play.id for play in plays}) == 40
    await outage.act("cancel", reason="Enough.")
    await outage.handle.result()
    heard = [event for play in plays for event in await play.journalled() if event.body.type == "incident_changed"]
    assert sorted(event.body.version for event in heard) == [1] * 40 + [2] * 40 + [3] * 40


async def _linked(stage: Stage, outage: JoinedIncident, bug: str) -> bool:
    return any(note.number == outage.number and bug in note.links for note in stage.world.notes)


async def _is_another_run(handle: Handle, run: str | None) -> bool:
    return (await handle.describe()).run_id != run


def _pages_of(stage: Stage, key: str) -> int:
    return sum(page.dedup_key == key for page in stage.world.pages)


async def _true(value: object) -> bool:
    return bool(value)


def meet(stage: Stage) -> None:
    """Let tickets and incidents reach each other."""
    stage.world.client = stage.client


SCENES = [
    g6_a_standard_p0_on_saturday_at_three_pages_once_within_seconds,
    g6_a_guessed_p0_that_is_lowered_in_time_pages_nobody,
    g6_a_p0_that_is_lowered_before_anybody_has_it_ends_its_incident,
    g6_it_is_resolved_only_with_the_debt_of_every_ticket_paid,
    an_update_comes_as_a_draft_and_goes_out_when_somebody_approves_it,
    a_wrong_join_goes_back_to_its_agent_or_opens_an_incident_of_its_own,
    g5_lowered_it_keeps_its_incident_and_may_get_a_bug,
    g5_a_p2_with_a_bug_that_is_raised_gets_an_incident_that_links_it,
    somebody_is_paged_while_no_incident_can_be_opened_and_the_incident_takes_it_over,
    joining_that_is_only_slow_pages_nobody_and_silence_for_minutes_pages_once,
    the_page_of_an_area_is_tried_until_a_channel_takes_it,
    forty_tickets_are_one_incident_with_one_page_for_each_level,
]


async def test_tickets_and_incidents(temporal_env: VirtualTime, subtests: pytest.Subtests) -> None:
    async with on_stage(temporal_env) as stage:
        meet(stage)
        await play_all(stage, subtests, SCENES)
