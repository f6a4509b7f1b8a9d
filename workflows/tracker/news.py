"""Changes of issues: webhooks name the issues one after the other, one look reads many of them at once."""

from collections.abc import Sequence
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    import workflows.ports as ports
    from domain.core.refusal import Refused
    from workflows.build_in_use import to_build_in_use
    from workflows.handlers import decode, takes_raw_payload

ID = "jira-news"
"""There is one, while there is news."""
MOMENT = timedelta(seconds=1)
"""How long further news is waited for: a save in Jira sends several webhooks, a bulk change hundreds."""
AT_ONCE = 100
"""Issues of one look: one request to Jira."""
PATIENCE = timedelta(minutes=5)
"""How long one look is tried while Jira is down. Then those that came meanwhile are looked at with it."""


@workflow.defn(name="JiraNewsWorkflow")
class IssueNewsWorkflow:
    """Collects the issues that webhooks name for a moment, has them looked at, and ends when there are no more."""

    @workflow.init
    def __init__(self, waiting: Sequence[str] = ()) -> None:
        self._waiting = dict.fromkeys(waiting)

    @workflow.run
    async def run(self, waiting: Sequence[str] = ()) -> None:
        await workflow.sleep(MOMENT, summary="Wait for what else has changed")
        while self._waiting:
            await self._look()
            if workflow.info().is_continue_as_new_suggested():
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(tuple(self._waiting), initial_versioning_behavior=to_build_in_use())

    @workflow.signal(name="issue_changed", description='An issue may have changed: its number or key, as in "10042".')
    @takes_raw_payload
    def issue_changed(self, *payloads: RawValue) -> None:
        try:
            issue = decode(payloads)
        except Refused:
            issue = None
        if isinstance(issue, str):
            self._waiting[issue[:100]] = None

    async def _look(self) -> None:
        issues = tuple(self._waiting)[:AT_ONCE]
        for issue in issues:  # before the look: what changes while it lasts is looked at again
            del self._waiting[issue]
        request = ports.ReadIssuesRequest(issues=issues)
        try:
            await ports.READ_ISSUES(request, f"Read {len(issues)} issues that have changed", PATIENCE)
        except ActivityError as error:
            if isinstance(error.cause, ApplicationError) and error.cause.non_retryable:
                workflow.logger.warning("issues were not read, and are left to the sweep: %s", error.cause)
                return
            self._waiting = dict.fromkeys((*issues, *self._waiting))
