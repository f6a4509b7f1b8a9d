"""An incident's life: many tickets, every change told once and in order, and nothing that fails in anybody's way."""

import asyncio
from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowUpdateFailedError

from tests.support.durations import HOUR, MINUTE, SECOND
from tests.support.incident_response import UPDATE, Response
from tests.support.stage import Stage, on_stage, play_all
from tests.support.timeskipping import VirtualTime
from tests.support.waiting import until
from workflows import ports
from workflows import search_attributes as sa

pytestmark = pytest.mark.long

PAGE, ELSEWHERE, ROOM = ports.PAGE.name, ports.PAGE_ELSEWHERE.name, ports.POST_TO_ROOM.name
JOURNAL, ISSUE = ports.RECORD_INCIDENT.name, ports.MAKE_INCIDENT_ISSUE.name


async def many_tickets_join_and_one_page_goes_out(stage: Stage) -> None:
    response = Response(stage)
    await asyncio.gather(*(response.join(f"t{number}") for number in range(12)))
    incident = await response.seen(
        lambda i: len(i.tickets) == 12 and all(ticket.notified_up_to for ticket in i.tickets)
    )

    await response.join("t3")  # an effect that was carried out twice

    assert len((await response.quiet()).tickets) == 12
    assert response.pages() == [(1, 1, "on-call")]
    page = next(page for page in response.world.pages if page.dedup_key == response.key)
    assert (page.severity, page.summary) == ("critical", f"P0 in API: {response.key}")
    assert {joined.ticket: response.told(joined.ticket) for joined in incident.tickets} == {
        f"t{number}": [(1, "declared")] for number in range(12)
    }


async def tickets_that_join_in_one_signal_join_each_in_their_order(stage: Stage) -> None:
    response = Response(stage)
    await response.join("t1", "t2", "t3")  # with the start
    await response.quiet()
    await response.join("t4", "t2", "t5")  # while it runs
    incident = await response.quiet()

    assert [joined.ticket for joined in incident.tickets] == ["t1", "t2", "t3", "t4", "t5"]
    assert response.pages() == [(1, 1, "on-call")]
    assert {ticket: response.told(ticket) for ticket in ("t1", "t2", "t5")} == {
        ticket: [(1, "declared")] for ticket in ("t1", "t2", "t5")
    }
    joined = [event.body.ticket for event in response.events() if event.body.type == "ticket_joined"]
    assert joined == ["t1", "t2", "t3", "t4", "t5"]


async def every_change_is_told_once_in_order_and_who_joins_late_hears_where_it_stands(stage: Stage) -> None:
    response = Response(stage)
    await response.join("first")
    await response.quiet()
    await response.act("acknowledge")
    await response.act("mitigate", comment="Traffic is on the other site.")
    await response.quiet()
    before = len(response.tellings())

    await response.join("late")
    await response.quiet()

    assert response.told("first") == [(1, "declared"), (2, "acknowledged"), (3, "mitigated")]
    assert response.told("late") == [(3, "mitigated")]
    assert [telling.tickets for telling in response.tellings()[before:]] == [("late",)]
    assert response.tellings()[before - 1].fact.comment == "Traffic is on the other site."


async def one_text_goes_to_the_room_the_issue_and_every_ticket_as_a_draft(stage: Stage) -> None:
    response = Response(stage)
    await asyncio.gather(response.join("t1"), response.join("t2"))
    await response.quiet()
    await response.act("update", **UPDATE)
    incident = await response.quiet()

    text = incident.updates[0].text
    assert text.splitlines()[:4] == [
        "We found it.", "Impact: No exports.", "What is being done: Rolling back.", "Workaround: None.",
    ]  # fmt: skip
    (telling,) = [telling for telling in response.tellings() if telling.fact.update == 1]
    assert (telling.fact.draft, telling.fact.approved_by, set(telling.tickets)) == (text, None, {"t1", "t2"})
    assert any(text in said for said in response.room())
    (note,) = [note for note in response.world.notes if note.number == response.number]
    assert (note.key, text in note.text) == (incident.issue_key, True)


