"""The sweep that finds changes of issues of which no webhook came, and issues that we made twice: one look at all
issues that tickets wait for, on a schedule.
"""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    import workflows.ports as ports
    from workflows.build_in_use import to_build_in_use

LONGEST = timedelta(hours=1)
"""How long one run looks again and again. A run for each look would be 1,440 a day, and hide the tickets in the list of
workflows."""
MOST = 60
"""Looks of one run at most: its history stays short, however often it looks."""


@workflow.defn(name="JiraSweepWorkflow")
class IssueSweepWorkflow:
    """Page after page, so that each issue has its turn in every sweep; each change becomes a Signal to its ticket."""

    @workflow.run
    async def run(self, start: ports.SweepRequest | None = None) -> ports.LookResult:
        """Look once, or as often as one run may where `start` says how long to wait in between.

        When another build of the workers is taken into use, the next run begins there, on schedule.
        """
        request = start or ports.SweepRequest()
        left = looks_of_one_run(request.every)
        while True:
            result = await self._look(request)
            left -= 1
            if request.every is None or not left or workflow.info().is_target_worker_deployment_version_changed():
                return result
            await workflow.sleep(request.every, summary="Wait for the next look at all issues")
            request = ports.SweepRequest(every=request.every)

    async def _look(self, request: ports.SweepRequest) -> ports.LookResult:
        links = notified = lost = 0
        while True:
            page = await ports.SWEEP_ISSUES(request, f"Read the issues behind {request.after or 'the first'}")
            links, notified, lost = links + page.links, notified + page.notified, lost + page.out_of_sight
            if page.last is None:
                break
            request = ports.SweepRequest(after=page.last, every=request.every)
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(request, initial_versioning_behavior=to_build_in_use())
        await ports.LOOK_FOR_TWINS(ports.Nothing(), "Look for issues that were made twice")
        if lost:  # fails where ops look, and only when every issue has had its turn
            raise ApplicationError(f"Jira shows none of {lost} issues: may our account still browse them?")
        return ports.LookResult(links=links, notified=notified)


def looks_of_one_run(every: timedelta | None) -> int:
    """Return how many looks one run has: at least one, and not for longer than an hour. The schedule begins the next
    run."""
    return 1 if every is None else max(1, min(MOST, LONGEST // every))
