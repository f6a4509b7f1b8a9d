"""What ops see in the Temporal UI: right at every step, readable, and nothing personal in it."""

import json
from datetime import timedelta
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.common import TypedSearchAttributes

from domain.ticket.commands import UPDATES
from tests.support.durations import HOUR, MINUTE
from tests.support.packages import T2_PACKAGE
from tests.support.stage import Play, Stage, metadata, on_stage, play_all
from tests.support.timeskipping import VirtualTime
from workflows import search_attributes as sa
from workflows.search_attributes import ATTRIBUTES

MARKER = "Marker-7391"
"""Stands in every text that people write: it may be seen nowhere outside of payloads."""
TEXT = f"{MARKER} was here."


async def attributes(play: Play) -> TypedSearchAttributes:
    return (await play.handle.describe()).typed_search_attributes


async def shown(play: Play) -> dict[str, Any]:
    """The search attributes that change most, as they are."""
    known = await attributes(play)
    keys = (sa.STATUS, sa.TIER, sa.ASSIGNEE, sa.SLA_STATE, sa.WAITS_ON)
    return {key.name: known[key] for key in keys if key in known}


async def summaries(play: Play, kind: str) -> list[str]:
    """The lines that stand on the events of a kind in the UI."""
    number = EventType.Value(f"EVENT_TYPE_{kind}")
    return [
        json.loads(event.user_metadata.summary.data)
        for event in await play.history()
        if event.event_type == number and event.user_metadata.HasField("summary")
    ]


async def search_attributes_are_right_at_every_step_and_each_change_is_one_upsert(stage: Stage) -> None:
    play = await stage.open(external_id=f"form-{stage}"[:60], plan="enterprise", priority="P3", category="how-to")
    on_track = {"TicketStatus": "new", "Tier": "T1", "SlaState": "on_track", "WaitsOn": "agent"}
    assert await shown(play) == on_track
    assert await play.count("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES") == 0  # they came with the start

    await play.send("take", at=0 * MINUTE)
    assert await shown(play) == on_track | {"TicketStatus": "open", "Assignee": "ada"}
    await play.send("wait", question="Which one?")
    paused = {"TicketStatus": "pending", "Tier": "T1", "Assignee": "ada", "SlaState": "paused", "WaitsOn": "customer"}
    assert await shown(play) == paused
    waits_since = (await attributes(play))[sa.WAITS_SINCE]
    assert waits_since == (await play.see()).waits_since
    assert sa.SLA_DEADLINE not in await attributes(play)
    await play.send("reply", by="cus", role="customer", text="That one.")
    assert await shown(play) == paused | {"TicketStatus": "open", "SlaState": "on_track", "WaitsOn": "agent"}
    await play.send("escalate", fields=T2_PACKAGE)
    unassigned = {"TicketStatus": "open", "Tier": "T2", "SlaState": "on_track", "WaitsOn": "agent"}
    assert await shown(play) == unassigned
    assert sa.ASSIGNEE not in await attributes(play)
    await play.send("note", text="No change at all.")
    upserts = await play.count("UPSERT_WORKFLOW_SEARCH_ATTRIBUTES")
    assert upserts == 4

    await play.at(9 * HOUR)
    assert await shown(play) == unassigned | {"SlaState": "breached"}
    deadline = (await attributes(play))[sa.SLA_DEADLINE]
    assert deadline > play.opened_at
    refs = (await attributes(play))[sa.REFS]
    assert refs == [(await play.see()).external_id]


async def the_first_deadline_is_the_one_that_is_searched_for(stage: Stage) -> None:
    play = await stage.open(plan="enterprise", priority="P3")
    assert (await attributes(play))[sa.SLA_DEADLINE] == play.opened_at + HOUR
    await play.at(HOUR)
    breached = await attributes(play)
    assert (breached[sa.SLA_STATE], breached[sa.SLA_DEADLINE]) == ("breached", play.opened_at + 8 * HOUR)


async def summary_and_details_tell_the_whole_situation(stage: Stage) -> None:
    play = await stage.open(priority="P2", plan="enterprise")
    await play.send("take", at=0 * MINUTE)
    await play.send("fill", fields={"customer_impact": "x"})

    summary = await (await play.handle.describe()).static_summary()
    details = (await metadata(play)).current_details

    assert summary == "P2 bug for enterprise account acme"
    lines = details.splitlines()
    assert lines[0] == "### P2 bug for enterprise account acme \u00b7 open in T1"
    assert "- **Waits on** agent since 2035-06-04 08:00:00 UTC" in lines
    assert "- **Assignee** ada" in lines
    assert "- **SLA** on_track" in lines
    assert any(line.startswith("- **Next** Tell the agent that the T1") and "08:10:00 UTC" in line for line in lines)
    assert "- **Missing for T2** steps_taken, reproduction_steps, logs_or_screenshots" in lines
    assert "- contract first response: due 2035-06-04 09:00:00 UTC (`plans.enterprise.first_response`)" in lines
    assert "|" not in details