async def an_update_reaches_customers_only_with_the_word_of_somebody_who_leads(stage: Stage) -> None:
    response = Response(stage)
    await response.join("t1")
    await response.act("update", **UPDATE)
    assert (await response.refused("approve"))["code"] == "not_allowed"
    await response.act("communications", to="cora")
    await response.act("approve", by="cora")
    await response.quiet()

    assert [t.fact.approved_by for t in response.tellings() if t.fact.update == 1] == [None, "cora"]
    assert (await response.refused("approve", by="cora"))["code"] == "does_not_fit"
    late = Response(stage)
    await late.join("t1")
    await late.act("update", **UPDATE)
    await late.act("approve", by="lea", role="lead")
    await late.quiet()
    await late.join("t2")
    await late.quiet()
    (welcome,) = [telling.fact for telling in late.tellings() if "t2" in telling.tickets]
    assert (welcome.update, welcome.approved_by) == (1, None)  # a draft again: its customer was not meant


async def resolve_ends_the_page_closes_the_row_and_a_review_is_due(stage: Stage) -> None:
    response = Response(stage)
    await response.join("t1")
    await response.quiet()
    assert (await response.act("resolve", comment="It was DNS."))["state"] == "resolved"
    incident = await response.quiet()

    assert response.told("t1") == [(1, "declared"), (2, "resolved")]
    (ended,) = [e for e in response.world.ended if e.pages[0].dedup_key == response.key]
    assert [(page.level, page.round) for page in ended.pages] == [(1, 1)]
    assert [row.number for row in response.world.closed if row.number == response.number] == [response.number]
    kinds = [x.kind for x in response.world.incident_issues.values() if x.number == response.number]
    assert kinds == ["incident", "review"]
    known = (await response.handle.describe()).typed_search_attributes
    assert (known[sa.STATUS], known[sa.WAITS_ON], known[sa.SLA_DEADLINE]) == ("resolved", "review", incident.review_due)
    assert known[sa.REFS] == [response.key, incident.issue_key, incident.review_key]

    await response.act("action", text="Alert on it.", owner="eva")
    await response.act("review_done", summary="We know now.")
    end = await response.handle.result()
    assert end["state"] == "reviewed"
    action = [x for x in response.world.incident_issues.values() if x.number == response.number][-1]
    assert (action.kind, action.links) == ("action", (incident.review_key,))


async def who_joins_while_it_ends_is_told_as_well(stage: Stage) -> None:
    response = Response(stage)
    await response.join("t1")
    await response.quiet()
    response.world.held[f"close-{response.number}"] = asyncio.Event()
    await response.act("cancel", reason="A test of ours.")
    await until(lambda: _true(any(row.number == response.number for row in response.world.closed)))
    await response.join("late")
    await response.seen(lambda incident: len(incident.tickets) == 2)

    response.world.held.pop(f"close-{response.number}").set()
    await response.handle.result()

    assert response.told("late") == [(2, "cancelled")]


async def a_wrong_join_is_undone_and_nobody_else_hears_of_it(stage: Stage) -> None:
    response = Response(stage)
    await asyncio.gather(response.join("right"), response.join("wrong"))
    await response.quiet()
    await response.act("leave", ticket="wrong", reason="Another product.")
    await response.quiet()
    await response.join("wrong")  # the effect that joined it, carried out late
    await response.act("mitigate")
    incident = await response.quiet()

    assert [joined.ticket for joined in incident.tickets] == ["right"]
    assert response.told("wrong") == [(1, "declared"), (2, "back")]
    assert response.told("right") == [(1, "declared"), (3, "mitigated")]
    await response.act("join", ticket="wrong")
    await response.quiet()
    assert response.told("wrong")[-1] == (3, "mitigated")
    assert response.tellings()[-1].fact.added


