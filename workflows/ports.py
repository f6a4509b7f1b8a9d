"""The contracts of the activities: what a workflow may ask of the world, and under which name, queue and time-outs.

`activities/` implements them. Everything here stands in histories, so names are never changed.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Annotated, Generic, Literal, TypeVar

from temporalio import workflow
from temporalio.common import Priority as TaskPriority
from temporalio.common import RetryPolicy

with workflow.unsafe.imports_passed_through():
    from domain.calendars.calendar import Calendar
    from domain.core.enums import Priority
    from domain.core.values import Frozen, stored_as
    from domain.incident.commands import JoinTicket, TicketUpdate
    from domain.incident.events import IncidentEvent
    from domain.ticket.commands import IncidentUpdate
    from domain.ticket.events import Event
    from domain.ticket.state import Account

TICKETS = "tickets"
"""The workflows, what they write into the journal, and whom they notify. Of activities on the queue of their workflow,
Temporal starts one on the worker whose answer asks for it, if that has a free slot, and with no queue in between."""
JOURNAL = "journal"
"""What else needs PostgreSQL, and takes longer."""
JOINS = "joins"
"""Joining incidents. It needs PostgreSQL as well, but each takes seconds while its area has a storm: what others write
down meanwhile must not wait for a slot."""
TRACKER = "jira"
PAGER = "pager"
CHAT = "chat"
"""The incident room, and the second channel of pages."""
QUEUES = (TICKETS, JOURNAL, JOINS, TRACKER, PAGER, CHAT)
"""One task queue for each thing that can be down, so that one outage does not fill another's slots."""


class JournalRequest(Frozen):
    ticket_id: str
    run_id: str
    events: tuple[Event, ...]


TicketIssue = Literal["bug", "request"]


class CreateIssueRequest(Frozen):
    """Make the issue of one escalation, or find the one that an earlier attempt made."""

    ticket_id: str
    effect_key: str
    kind: TicketIssue
    seq: int
    """The escalation's place in the journal: everything up to it can be read there."""


class LinkIssueRequest(Frozen):
    """Link a ticket to an issue that carries its problem already."""

    ticket_id: str
    effect_key: str
    issue: str
    seq: int


class TwinsResult(Frozen):
    looked: int
    """How many issues whose making was in doubt were looked after."""
    twins: int
    """How many were found to be there twice."""


class IssueResult(Frozen):
    key: str
    url: str


class IncidentRequest(Frozen):
    """Find the open incident of an area, or open one, and join the ticket to it (G6).

    By signal-with-start of `IncidentWorkflow` with `{"declare": domain.incident.commands.Declare}` and the Signal
    `ticket_joined`; never a second run of one that has ended: `store.incidents.join_again` says what then.
    """

    product_area: str
    join: JoinTicket
    """What the incident gets to know of the ticket, as its Signal `ticket_joined`."""
    only_if_open: bool = False
    own: bool = False
    """It was in the wrong incident, and is a problem of its own: never joins one that is open."""


class IncidentResult(Frozen):
    number: int | None = None
    """None: `only_if_open`, and none is."""


class AreaPageResult(Frozen):
    key: str
    """The key of the page that `AreaPageWorkflow` sends. Empty: the area's incident is open, and pages by itself."""


class IncidentJournalRequest(Frozen):
    number: int
    run_id: str
    events: tuple[IncidentEvent, ...]


class Page(Frozen):
    """One page of an incident: who is woken, for the how-manieth time."""

    dedup_key: str
    """`incident-<n>`; or `area-...`, of the page that a ticket sends while no incident can be found or opened."""
    level: int = 1
    """1 is the on-call of the area; each further audience of the ladder is one level more."""
    round: int = 1
    """How often this level has been paged, this time included."""


class PageRequest(Page):
    """Wake one level. Never waits for the journal, nor needs the database."""

    audience: str
    """The id of who is on this level, from the policy."""
    summary: str
    severity: Literal["critical", "error"]
    tickets: tuple[str, ...] = ()
    """Some of those that are part of it, the first ones."""
    drill: bool = False
    """Nobody is woken: everything else as if."""


class EndPagesRequest(Frozen):
    """It is over: end every page that may have been sent, at whatever channel. Ending one that is not open is fine."""

    pages: tuple[Page, ...]
    drill: bool = False


class RoomRequest(Frozen):
    """Post a message to the incident room. It may be posted twice: `number` and `seq` show a repeat."""

    number: int
    seq: int
    text: str
    everyone: bool = False
    """Call all who are in the room: the whole ladder was paged, and nobody came. Never in a drill."""
    drill: bool = False


class IncidentIssueRequest(Frozen):
    """Make one of the incident's issues in Jira: the incident itself, its review, or an action item of it."""

    number: int
    effect_key: str
    kind: Literal["incident", "review", "action"]
    seq: int
    """The event that asks for it: everything up to it can be read in the incident's journal."""
    links: tuple[str, ...] = ()
    """The keys of issues that it is linked to: its tickets' bugs; the incident's own issue; the review's."""
    drill: bool = False


