"""Effects never block a ticket: whoever is down, agents work, clocks run, and nothing is lost or done twice."""

import asyncio

import pytest
from temporalio.client import WorkflowFailureError

from domain.core.enums import Tier, WaitsOn
from tests.support.durations import DAY, HOUR, MINUTE
from tests.support.packages import T2_GATE, T2_PACKAGE
from tests.support.stage import JIRA, JOIN, JOURNAL, Play, Stage, on_stage, play_all, to_engineering
from tests.support.timeskipping import VirtualTime
from tests.support.waiting import PATIENCE, until
from tests.support.world import RETRY_AFTER
from workflows import ports
from workflows.ticket.effects import TicketEffectRunner

COMMENT = ports.COMMENT_ISSUE.name
ALERT = 10 * MINUTE


async def f5_jira_is_down_for_a_day(stage: Stage) -> None:
    play = await stage.open()
    stage.world.down[JIRA].add(play.id)
    stage.world.pause[play.id] = RETRY_AFTER
    await play.at(5 * MINUTE)
    await to_engineering(play, at=5 * MINUTE)

    await play.at(DAY)

    seen = await play.see()
    assert (seen.waits_on, seen.waits_since) == (WaitsOn.TRACKER, play.opened_at + 5 * MINUTE)
    assert await play.timeline("effect_overdue", "effect_failed") == [("effect_overdue", 5 * MINUTE + ALERT)]
    assert ("lapsed", HOUR) in await play.timeline("lapsed")
    assert (await play.send("respond", text="It takes long."))["did"] == ["responded", "clock_met"]

    stage.world.down[JIRA].discard(play.id)
    await play.at(DAY + 2 * RETRY_AFTER)
    linked = await play.seen(lambda ticket: ticket.issue)

    assert (linked.waits_on, linked.pending_effects) == (WaitsOn.ENGINEERING, ())
    assert len(stage.world.issues_of(play.id)) == 1
    assert len(await play.timeline("effect_overdue", "effect_done")) == 2


async def f5_temporal_gives_up_before_the_ten_minutes_are_over_and_ops_are_told_at_ten(stage: Stage) -> None:
    """It does so at eight, since the next attempt would come too late: nobody refused anything by that."""
    play = await stage.open()
    stage.world.down[JIRA].add(play.id)
    stage.world.pause[play.id] = 4 * MINUTE
    await to_engineering(play, at=0 * MINUTE)

    await play.at(ALERT + MINUTE)

    assert await play.timeline("effect_overdue", "effect_failed") == [("effect_overdue", ALERT)]
    assert (await play.see()).waits_on is WaitsOn.TRACKER
    stage.world.down[JIRA].discard(play.id)
    await play.at(ALERT + 6 * MINUTE)
    await play.seen(lambda ticket: ticket.issue)
    assert len(stage.world.issues_of(play.id)) == 1


async def f5_an_attempt_that_hangs_is_overdue_and_its_late_answer_makes_no_second_link(stage: Stage) -> None:
    play = await stage.open(speed=200)  # ten minutes are three seconds
    stage.world.held[play.id] = asyncio.Event()
    await to_engineering(play)

    overdue = await play.seen(lambda ticket: ticket.pending_effects[0].alerted)
    assert overdue.waits_on is WaitsOn.TRACKER
    await until(lambda: _tried(play, JIRA, 2))
    stage.world.held.pop(play.id).set()
    await play.seen(lambda ticket: ticket.issue)

    assert len(stage.world.issues_of(play.id)) == 1
    assert [kind for kind, _ in await play.timeline("effect_overdue", "effect_done", "effect_failed")] == [
        "effect_overdue",
        "effect_done",
    ]


async def what_jira_refuses_waits_for_a_person_and_a_retry_goes_under_the_same_key(stage: Stage) -> None:
    play = await stage.open()
    stage.world.refuses[play.id] = "components: is required"
    assert (await play.refused("retry"))["code"] == "does_not_fit"
    key = await to_engineering(play)

    failed = await play.seen(lambda ticket: ticket.pending_effects and ticket.pending_effects[0].failed)
    assert failed.waits_on is WaitsOn.AGENT
    refused = (await play.journalled("effect_failed"))[-1]
    assert refused.texts == {"reason": "components: is required"}
    await play.at(HOUR)
    assert stage.world.attempts[JIRA, play.id] == 1
    await play.send("retry")  # and it is refused again
    await until(lambda: _tried(play, JIRA, 2))
    await play.seen(lambda ticket: ticket.pending_effects[0].failed)

    del stage.world.refuses[play.id]
    await play.send("retry")
    await play.seen(lambda ticket: ticket.issue)

    assert [issue.effect_key for issue in stage.world.issues_of(play.id)] == [key]
    timeline = await play.timeline("effect_failed", "effect_retried", "effect_done", "effect_overdue")
    assert [kind for kind, _ in timeline] == [
        "effect_failed", "effect_retried", "effect_failed", "effect_retried", "effect_done",
    ]  # fmt: skip


