"""What a ticket costs in Temporal: billable actions and history events, on fixed timelines."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from bench.world import CANONICAL, IN_TIER_1, Handle, actions, kinds, open_ticket, server, worker
from domain.core.enums import Plan
from domain.ticket.state import Ticket
from tests.support.packages import RECORD, T2_PACKAGE
from tests.support.timeskipping import VirtualTime
from workflows.ticket.workflow import TicketWorkflow

BUDGET = {"canonical": (31, 116), "resolved in Tier 1": (16, 59)}
"""Name -> actions and events that the ticket may cost at most: what it costs. Whoever adds to it says so here."""
PER_INSTANT = (2.34, 11.34)
"""Actions and events of an instant that fires, on average over three of them: 7 and 34."""


async def measure() -> dict[str, Any]:
    """Walk each timeline once, each message after the effects of the one before, and count."""
    async with server() as client, worker(client, [TicketWorkflow]):
        told: dict[str, Any] = {}
        for name, way in (("canonical", CANONICAL), ("resolved in Tier 1", IN_TIER_1)):
            handle = await open_ticket(client)
            await walk_quietly(handle, way)
            events = (await handle.fetch_history()).events
            allowed = BUDGET[name]
            told[name] = {
                "timeline": ["open", *(step for step, _ in way)],
                "actions": actions(events),
                "events": len(events),
                "bytes": sum(event.ByteSize() for event in events),
                "within": actions(events) <= allowed[0] and len(events) <= allowed[1],
                "budget": {"actions": allowed[0], "events": allowed[1]},
                "kinds": kinds(events),
            }
        return told


async def measure_instants(env: VirtualTime) -> dict[str, Any]:
    """Measure what each instant that fires adds, and a Premium P2 over three days with two pauses, all warnings and a
    breach.

    On virtual time. The workflow's clock starts at the machine's now, so the account's zone is UTC and support hours
    are those of the plan; what fires is read from the history and not assumed.
    """
    client = env.client
    async with worker(client, [TicketWorkflow]):
        handle = await open_ticket(client, Plan.ENTERPRISE)
        await send(handle, "take", by="ada")
        before = await _cost(handle)
        await env.advance(handle, timedelta(minutes=15, seconds=30))  # notes at 10 and 13 minutes, and the limit
        await at_rest(handle)
        after = await _cost(handle)
        fired = 3
        each = {
            "actions": (after[0] - before[0]) / fired,
            "events": (after[1] - before[1]) / fired,
            "instants": fired,
            "budget": {"actions": PER_INSTANT[0], "events": PER_INSTANT[1]},
        }
        each["within"] = each["actions"] <= PER_INSTANT[0] and each["events"] <= PER_INSTANT[1]
        await handle.terminate()
        return {"an instant that fires": each, "three-day Premium P2": await _three_days(env)}


async def _three_days(env: VirtualTime) -> dict[str, Any]:
    handle = await open_ticket(env.client, Plan.PREMIUM)
    await send(handle, "take", by="ada")
    await send(handle, "respond", by="ada", text="x")
    await send(handle, "escalate", by="ada", fields=T2_PACKAGE)
    await send(handle, "take", by="ben")
    for _ in range(2):
        await send(handle, "wait", by="ben", question="Which one?")
        await env.advance(handle, timedelta(hours=6))
        await send(handle, "reply", by="customer", role="customer", text="That one.")
        await env.advance(handle, timedelta(hours=10))
    # On until the contract is breached: when that is depends on the day of the week that today is.
    state = await handle.query("ticket", result_type=Ticket)
    while not any(clock.breach and clock.side == "contract" for clock in state.clocks):
        await env.advance(handle, timedelta(hours=12))
        await at_rest(handle)
        state = await handle.query("ticket", result_type=Ticket)
    await send(handle, "resolve", by="ben", **RECORD)
    await send(handle, "close", by="ben")
    await handle.result()
    events = await _history(handle)
    return {
        "timeline": ["open", "take", "respond", "escalate", "take", "wait", "reply", "wait", "reply", "(breach)",
                     "resolve", "close"],
        "warned": dict(state.warned),
        "actions": actions(events),
        "events": len(events),
        "bytes": sum(event.ByteSize() for event in events),
    }  # fmt: skip


async def send(handle: Handle, name: str, **payload: Any) -> None:
    """Send one command and wait until all that follows from it is done."""
    await handle.execute_update(name, payload, rpc_timeout=timedelta(seconds=60))
    await at_rest(handle)


async def _cost(handle: Handle) -> tuple[int, int]:
    events = await _history(handle)
    return actions(events), len(events)


async def _history(handle: Handle) -> list[HistoryEvent]:
    """Return the events that would stand there in real time: without those by which a clock was moved."""
    moved = (
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED,
        EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED,
    )
    return [event for event in (await handle.fetch_history()).events if event.event_type not in moved]


async def walk_quietly(handle: Handle, way: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Send each message once nothing is under way any more, as people do: no two share a workflow task.

    The first message alone follows the opening at once, and is nearly always part of the opening's task. On a busy
    machine it may miss it; the ticket then costs one action (a timer) and five events more.
    """
    for name, payload in way:
        if name == "jira_changed":
            await handle.signal(name, payload)
        else:
            await handle.execute_update(name, payload, rpc_timeout=timedelta(seconds=60))
        await at_rest(handle)
    await handle.result()


async def at_rest(handle: Handle) -> None:
    """Return when the workflow has no activity and no workflow task under way."""
    while True:
        description = (await handle.describe()).raw_description
        if not description.pending_activities and not description.HasField("pending_workflow_task"):
            return