class IncidentNoteRequest(Frozen):
    """Carry a change of the incident to its issue: a comment, once, and links to bugs that came later."""

    number: int
    effect_key: str
    key: str
    seq: int
    text: str
    links: tuple[str, ...] = ()
    done: bool = False
    """The incident is over: the issue may be moved to a status that is done."""
    drill: bool = False


class NotifyRequest(Frozen):
    """Tell some tickets of an incident one thing. Bounded; its progress is a heartbeat, so that a crash resumes."""

    fact: IncidentUpdate
    tickets: tuple[str, ...]


class CloseIncidentRequest(Frozen):
    """The incident is over: the next problem of its area opens another."""

    number: int
    at: datetime


class RenewRequest(Frozen):
    """Look further ahead in the calendar of an account's support hours."""

    account: Account
    at: datetime
    known: Calendar | None = None
    """The calendar that the ticket has: what it says stays."""


class RenewResult(Frozen):
    calendar: Calendar


class CommentIssueRequest(Frozen):
    """Say on the ticket's issue what support said to engineering, once."""

    ticket_id: str
    effect_key: str
    issue: str
    seq: int
    """Where the words stand in the journal."""


class RaiseIssueRequest(Frozen):
    """Give the ticket's issue a priority, unless it has that one or a higher one, once."""

    ticket_id: str
    effect_key: str
    issue: str
    priority: Priority


class ReadIssuesRequest(Frozen):
    """Look at issues, by Jira's numbers or keys of them."""

    issues: tuple[str, ...]


class SweepRequest(Frozen):
    """Look at the links behind this one, by effect key."""

    after: str = ""
    every: timedelta | None = None
    """How long to wait before the next look; None: look once."""


class LookResult(Frozen):
    links: int
    notified: Annotated[int, stored_as("told")]
    """How many tickets got an update."""
    out_of_sight: int = 0
    """How many issues could not be seen, all at once: no ticket was notified that they are gone."""
    last: str | None = None
    """Where the sweep goes on from; None at its end."""


class CompareResult(Frozen):
    """How many tickets and incidents are not the same in the journal and at Temporal, by kind."""

    not_running: int = 0
    """Open in the journal, and no workflow runs."""
    behind: int = 0
    """The workflow runs, and has decided what its journal lacks."""
    over: int = 0
    """The workflow runs, and its journal says that all is done."""
    not_looked_at: int = 0
    """Seen in the lists only: there were more than are looked at one by one."""

    @property
    def differ(self) -> bool:
        return any((self.not_running, self.behind, self.over, self.not_looked_at))


class Nothing(Frozen):
    """Asked for, or answered, with no content."""


Request = TypeVar("Request", bound=Frozen)
Result = TypeVar("Result", bound=Frozen)

DATABASE_DOWN = "DatabaseDown"
"""The type of the error with which joining an incident says that the database cannot be reached: it is not slow."""

FOR_EVER = RetryPolicy(
    initial_interval=timedelta(seconds=1), backoff_coefficient=2, maximum_interval=timedelta(minutes=1)
)
"""What must not be lost is tried until it is done; after a while ops are notified (F5)."""


@dataclass(frozen=True)
class Port(Generic[Request, Result]):
    """One activity as a workflow sees it: call it with a request and a line for the Temporal UI."""

    name: str
    task_queue: str
    result: type[Result]
    start_to_close: timedelta
    """More than the sum of the client's own time-outs: a time-out here means that the outcome is unknown."""
    retry: RetryPolicy = field(default_factory=lambda: FOR_EVER)
    heartbeat: timedelta | None = None
    """How long it may be silent. One that says nothing for longer is started again, from where it had come to."""

    async def __call__(
        self,
        request: Request,
        summary: str,
        patience: timedelta | None = None,
        priority: TaskPriority = TaskPriority.default,
    ) -> Result:
        """Have it done, in the workflow's place among those that wait for a worker, or in that of `priority`.

        Raises ActivityError: its cause is an ApplicationError of type REFUSED, or a time-out after `patience`.

        Cancelled, it returns when no attempt is under way any more: what is done after that is not overtaken.
        """
        answer: Result = await workflow.execute_activity(
            self.name,
            request,
            task_queue=self.task_queue,
            result_type=self.result,
            start_to_close_timeout=self.start_to_close,
            schedule_to_close_timeout=patience,
            heartbeat_timeout=self.heartbeat,
            retry_policy=self.retry,
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary=summary,
            priority=priority,
        )
        return answer