async def what_does_not_fit_is_refused_and_leaves_no_history(stage: Stage) -> None:
    response = Response(stage)
    await response.join("t1")
    await response.act("mitigate")
    refused = await response.refused("acknowledge")
    assert (refused["code"], "resolve" in refused["would_fit"]) == ("does_not_fit", True)
    assert (await response.refused("update"))["missing"] == ["status"]
    assert (await response.refused("resolve", role="customer"))["code"] == "not_allowed"
    for args in ((), ([],), ("x",), ({"comment": "x" * 20_001},), ({"colour": 1},), ({}, {})):
        with pytest.raises(WorkflowUpdateFailedError):
            await response.handle.execute_update("resolve", args=args)

    history = (await response.handle.fetch_history()).events
    accepted = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
    assert sum(event.event_type == accepted for event in history) == 1
    assert (await response.quiet()).state == "mitigated"


async def a_command_that_is_sent_again_gets_its_first_answer(stage: Stage) -> None:
    response = Response(stage)
    await response.join("t1")
    first = await response.act("acknowledge", id="ack-1")
    await response.act("mitigate")

    assert await response.act("acknowledge", id="ack-1") == first


async def a_signal_that_cannot_be_read_stands_on_the_timeline_and_changes_nothing(stage: Stage) -> None:
    response = Response(stage)
    await response.join("t1")
    for args in ((), ({},), ("t2",), ({"ticket": "t2"}, {}), (b"\x00",)):
        await response.handle.signal("ticket_joined", args=args)
    await response.handle.signal("unheard_of", {})
    incident = await response.quiet()

    assert [joined.ticket for joined in incident.tickets] == ["t1"]
    assert len(response.when("message_refused")) == 6


async def of_a_list_of_facts_what_cannot_be_read_stands_on_the_timeline_and_the_rest_is_done(stage: Stage) -> None:
    response = Response(stage)
    await response.join("t1")
    good = {"do": "ticket_joined", "by": "ticket-t2", "role": "system", "ticket": "t2", "priority": "P0"}
    good |= {"effect_key": "ticket-t2:incident:2", "since": response.declared_at.isoformat()}
    await response.handle.signal("facts", [{"do": "acknowledge", "by": "eve"}, "t3", {"do": "ticket_joined"}, good])
    for args in ((), ({},), ([], [])):
        await response.handle.signal("facts", args=args)
    incident = await response.quiet()

    assert [joined.ticket for joined in incident.tickets] == ["t1", "t2"]
    assert incident.state == "declared"  # a command of people comes by no list
    assert len(response.when("message_refused")) == 6


async def a_pager_that_is_down_falls_over_to_the_second_channel_within_a_minute(stage: Stage) -> None:
    response = Response(stage)
    response.world.down[PAGE].add(response.key)
    await response.join("t1")
    await response.skip(MINUTE)
    incident = await response.seen(lambda incident: incident.pages and incident.pages[0].state == "elsewhere")
    await response.seen(lambda _: response.when("effect_failed") and response.told("t1"))

    assert response.elsewhere() == [(1, 1, "on-call")]
    assert response.when("effect_failed")[0] <= MINUTE
    assert response.told("t1") == [(1, "declared")]
    response.world.down[PAGE].discard(response.key)
    await response.at(6 * MINUTE)
    await response.seen(lambda incident: incident.pages[-1].state == "accepted")
    assert response.pages() == [(1, 2, "on-call")]
    assert incident.degraded == ()


