"""A ticket's life in the real workflow."""

from datetime import timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowUpdateFailedError

from domain.words import Status, Tier, WaitsOn
from tests.support.timeskipping import VirtualTime
from tests.workflow.stage import on_stage

GATE_T2 = ["steps_taken", "customer_impact", "reproduction_steps", "logs_or_screenshots"]


async def test_g3_an_escalation_with_nothing_filled_in_names_the_four_fields_in_order(temporal_env: VirtualTime) -> None:
    async with on_stage(temporal_env.client) as stage:
        _, handle = await stage.open(plan="enterprise", priority="P2")
        await stage.give(handle, "take")

        with pytest.raises(WorkflowUpdateFailedError) as refused:
            await stage.give(handle, "escalate")

        assert refused.value.cause.details[0]["missing"] == GATE_T2
        types = [event.event_type for event in (await handle.fetch_history()).events]
        assert types.count(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED) == 1  # the take alone
        await handle.terminate()


async def test_the_canonical_way_through_all_tiers(temporal_env: VirtualTime) -> None:
    async with on_stage(temporal_env.client) as stage:
        ticket, handle = await stage.open(plan="enterprise", priority="P2")
        await stage.give(handle, "take")
        await stage.give(handle, "respond", text="We are on it.")
        package = dict.fromkeys(GATE_T2, "Said.")
        await stage.give(handle, "escalate", fields=package)
        await stage.give(handle, "take", by="ben")
        report = dict.fromkeys(("summary", "expected", "actual", "environment", "frequency"), "x")
        bug = {"bug_report": report | {"code_change": True}, "business_impact": {"text": "x", "arr": 0}}
        rest = {"workaround_status": "none", "communication_plan": "daily"}
        await stage.give(handle, "escalate", by="ben", fields=bug | rest)
        await temporal_env.advance(handle, timedelta(seconds=1))
        seen = await stage.see(handle)
        assert seen.tier is Tier.T3
        assert seen.jira is not None
        assert seen.waits_on is WaitsOn.ENGINEERING

        fact = {"by": "jira", "role": "integration", "key": seen.jira.key, "category": "done", "status": "Done",
                "resolution": "Fixed", "version": "2026-11-22T10:00:00Z"}  # fmt: skip
        await handle.signal("jira_changed", fact)
        seen = await stage.see(handle)
        assert (seen.tier, seen.assignee) == (Tier.T2, "ben")

        await stage.give(handle, "resolve", by="ben", resolution="solved", what_was_done="x", root_cause="y",
                         kb_reason="gap", message="Fixed.")  # fmt: skip
        await stage.give(handle, "close", by="ben")
        end = await handle.result()
        assert end.status is Status.CLOSED
        assert stage.world.types(ticket.id)[-1] == "closed"