async def the_journal_is_down_for_hours_and_then_has_everything_once_and_in_order(stage: Stage) -> None:
    play = await stage.open()
    stage.world.down[JOURNAL].add(play.id)
    stage.world.pause[play.id] = RETRY_AFTER
    await play.send("take")
    await play.send("escalate", fields=T2_PACKAGE)
    for hour in range(1, 5):
        await play.at(hour * HOUR)
        assert (await play.send("note", text=f"Hour {hour}."))["did"][-1] == "noted"
    assert stage.world.attempts[JOURNAL, play.id] >= 1

    stage.world.down[JOURNAL].discard(play.id)
    await play.at(4 * HOUR + RETRY_AFTER)

    journal = await play.journalled("noted")
    assert [event.seq for event in journal] == list(range(1, len(journal) + 1))
    notes = [event for event in journal if event.body.type == "noted"]
    assert [event.texts["text"] for event in notes] == [f"Hour {hour}." for hour in range(1, 5)]
    assert next(event.at for event in journal if event.body.type == "lapsed") == play.opened_at + HOUR


async def f5_jira_is_kept_waiting_by_the_journal_and_ops_are_told_of_it(stage: Stage) -> None:
    play = await stage.open()
    await play.journalled()
    stage.world.down[JOURNAL].add(play.id)
    stage.world.pause[play.id] = RETRY_AFTER
    await to_engineering(play, at=1 * MINUTE)  # the taking is being journalled, and does not get through

    await play.at(30 * MINUTE)

    seen = await play.see()
    assert seen.pending_effects[0].alerted
    assert stage.world.attempts[JIRA, play.id] == 0
    stage.world.down[JOURNAL].discard(play.id)
    await play.at(30 * MINUTE + RETRY_AFTER)
    await play.seen(lambda ticket: ticket.issue)
    [(_, overdue)] = await play.timeline("effect_overdue")
    assert overdue == (seen.pending_effects[0].since - play.opened_at) + ALERT


async def texts_that_would_burst_a_payload_are_journalled_in_several_goes(stage: Stage) -> None:
    play = await stage.open()
    stage.world.down[JOURNAL].add(play.id)
    fields = dict.fromkeys(T2_GATE, "\u00e9" * 20_000)
    for _ in range(16):
        await play.send("fill", fields=fields)
    stage.world.down[JOURNAL].discard(play.id)

    await play.at(2 * MINUTE)

    assert len(await play.journalled()) == 17
    assert stage.world.attempts[JOURNAL, play.id] > 5


async def ids_that_are_longer_than_search_attributes_may_be_do_not_stop_the_ticket(stage: Stage) -> None:
    play = await stage.open(external_id="\U0001f3ab" * 200, product_area="\U0001f3ab" * 200, priority="P0")
    await play.send("take", by="\U0001f3ab" * 100)
    assert (await play.seen(lambda ticket: ticket.incident)).assignee == "\U0001f3ab" * 100


async def g6_nobody_can_be_paged_yet_and_the_ticket_says_so(stage: Stage) -> None:
    play = await stage.open(priority="P2", product_area="API")
    stage.world.down[JOIN].add(play.id)
    stage.world.pause[play.id] = RETRY_AFTER
    await play.at(5 * MINUTE)
    await play.send("prioritise", at=5 * MINUTE, priority="P0", reason="All users.")
    await play.at(HOUR)

    seen = await play.see()
    assert (seen.tier, seen.waits_on, seen.waits_since) == (Tier.T3, WaitsOn.PAGER, play.opened_at + 5 * MINUTE)
    assert await play.timeline("effect_overdue") == [("effect_overdue", 5 * MINUTE + ALERT)]
    stage.world.down[JOIN].discard(play.id)
    await play.at(HOUR + RETRY_AFTER)
    assert (await play.seen(lambda ticket: ticket.incident)).waits_on is WaitsOn.INCIDENT
    assert len(stage.world.joins_of(play.id)) == 1


