"""G5: an issue whose ticket is raised is raised on the tracker too, once."""

from temporalio import activity

from activities.support.circuit_breaker import CircuitBreaker
from integrations.tracker.port import TrackerPort
from workflows import ports


class IssuePriorities:
    """Blocking calls in threads; Temporal does all the waiting and retrying."""

    def __init__(self, jira: TrackerPort, circuit: CircuitBreaker) -> None:
        self._jira = jira
        self._circuit = circuit

    @activity.defn(name=ports.RAISE_ISSUE.name, no_thread_cancel_exception=True)
    def raise_issue(self, request: ports.RaiseIssueRequest) -> ports.Nothing:
        """Raise it, or find that an earlier attempt has."""
        with self._circuit("edit issues"):
            self._jira.raise_priority(request.issue, request.effect_key, request.priority)
        return ports.Nothing()
