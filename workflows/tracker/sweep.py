"""The sweep that finds changes of issues of which no webhook came, and issues that we made twice: on a schedule, one
look at all issues that tickets wait for.
"""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    import workflows.ports as ports


@workflow.defn(name="JiraSweepWorkflow")
class IssueSweepWorkflow:
    """Page after page, so that each issue has its turn in every sweep; each change becomes a Signal to its ticket."""

    @workflow.run
    async def run(self, start: ports.SweepRequest | None = None) -> ports.LookResult:
        request = start or ports.SweepRequest()
        links = notified = lost = 0
        while True:
            page = await ports.SWEEP_ISSUES(request, f"Read the issues behind {request.after or 'the first'}")
            links, notified, lost = links + page.links, notified + page.notified, lost + page.out_of_sight
            if page.last is None:
                break
            request = ports.SweepRequest(after=page.last)
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(request)
        await ports.LOOK_FOR_TWINS(ports.Nothing(), "Look for issues that were made twice")
        if lost:  # fails where ops look, and only when every issue has had its turn
            raise ApplicationError(f"Jira shows none of {lost} issues: may our account still browse them?")
        return ports.LookResult(links=links, notified=notified)