async def what_fails_is_shown_with_a_retry_and_stops_nobody(stage: Stage) -> None:
    response = Response(stage)
    response.world.refuses_all[response.key] = {PAGE: "no such routing key", ELSEWHERE: "no such room"}
    await response.join("t1")
    failed = await response.seen(lambda incident: any(effect.failed for effect in incident.pending_effects))

    assert [effect.kind for effect in failed.degraded] == ["page_elsewhere"]
    known = (await response.handle.describe()).typed_search_attributes
    assert known[sa.WAITS_ON] == "pager"
    failures = [event for event in await response.journalled() if event.body.type == "effect_failed"]
    assert [event.texts["reason"] for event in failures] == ["no such routing key", "no such room"]
    response.world.refuses_all.pop(response.key)
    await response.act("retry")
    await response.quiet()
    assert response.pages() == [(1, 1, "on-call")]
    assert response.told("t1") == [(1, "declared")]


async def an_outstanding_effect_is_shown_as_degraded_after_ten_minutes(stage: Stage) -> None:
    response = Response(stage)
    response.world.down[ISSUE].add(response.key)
    response.world.pause[response.key] = HOUR
    await response.join("t1")
    await response.act("acknowledge")
    await response.at(10 * MINUTE + SECOND)
    incident = await response.seen(lambda incident: incident.degraded)

    assert incident.degraded[0].kind == "issue"
    await response.journalled()
    assert response.when("effect_overdue")[0] == 10 * MINUTE
    response.world.down[ISSUE].discard(response.key)
    await response.skip(HOUR + MINUTE)
    incident = await response.quiet()
    assert (incident.degraded, incident.issue_key is not None) == ((), True)
    assert [note.key for note in response.world.notes if note.number == response.number] == [incident.issue_key]


async def pages_go_on_while_the_journal_is_down(stage: Stage) -> None:
    response = Response(stage)
    response.world.down[JOURNAL].add(response.key)
    response.world.pause[response.key] = HOUR
    await response.join("t1")
    await response.at(5 * MINUTE)
    await response.seen(lambda incident: len(incident.pages) == 2 and incident.pages[1].state == "accepted")

    assert response.pages() == [(1, 1, "on-call"), (1, 2, "on-call")]
    assert response.events() == []
    response.world.down[JOURNAL].discard(response.key)
    await response.act("acknowledge")
    await response.skip(HOUR + MINUTE)
    await response.seen(lambda incident: not incident.pending_effects and len(response.events()) == incident.seq)


async def how_long_nobody_was_there_to_tell_tickets_is_no_reason_not_to_tell_them(stage: Stage) -> None:
    """Tries are counted, each of which somebody began: a bound on the time would pass while every worker is away."""
    response = Response(stage)
    await response.join("t1")
    await response.quiet()
    scheduled = [
        event.activity_task_scheduled_event_attributes for event in (await response.handle.fetch_history()).events
    ]
    (telling,) = [one for one in scheduled if one.activity_type.name == ports.NOTIFY_TICKETS.name]
    assert telling.schedule_to_close_timeout.ToTimedelta() == timedelta(0)
    assert telling.retry_policy.maximum_attempts == 6


async def a_ticket_that_cannot_be_told_keeps_nobody_from_hearing_and_hears_later_where_it_stands(stage: Stage) -> None:
    response = Response(stage)
    await response.join("t1")
    await response.act("acknowledge")
    await response.quiet()
    response.world.down[ports.NOTIFY_TICKETS.name].add(response.key)
    await response.join("gone")
    await response.skip(MINUTE)
    await response.seen(lambda incident: incident.behind)
    response.world.down[ports.NOTIFY_TICKETS.name].discard(response.key)
    await response.join("t2")
    await response.act("mitigate")
    await response.skip(3 * MINUTE)
    await response.quiet()

    assert response.told("t2")[-1] == (3, "mitigated")
    assert response.told("gone") == [(2, "acknowledged"), (3, "mitigated")]
    told = [event.body for event in response.events() if event.body.type == "told" and "gone" in event.body.tickets]
    assert (told[0].tickets, told[0].missed) == (("gone",), ("gone",))