async def the_incident_speaks_before_the_effect_that_joined_it_has_reported_back(stage: Stage) -> None:
    play = await stage.open(priority="P2", product_area="API")
    stage.world.held[play.id] = asyncio.Event()
    await play.send("prioritise", priority="P0", reason="All users.")
    await until(lambda: _tried(play, JOIN, 1))
    fact = {"by": "incident-7", "role": "system", "number": 7, "state": "acknowledged", "version": 2}
    await play.handle.signal("incident_changed", fact)
    await play.seen(lambda ticket: ticket.incident)

    stage.world.held.pop(play.id).set()
    joined = await play.seen(lambda ticket: not ticket.pending_effects)

    assert joined.incident is not None
    assert (joined.incident.number, joined.incident.state, joined.incident.version) == (7, "acknowledged", 2)
    assert joined.waits_on is WaitsOn.INCIDENT
    await play.handle.signal("incident_changed", fact | {"version": 1, "state": "declared"})  # older: dropped
    await play.handle.signal("incident_changed", fact | {"version": 3, "state": "resolved"})
    over = await play.seen(lambda ticket: ticket.tier is Tier.T2)
    assert over.incident is not None
    assert over.incident.version == 3


async def jira_speaks_before_the_effect_that_made_the_issue_has_reported_back(stage: Stage) -> None:
    play = await stage.open()
    stage.world.held[play.id] = asyncio.Event()
    await to_engineering(play)
    await until(lambda: _tried(play, JIRA, 1))
    [request] = stage.world.issues_of(play.id)
    key = f"SUP-{stage.world.issues.index(request) + 1}"
    fact = {"by": "jira", "role": "integration", "key": key, "category": "indeterminate", "status": "In Progress",
            "version": "2035-06-04T10:00:00Z"}  # fmt: skip
    await play.handle.signal("jira_changed", fact)
    stage.world.held.pop(play.id).set()

    linked = await play.seen(lambda ticket: not ticket.pending_effects)

    assert linked.issue is not None
    assert (linked.issue.key, linked.issue.status, bool(linked.issue.url)) == (key, "In Progress", True)


async def an_issue_that_moves_before_its_report_arrives_is_followed_all_the_same(stage: Stage) -> None:
    play = await stage.open()
    stage.world.held[play.id] = asyncio.Event()
    await to_engineering(play)
    await until(lambda: _tried(play, JIRA, 1))
    fact = {"by": "jira", "role": "integration", "key": "WEB-7", "category": "indeterminate", "status": "In Progress",
            "url": "http://127.0.0.1/browse/WEB-7", "version": "2035-06-04T10:00:00Z"}  # fmt: skip
    [request] = stage.world.issues_of(play.id)
    was = f"SUP-{stage.world.issues.index(request) + 1}"
    await play.handle.signal("jira_changed", fact | {"was": was})
    stage.world.held.pop(play.id).set()

    linked = await play.seen(lambda ticket: not ticket.pending_effects)

    assert linked.issue is not None
    assert (linked.issue.key, linked.issue.url) == ("WEB-7", "http://127.0.0.1/browse/WEB-7")
    await play.handle.signal("jira_changed", fact | {"category": "done", "version": "2035-06-04T11:00:00Z"})
    await play.seen(lambda ticket: ticket.tier is Tier.T1)


async def f5_what_support_says_to_engineering_waits_while_jira_is_down_and_is_said_once_each(stage: Stage) -> None:
    play = await stage.open()
    await to_engineering(play)
    linked = await play.seen(lambda ticket: ticket.issue)
    assert linked.issue is not None
    stage.world.down[COMMENT].add(play.id)
    stage.world.pause[play.id] = RETRY_AFTER
    await play.at(5 * MINUTE)
    for text in ("It happens in Safari too.", "And on the phone."):
        await play.send("tell_engineering", at=5 * MINUTE, text=text)

    await play.at(HOUR)
    waiting = await play.see()
    assert (waiting.waits_on, len(waiting.pending_effects)) == (WaitsOn.ENGINEERING, 2)
    assert await play.timeline("effect_overdue") == [("effect_overdue", 5 * MINUTE + ALERT)] * 2

    stage.world.down[COMMENT].discard(play.id)
    await play.at(2 * RETRY_AFTER)
    await play.seen(lambda ticket: not ticket.pending_effects)
    said = [comment for comment in stage.world.comments if comment.ticket_id == play.id]
    assert {comment.issue for comment in said} == {linked.issue.key}
    assert sorted(comment.seq for comment in said) == [
        event.seq for event in await play.journalled() if event.body.type == "told_engineering"
    ]