async def every_update_and_signal_teaches_how_to_use_it(stage: Stage) -> None:
    play = await stage.open()
    definition = (await metadata(play)).definition

    updates = {update.name: update.description for update in definition.update_definitions}
    signals = {signal.name: signal.description for signal in definition.signal_definitions}

    assert set(updates) == {kind.model_fields["do"].default for kind in UPDATES}
    assert all(line.endswith(".") and len(line) > 15 for line in updates.values())
    assert '{"do": "take", "by": "ada"}' in signals["advance"]
    assert {"advance", "jira_changed", "incident_changed"} <= set(signals)


async def timers_and_activities_read_like_sentences(stage: Stage) -> None:
    play = await stage.open(product_area="API")
    await play.send("take", at=0 * MINUTE)
    await play.send("respond", text="We are on it.")
    await play.at(31 * MINUTE)
    await play.send("prioritise", priority="P0", reason="All users.")
    await play.seen(lambda ticket: ticket.incident)

    timers = await summaries(play, "TIMER_STARTED")
    activities = await summaries(play, "ACTIVITY_TASK_SCHEDULED")

    assert "T1 troubleshooting limit, 15 min" in timers
    assert "Tell the agent that the T1 troubleshooting limit comes" in timers
    assert "Remind the lead: past the T1 limit" in timers
    assert "Warn of the SLA: first response" in timers
    assert len(timers) == await play.count("TIMER_STARTED")
    assert "Open or join the incident in API" in activities
    assert "Journal opened" in activities
    assert len(activities) == await play.count("ACTIVITY_TASK_SCHEDULED")


async def what_people_wrote_is_seen_nowhere(stage: Stage) -> None:
    play = await stage.open(plan="premium", priority="P2", subject=TEXT, description=TEXT, attachments=TEXT)
    await play.send("take", at=0 * MINUTE)
    await play.send("respond", text=TEXT)
    await play.send("step", text=TEXT)
    await play.refused("escalate", fields={"customer_impact": TEXT})
    await play.signal("escalate", fields={"customer_impact": TEXT, "reproduction_steps": "  "})
    fields: dict[str, Any] = dict.fromkeys(T2_PACKAGE, TEXT)
    await play.send("escalate", fields=fields)
    await play.send("take", by="ben")
    bug = dict.fromkeys(("summary", "expected", "actual", "environment", "frequency"), TEXT) | {"code_change": True}
    rest = {"business_impact": {"text": TEXT, "arr": 1}, "workaround_status": TEXT, "communication_plan": TEXT}
    stage.world.refuses[play.id] = TEXT
    await play.send("escalate", by="ben", fields={"bug_report": bug} | rest)
    await play.seen(lambda ticket: ticket.pending_effects and ticket.pending_effects[0].failed)
    del stage.world.refuses[play.id]
    await play.send("retry")
    await play.seen(lambda ticket: ticket.issue)
    seen_while_open = [str(await attributes(play)), str(await metadata(play))]
    record = dict.fromkeys(("what_was_done", "root_cause", "kb_reason", "message"), TEXT)
    await play.send("resolve", by="ben", resolution="workaround", **record)
    await play.send("close", by="ben")
    end = await play.handle.result()

    assert MARKER in str(stage.world.journal[play.id])  # the control: it was there to be seen
    description = await play.handle.describe()
    seen_at_the_end = [str(await attributes(play)), str(description.raw_description), str(await metadata(play))]
    for text in (*seen_while_open, *seen_at_the_end, str(end), str(await play.see())):
        assert MARKER not in text
    for event in await play.history():
        assert MARKER not in str(event.user_metadata)
        assert MARKER not in str(event.upsert_workflow_search_attributes_event_attributes)
        assert MARKER not in str(event.workflow_execution_completed_event_attributes)
        assert MARKER not in event.activity_task_scheduled_event_attributes.activity_id


async def every_search_attribute_is_registered_and_only_those_are_used(stage: Stage) -> None:
    play = await stage.open(priority="P0")
    await play.seen(lambda ticket: ticket.incident)
    used = {pair.key.name for pair in await attributes(play)}
    ours = {key.name for key in ATTRIBUTES}
    assert used - ours <= {"BuildIds", "TemporalChangeVersion"}


SCENES = [
    search_attributes_are_right_at_every_step_and_each_change_is_one_upsert,
    the_first_deadline_is_the_one_that_is_searched_for,
    summary_and_details_tell_the_whole_situation,
    every_update_and_signal_teaches_how_to_use_it,
    timers_and_activities_read_like_sentences,
    what_people_wrote_is_seen_nowhere,
    every_search_attribute_is_registered_and_only_those_are_used,
]


async def test_what_ops_see(temporal_env: VirtualTime, subtests: pytest.Subtests) -> None:
    async with on_stage(temporal_env) as stage:
        await play_all(stage, subtests, SCENES)


async def test_waiting_for_ninety_days_keeps_a_small_history(temporal_env: VirtualTime) -> None:
    async with on_stage(temporal_env) as stage:
        play = await stage.open(plan="standard", priority="P3")
        await play.send("take")
        await play.send("wait", question="Which one?")
        await play.journalled()
        before = await play.count("WORKFLOW_TASK_COMPLETED")

        await play.at(timedelta(days=90))

        assert await play.count("WORKFLOW_TASK_COMPLETED") == before
