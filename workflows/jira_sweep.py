"""The sweep that finds what engineering did and nobody told us: on a schedule, one look at all open links."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    import workflows.ports as ports


@workflow.defn(name="JiraSweepWorkflow")
class JiraSweepWorkflow:
    """One look at every issue that is linked and open; each change becomes a Signal to its ticket."""

    @workflow.run
    async def run(self) -> ports.SweepResult:
        return await ports.SWEEP_JIRA(ports.Nothing(), "Read every open linked issue")