async def a_calendar_that_grows_old_is_renewed_as_soon_as_something_happens(stage: Stage) -> None:
    play = await stage.open(plan="standard", priority="P3")
    await play.send("take")
    await play.send("wait", question="Which one?")
    before = (await play.see()).terms.calendar
    known = before.horizon
    years_later = known - 30 * DAY
    await play.skip(years_later - play.opened_at)

    await play.send("reply", by="customer", role="customer", text="Sorry, I was away.")
    renewed = await play.seen(lambda ticket: ticket.terms.calendar.horizon > known)

    assert renewed.pending_effects == ()
    assert renewed.terms.calendar.offsets[: len(before.offsets)] == before.offsets  # C15: what was known stays
    kinds = [kind for kind, _ in await play.timeline("terms_aged", "effect_done", "terms_replaced")]
    assert kinds == ["terms_aged", "effect_done", "terms_replaced"]


async def _tried(play: Play, activity: str, times: int) -> bool:
    return play.stage.world.attempts[activity, play.id] >= times


async def g5_a_raised_ticket_raises_its_issue_once_it_is_there_and_once_only(stage: Stage) -> None:
    play = await stage.open()
    stage.world.held[play.id] = asyncio.Event()
    await to_engineering(play)
    await play.send("prioritise", priority="P1", reason="The whole office.")
    await until(lambda: _tried(play, JIRA, 1))
    assert [request for request in stage.world.raised if request.ticket_id == play.id] == []

    stage.world.held.pop(play.id).set()
    linked = await play.seen(lambda ticket: ticket.issue and not ticket.pending_effects)

    (raised,) = [request for request in stage.world.raised if request.ticket_id == play.id]
    assert (raised.issue, raised.priority) == (linked.issue.key, "P1")


SCENES = [
    g5_a_raised_ticket_raises_its_issue_once_it_is_there_and_once_only,
    f5_what_support_says_to_engineering_waits_while_jira_is_down_and_is_said_once_each,
    f5_jira_is_down_for_a_day,
    f5_temporal_gives_up_before_the_ten_minutes_are_over_and_ops_are_told_at_ten,
    f5_an_attempt_that_hangs_is_overdue_and_its_late_answer_makes_no_second_link,
    what_jira_refuses_waits_for_a_person_and_a_retry_goes_under_the_same_key,
    the_journal_is_down_for_hours_and_then_has_everything_once_and_in_order,
    f5_jira_is_kept_waiting_by_the_journal_and_ops_are_told_of_it,
    texts_that_would_burst_a_payload_are_journalled_in_several_goes,
    ids_that_are_longer_than_search_attributes_may_be_do_not_stop_the_ticket,
    g6_nobody_can_be_paged_yet_and_the_ticket_says_so,
    the_incident_speaks_before_the_effect_that_joined_it_has_reported_back,
    jira_speaks_before_the_effect_that_made_the_issue_has_reported_back,
    an_issue_that_moves_before_its_report_arrives_is_followed_all_the_same,
    a_calendar_that_grows_old_is_renewed_as_soon_as_something_happens,
]


async def test_effects_never_block(temporal_env: VirtualTime, subtests: pytest.Subtests) -> None:
    async with on_stage(temporal_env) as stage:
        await play_all(stage, subtests, SCENES)


async def test_a_bug_in_an_effect_stops_the_ticket_until_it_is_mended(
    temporal_env: VirtualTime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody awaits an effect: unseen, the effect would be under way for good. (Here a bug fails the workflow.)"""

    async def bug(*_: object) -> None:
        raise LookupError("a bug")

    monkeypatch.setattr(TicketEffectRunner, "_outcome", bug)
    async with on_stage(temporal_env) as stage:
        play = await stage.open()
        await to_engineering(play)

        with pytest.raises(WorkflowFailureError) as stopped:
            await asyncio.wait_for(play.handle.result(), PATIENCE)

    assert "an effect broke off: LookupError('a bug')" in str(stopped.value.cause)
