"""Name in the log what each activity is about: an interceptor of the workers."""

from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from integrations.tracing.port import trace_id
from services.log_context import about, of_workflow


class NamedInLog(Interceptor):
    """Has every line that an activity logs, in whatever thread, name its workflow, ticket or incident, and attempt."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Put the names around the activity."""
        return _Named(next)


class _Named(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        info = activity.info()
        with about(
            **of_workflow(info.workflow_id), activity=info.activity_type, attempt=info.attempt, trace_id=trace_id()
        ):
            return await self.next.execute_activity(input)