RECORD_EVENTS = Port[JournalRequest, Nothing]("record_events", TICKETS, Nothing, timedelta(seconds=30))
LOOK_FOR_TWINS = Port[Nothing, TwinsResult](
    "look_for_twins", TRACKER, TwinsResult, timedelta(minutes=3), RetryPolicy(maximum_attempts=3)
)
LINK_ISSUE = Port[LinkIssueRequest, IssueResult]("link_jira_issue", TRACKER, IssueResult, timedelta(minutes=2))
CREATE_ISSUE = Port[CreateIssueRequest, IssueResult]("create_jira_issue", TRACKER, IssueResult, timedelta(seconds=60))
JOIN_INCIDENT = Port[IncidentRequest, IncidentResult](
    "join_incident",
    JOINS,
    IncidentResult,
    timedelta(seconds=10),
    replace(FOR_EVER, non_retryable_error_types=[DATABASE_DOWN]),
)
"""Somebody is to be woken: an attempt that is lost costs no more than this, and begins nothing after its time. Ends at
once where the database cannot be reached: then its ticket has somebody paged without an incident."""
JOIN_LATER = replace(JOIN_INCIDENT, start_to_close=timedelta(seconds=30), retry=FOR_EVER)
"""The same where somebody was paged already, or nobody is to be: it is tried until it is done."""
PAGE_AREA = Port[IncidentRequest, AreaPageResult]("page_area", PAGER, AreaPageResult, timedelta(seconds=20))
"""Have the on-call of an area paged once, for all tickets of the area that no incident could be opened for. It is on
the queue of the pager: where the database is down, the slots of tickets are full of what the journal waits for."""
RECORD_INCIDENT = Port[IncidentJournalRequest, Nothing]("record_incident", TICKETS, Nothing, timedelta(seconds=30))
CLOSE_INCIDENT = Port[CloseIncidentRequest, Nothing]("close_incident", JOURNAL, Nothing, timedelta(seconds=30))
PAGE = Port[PageRequest, Nothing]("page", PAGER, Nothing, timedelta(seconds=10))
PAGE_ELSEWHERE = Port[PageRequest, Nothing]("page_elsewhere", CHAT, Nothing, timedelta(seconds=20))
"""The second channel: for a page that the pager refused, or did not take within a minute."""
ACKNOWLEDGE_PAGES = Port[EndPagesRequest, Nothing]("acknowledge_pages", PAGER, Nothing, timedelta(seconds=60))
"""Somebody has it, by another way than the pager: without this, the pager would go on calling by rules of its own."""
END_PAGES = Port[EndPagesRequest, Nothing]("end_pages", PAGER, Nothing, timedelta(seconds=60))
POST_TO_ROOM = Port[RoomRequest, Nothing]("post_to_room", CHAT, Nothing, timedelta(seconds=20))
MAKE_INCIDENT_ISSUE = Port[IncidentIssueRequest, IssueResult](
    "make_incident_issue", TRACKER, IssueResult, timedelta(seconds=60)
)
NOTE_INCIDENT_ISSUE = Port[IncidentNoteRequest, Nothing]("note_incident_issue", TRACKER, Nothing, timedelta(seconds=60))
NOTIFY_TICKETS = Port[NotifyRequest, Nothing](
    "tell_tickets", TICKETS, Nothing, timedelta(minutes=10), RetryPolicy(maximum_attempts=6), timedelta(seconds=60)
)
"""Tried six times, some half a minute. Counted in tries and not in time: a worker that is away uses up none of them."""
NOTIFY_LATE = replace(NOTIFY_TICKETS, retry=replace(FOR_EVER, maximum_attempts=100))
"""The same for tickets that could not be notified: tried for an hour and a half, then a person decides."""
NOTIFY_INCIDENT = Port[TicketUpdate, Nothing]("tell_incident", TICKETS, Nothing, timedelta(seconds=30))
"""A ticket notifies its incident, by the Signal `ticket_changed`. That the incident has ended is normal."""
RENEW_CALENDAR = Port[RenewRequest, RenewResult]("renew_calendar", TICKETS, RenewResult, timedelta(seconds=30))
COMMENT_ISSUE = Port[CommentIssueRequest, Nothing]("comment_jira_issue", TRACKER, Nothing, timedelta(seconds=60))
RAISE_ISSUE = Port[RaiseIssueRequest, Nothing]("raise_jira_issue", TRACKER, Nothing, timedelta(seconds=60))
READ_ISSUES = Port[ReadIssuesRequest, LookResult]("read_jira_news", TRACKER, LookResult, timedelta(minutes=3))
SWEEP_ISSUES = Port[SweepRequest, LookResult](
    "sweep_jira", TRACKER, LookResult, timedelta(minutes=3), RetryPolicy(maximum_attempts=3)
)
COMPARE = Port[Nothing, CompareResult](
    "compare_with_journal", JOURNAL, CompareResult, timedelta(minutes=5), RetryPolicy(maximum_attempts=3)
)
"""Tried three times: the schedule begins the next comparison, and an alert says that there was none."""

NOT_NOTIFIED = "NotTold"
"""The type of the error where some tickets could not be notified. Its detail names them."""
REFUSED = "RefusedByOtherSide"
"""The type of the error with which an activity says that trying again is useless: a person must act."""
