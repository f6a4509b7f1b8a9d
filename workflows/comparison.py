"""The comparison of the journal with Temporal's list, on a schedule: what `tierline ops reconcile` shows, kept for an
alert.

A run takes seconds, and one an hour is 24 a day in the list of workflows: more often, and they would hide the tickets.
What must not wait for an hour does not wait for it: a workflow that does not run is found every two minutes by workers
and relays, which need no workflow for that (`services.reconciliation`).
"""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.ports as ports

AGAIN = timedelta(minutes=2)
"""After so long, what differs is compared once more: Temporal's list is behind by moments, and so is a journal."""


@workflow.defn(name="ReconcileWorkflow")
class ReconcileWorkflow:
    """Compare once; and once more where something differs. What the last look found stays on record."""

    @workflow.run
    async def run(self) -> ports.CompareResult:
        found = await ports.COMPARE(ports.Nothing(), "Compare the journal with the list of workflows")
        if not found.differ:
            return found
        await workflow.sleep(AGAIN, summary="Wait for what has just changed")
        return await ports.COMPARE(ports.Nothing(), "Compare again, since something differed")
