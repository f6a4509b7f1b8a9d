"""The contracts of the activities: what a workflow may ask of the world, and under which name, queue and time-outs.

`activities/` implements them. Everything here stands in histories, so names are never changed.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, Literal, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from domain.base import Frozen
    from domain.calendar import Calendar
    from domain.events import Event
    from domain.ticket import Account
    from domain.words import Priority

TICKETS = "tickets"
"""The workflows, and the activities that need nothing but Temporal."""
JOURNAL = "journal"
"""What needs PostgreSQL."""
JIRA = "jira"
PAGER = "pager"
QUEUES = (TICKETS, JOURNAL, JIRA, PAGER)
"""One task queue for each thing that can be down, so that one outage does not fill another's slots."""


class JournalRequest(Frozen):
    ticket_id: str
    run_id: str
    events: tuple[Event, ...]


class JiraRequest(Frozen):
    """Make the issue of one escalation, or find the one that an earlier attempt made."""

    ticket_id: str
    effect_key: str
    kind: Literal["bug", "request"]
    seq: int
    """The escalation's place in the journal: everything up to it can be read there."""


class JiraResult(Frozen):
    key: str
    url: str


class IncidentRequest(Frozen):
    """Find the open incident of an area, or open one, and join the ticket to it (G6)."""

    ticket_id: str
    effect_key: str
    product_area: str
    priority: Priority
    only_if_open: bool = False


class IncidentResult(Frozen):
    number: int | None = None
    """None: `only_if_open`, and none is."""


class PageRequest(Frozen):
    dedup_key: str
    summary: str
    severity: Literal["critical", "error"]
    tickets: tuple[str, ...] = ()


class TellRequest(Frozen):
    """Tell every ticket of an incident what became of it."""

    number: int
    state: Literal["declared", "acknowledged", "mitigated", "resolved", "cancelled"]
    version: int
    comment: str = ""
    at: datetime
    tickets: tuple[str, ...]


class CloseIncidentRequest(Frozen):
    number: int
    at: datetime


class RenewRequest(Frozen):
    """Look further ahead in the calendar of an account's support hours."""

    account: Account
    at: datetime


class RenewResult(Frozen):
    calendar: Calendar


class SweepResult(Frozen):
    links: int
    changed: int


class Nothing(Frozen):
    """Asked for, or answered, with no content."""


Request = TypeVar("Request", bound=Frozen)
Result = TypeVar("Result", bound=Frozen)

FOR_EVER = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(minutes=1)
)
"""What must not be lost is tried until it is done; after a while ops are told (F5)."""


@dataclass(frozen=True)
class Port(Generic[Request, Result]):
    """One activity as a workflow sees it: call it with a request and a line for the Temporal UI."""

    name: str
    task_queue: str
    result: type[Result]
    start_to_close: timedelta
    """More than the sum of the client's own time-outs: a time-out here means that the outcome is unknown."""
    retry: RetryPolicy = field(default_factory=lambda: FOR_EVER)

    async def __call__(self, request: Request, summary: str, patience: timedelta | None = None) -> Result:
        """Raises ActivityError: its cause is an ApplicationError of type REFUSED, or a time-out after `patience`."""
        answer: Result = await workflow.execute_activity(
            self.name,
            request,
            task_queue=self.task_queue,
            result_type=self.result,
            start_to_close_timeout=self.start_to_close,
            schedule_to_close_timeout=patience,
            retry_policy=self.retry,
            summary=summary,
        )
        return answer


RECORD_EVENTS = Port[JournalRequest, Nothing]("record_events", JOURNAL, Nothing, timedelta(seconds=30))
CREATE_JIRA_ISSUE = Port[JiraRequest, JiraResult]("create_jira_issue", JIRA, JiraResult, timedelta(seconds=60))
JOIN_INCIDENT = Port[IncidentRequest, IncidentResult]("join_incident", JOURNAL, IncidentResult, timedelta(seconds=30))
PAGE = Port[PageRequest, Nothing]("page", PAGER, Nothing, timedelta(seconds=30))
END_PAGE = Port[PageRequest, Nothing]("end_page", PAGER, Nothing, timedelta(seconds=30))
TELL_TICKETS = Port[TellRequest, Nothing]("tell_tickets", TICKETS, Nothing, timedelta(seconds=60))
CLOSE_INCIDENT = Port[CloseIncidentRequest, Nothing]("close_incident", JOURNAL, Nothing, timedelta(seconds=30))
RENEW_CALENDAR = Port[RenewRequest, RenewResult]("renew_calendar", TICKETS, RenewResult, timedelta(seconds=30))
SWEEP_JIRA = Port[Nothing, SweepResult](
    "sweep_jira", JIRA, SweepResult, timedelta(seconds=60), RetryPolicy(maximum_attempts=3)
)

REFUSED = "RefusedByOtherSide"
"""The type of the error with which an activity says that trying again is useless: a person must act."""