async def ops_see_what_it_waits_on(stage: Stage) -> None:
    response = Response(stage, area="")
    await response.join("t1")
    incident = await response.quiet()
    known = (await response.handle.describe()).typed_search_attributes

    assert (known[sa.STATUS], known[sa.PRIORITY], known[sa.ASSIGNEE]) == ("declared", "P0", "on-call")
    assert (known[sa.WAITS_ON], known[sa.SLA_DEADLINE]) == ("responders", incident.declared_at + 15 * MINUTE)
    assert response.world.pages[-1].summary.startswith("P0 in ")
    await response.handle.terminate()


async def a_drill_asks_for_everything_and_says_so_and_takes_no_ticket(stage: Stage) -> None:
    response = Response(stage, drill=True)
    await response.join("t1")
    refused = await response.refused("join", ticket="t2")
    assert (refused["code"], "the incident is a drill" in refused["message"]) == ("does_not_fit", True)
    await response.act("acknowledge")
    await response.act("cancel", reason="The drill is over.")
    await response.handle.result()

    assert len(response.when("message_refused")) == 1
    assert response.tellings() == []
    asked = [*response.world.pages, *response.world.room, *response.world.incident_issues.values()]
    ours = [x for x in asked if getattr(x, "number", None) == response.number or response.key in str(x)]
    assert len(ours) >= 4
    assert all(getattr(x, "drill", False) for x in ours)


async def _true(value: bool) -> bool:
    return value


SCENES = [
    many_tickets_join_and_one_page_goes_out,
    tickets_that_join_in_one_signal_join_each_in_their_order,
    every_change_is_told_once_in_order_and_who_joins_late_hears_where_it_stands,
    one_text_goes_to_the_room_the_issue_and_every_ticket_as_a_draft,
    an_update_reaches_customers_only_with_the_word_of_somebody_who_leads,
    resolve_ends_the_page_closes_the_row_and_a_review_is_due,
    who_joins_while_it_ends_is_told_as_well,
    a_wrong_join_is_undone_and_nobody_else_hears_of_it,
    what_does_not_fit_is_refused_and_leaves_no_history,
    a_command_that_is_sent_again_gets_its_first_answer,
    a_signal_that_cannot_be_read_stands_on_the_timeline_and_changes_nothing,
    of_a_list_of_facts_what_cannot_be_read_stands_on_the_timeline_and_the_rest_is_done,
    a_pager_that_is_down_falls_over_to_the_second_channel_within_a_minute,
    what_fails_is_shown_with_a_retry_and_stops_nobody,
    an_outstanding_effect_is_shown_as_degraded_after_ten_minutes,
    pages_go_on_while_the_journal_is_down,
    how_long_nobody_was_there_to_tell_tickets_is_no_reason_not_to_tell_them,
    a_ticket_that_cannot_be_told_keeps_nobody_from_hearing_and_hears_later_where_it_stands,
    ops_see_what_it_waits_on,
    a_drill_asks_for_everything_and_says_so_and_takes_no_ticket,
]


REPLAYED = [
    tickets_that_join_in_one_signal_join_each_in_their_order,
    one_text_goes_to_the_room_the_issue_and_every_ticket_as_a_draft,
    resolve_ends_the_page_closes_the_row_and_a_review_is_due,
    a_wrong_join_is_undone_and_nobody_else_hears_of_it,
    a_pager_that_is_down_falls_over_to_the_second_channel_within_a_minute,
]


async def test_incidents(temporal_env: VirtualTime, subtests: pytest.Subtests) -> None:
    async with on_stage(temporal_env) as stage:
        await play_all(stage, subtests, SCENES)


async def test_incidents_replayed_with_every_task(temporal_env: VirtualTime, subtests: pytest.Subtests) -> None:
    """With no cache every workflow task replays the whole history: what is not deterministic shows."""
    async with on_stage(temporal_env, cached=0) as stage:
        await play_all(stage, subtests, REPLAYED)
