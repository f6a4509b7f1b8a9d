"""What a ticket costs in Temporal: billable actions and history events, on fixed timelines."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from bench.world import CANONICAL, IN_TIER_1, Handle, actions, kinds, open_ticket, server, worker
from workflows.ticket import TicketWorkflow

BUDGET = {"canonical": (32, 130), "resolved in Tier 1": (16, 65)}
"""Name -> actions and events that the ticket may cost at most."""


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


async def walk_quietly(handle: Handle, way: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Send each message once nothing is under way any more, as people do: no two share a workflow task."""
    for name, payload in way:
        if name == "jira_changed":
            await handle.signal(name, payload)
        else:
            await handle.execute_update(name, payload, rpc_timeout=timedelta(seconds=60))
        await _rest(handle)
    await handle.result()


async def _rest(handle: Handle) -> None:
    """Return when the workflow has no activity and no workflow task under way."""
    while True:
        description = (await handle.describe()).raw_description
        if not description.pending_activities and not description.HasField("pending_workflow_task"):
            return
