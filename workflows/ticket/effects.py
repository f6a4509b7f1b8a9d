"""The effects of a ticket: issues, links and comments in Jira, its incident, its calendar; and its journal."""

from contextlib import suppress
from datetime import timedelta

from temporalio import workflow
from temporalio.common import Priority as TaskPriority
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain.core.enums import Role
    from domain.core.refusal import Refused
    from domain.documents.markdown import inert
    from domain.incident.aggregate import page_severity
    from domain.incident.commands import JoinTicket, TicketUpdate
    from domain.incident.state import area_page
    from domain.ticket import commands as c
    from domain.ticket.effect_kinds import ISSUE
    from domain.ticket.events import Event
    from domain.ticket.rules.incident_link import joining, owes
    from domain.ticket.state import Effect, Ticket, workflow_id
    from workflows.effect_runner import EffectRunner, Host, Lane
    from workflows.task_priority import task_priority

from workflows import ports

SILENT = timedelta(minutes=3)
"""How long a ticket waits for an incident of which it gets neither a number nor the answer that the database is down,
before it has somebody paged without one (G6)."""
ALONE = timedelta(seconds=15)
"""The same in the histories of tickets from before `AreaPageWorkflow`, which paged by themselves."""

LANES = {
    "jira_comment": Lane("comments", 50, patch="comments-in-turn"),
    "tell_incident": Lane("incident", 50, patch="incident-in-turn"),
}
"""How many comments, and updates to its incident, one ticket has under way: Temporal stops a workflow that has 2,000
activities under way. An update that a later one replaced is under way until it has arrived."""

MOST_COMMENTS = 200
"""How many comments may wait for Jira: each stands on the ticket until it is made."""


class TicketEffectRunner(EffectRunner[Effect]):
    """Activities under way for one ticket. The ticket waits for none of them: it goes on meanwhile."""

    failed = c.ReportFailed
    lanes = LANES

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.alerts_by_timer = False
        """Whether a pending effect needs the ticket's timer to ring (F5), and not an activity's time-out."""

    def check_room_for_comment(self) -> None:
        """Refuse one more comment for Jira where too many wait. Raises Refused."""
        waiting = sum(effect.kind == "jira_comment" for effect in self._host.state.pending_effects)
        if waiting >= MOST_COMMENTS:
            raise Refused(
                "does_not_fit",
                f"{waiting} comments wait for Jira already: say it when they are there, or leave it as a note; "
                "`tierline jira check` says what is wrong",
                would_fit=["note"],
            )

    async def _record(self, batch: tuple[Event, ...], summary: str) -> None:
        request = ports.JournalRequest(ticket_id=self._host.state.id, run_id=workflow.info().run_id, events=batch)
        await self._until_done(ports.RECORD_EVENTS, request, summary)

    async def _until_done(
        self, port: ports.Port[ports.Request, ports.Result], request: ports.Request, summary: str
    ) -> ports.Result:
        """Return an activity that is tried until it is done. Raises ActivityError if the other side refuses it for
        good.

        F5: that an effect is pending for too long is noticed by the time-out of the activity that it waits for,
        which costs nothing: a timer would be armed and cancelled for every effect that goes well. But Temporal gives
        up as soon as the next attempt would come too late. From then on the one timer rings for effects as well.
        """
        while True:
            try:
                patience = None if self.alerts_by_timer else self._until_alert()
                return await port(request, summary, patience, self._task_priority())
            except ActivityError as error:
                if isinstance(error.cause, ApplicationError) and error.cause.non_retryable:
                    raise
                self.alerts_by_timer = True
                self._host.wake()

    def _task_priority(self) -> TaskPriority:
        """Return the place of an activity among those that wait for a worker (G10): that of the ticket's priority now.

        Where it is still the one of the run's beginning, the activity takes it from its workflow, so that it follows
        when that is changed while the activity waits. The workflow itself follows once the change is journalled.
        """
        now = task_priority(self._host.state.priority)
        begun_with = workflow.info().priority.priority_key
        return TaskPriority.default if begun_with in (None, now.priority_key) else now

    def _until_alert(self) -> timedelta | None:
        """Return how long from now until ops must be notified that an effect is pending, at the earliest: one may
        come about right now, and wait for the journal. None if that instant has passed."""
        since = (
            effect.since for effect in self._host.state.pending_effects if not effect.alerted and not effect.failed
        )
        left = min(since, default=workflow.now()) + self._host.state.terms.limits.effect_alert - workflow.now()
        return left if left > timedelta(0) else None

    async def _journalled(self, effect: Effect) -> None:
        """Wait until the event behind an effect stands in the journal. Where it does already, the activity comes before
        the journal's next batch, whether or not that must wait as well (`workflows.shell` says why that matters)."""
        if not self.journal.has(effect.seq):
            await workflow.wait_condition(lambda: self.journal.has(effect.seq))

    async def _outcome(self, effect: Effect) -> c.Command:
        ticket = self._host.state
        if effect.kind in ("jira_bug", "jira_request"):
            # The report is built from the journal, so the escalation must stand there first.
            await self._journalled(effect)
            kind = "bug" if effect.kind == "jira_bug" else "request"
            issue = await self._until_done(
                ports.CREATE_ISSUE,
                ports.CreateIssueRequest(ticket_id=ticket.id, effect_key=effect.key, kind=kind, seq=effect.seq),
                f"Jira {kind} for {ticket.id}",
            )
            return self._report(c.ReportDone, effect, jira_key=issue.key, jira_url=issue.url)
        if effect.kind == "jira_link":
            return await self._link(effect)
        if effect.kind == "jira_comment":
            return await self._comment(effect)
        if effect.kind == "jira_priority":
            return await self._raise(effect)
        if effect.kind == "terms":
            renewal = ports.RenewRequest(account=ticket.account, at=workflow.now(), known=ticket.terms.calendar)
            renewed = await self._until_done(ports.RENEW_CALENDAR, renewal, "Look further ahead in the calendar")
            return self._report(c.ReportDone, effect, calendar=renewed.calendar)
        if effect.kind == "tell_incident":
            return await self._notify_incident(effect)
        number = await self._join(effect)
        return self._report(c.ReportDone, effect, incident=number)

    async def _join(self, effect: Effect) -> int | None:
        """Return the number of the incident that the ticket is part of from now on (G6).

        Joining needs PostgreSQL. Where that is down, or nothing at all answers for `SILENT`, somebody is paged all the
        same, once for all tickets of the area, and the incident that is found or opened in the end takes that page
        over. Joining that is only slow pages nobody: the incident does, and a page of its own would be a second one.
        """
        area = inert(self._host.state.product_area) or "the service"
        summary, page = f"Open or join the incident in {area}", ""
        while effect.kind != "incident_if_open" and not page:
            try:
                join = self._joining(effect, page)
                return (await ports.JOIN_INCIDENT(join, summary, SILENT, self._task_priority())).number
            except ActivityError as error:
                if isinstance(error.cause, ApplicationError) and error.cause.non_retryable:
                    raise
            self.alerts_by_timer = True
            self._host.wake()
            if workflow.patched("one-page-for-an-area"):
                asked = f"Page the on-call of {area}, since no incident can be opened"
                join = self._joining(effect, page)
                page = (await ports.PAGE_AREA(join, asked, None, self._task_priority())).key
            else:
                page = await self._page_alone()
        return (await self._until_done(ports.JOIN_LATER, self._joining(effect, page), summary)).number

    async def _page_alone(self) -> str:
        """Page by the ticket itself, in histories from before `AreaPageWorkflow`. The key, if the page was taken."""
        ticket = self._host.state
        key = area_page(ticket.product_area)
        request = ports.PageRequest(
            dedup_key=key,
            audience="on-call",
            summary=f"{ticket.priority} in {ticket.product_area or 'the service'}: ticket-{ticket.id}, no incident yet",
            severity=page_severity(ticket.priority),
            tickets=(ticket.id,),
        )
        for channel in (ports.PAGE, ports.PAGE_ELSEWHERE):
            with suppress(ActivityError):
                await channel(request, "Page, since no incident can be opened", ALONE)
                return key
        return ""

    def _joining(self, effect: Effect, page: str) -> ports.IncidentRequest:
        ticket = self._host.state
        join = JoinTicket(
            by=workflow_id(ticket.id),
            role=Role.SYSTEM,
            id=effect.key,
            ticket=ticket.id,
            effect_key=effect.key,
            since=effect.since,
            priority=ticket.priority,
            owes=owes(ticket),
            jira_key=ticket.issue.key if ticket.issue and ticket.issue.open else None,
            version=ticket.seq,
            page=page or None,
        )
        return ports.IncidentRequest(
            product_area=ticket.product_area,
            join=join,
            only_if_open=effect.kind == "incident_if_open",
            own=effect.kind == "incident_own",
        )

    async def _notify_incident(self, effect: Effect) -> c.Command:
        """Return what the ticket owes, its priority and its bug, as they are when it can be said."""
        done = self._report(c.ReportDone, effect)
        if joining(self._host.state):
            await workflow.wait_condition(lambda: not joining(self._host.state))
        ticket = self._host.state
        if ticket.incident is None or not ticket.incident.open:
            return done
        news = TicketUpdate(
            by=workflow_id(ticket.id),
            role=Role.SYSTEM,
            id=effect.key,
            number=ticket.incident.number,
            ticket=ticket.id,
            priority=ticket.priority,
            owes=owes(ticket),
            jira_key=ticket.issue.key if ticket.issue and ticket.issue.open else None,
            version=ticket.seq,
            discarded=ticket.discarded,
        )
        await self._until_done(ports.NOTIFY_INCIDENT, news, f"Tell incident-{news.number} what has changed")
        return done

    async def _link(self, effect: Effect) -> c.Command:
        """Link the ticket to the issue that has its problem already (F4). What is counted there is read from the
        journal."""
        await self._journalled(effect)
        ticket = self._host.state.id
        request = ports.LinkIssueRequest(ticket_id=ticket, effect_key=effect.key, issue=effect.issue, seq=effect.seq)
        issue = await self._until_done(ports.LINK_ISSUE, request, f"Link {ticket} to {effect.issue}")
        return self._report(c.ReportDone, effect, jira_key=issue.key, jira_url=issue.url)

    async def _comment(self, effect: Effect) -> c.Command:
        """Return what support says to engineering. It is read from the journal, so it must stand there first."""
        await self._journalled(effect)
        ticket = self._host.state
        issue = ticket.issue.key if ticket.issue else ""  # under the key that it has by now
        request = ports.CommentIssueRequest(ticket_id=ticket.id, effect_key=effect.key, issue=issue, seq=effect.seq)
        await self._until_done(ports.COMMENT_ISSUE, request, f"Tell engineering on {issue}")
        return self._report(c.ReportDone, effect)

    async def _raise(self, effect: Effect) -> c.Command:
        """Raise the issue with its ticket (G5). One that is on its way is waited for; where it never came, or is over
        by then, there is nothing to raise."""
        done = self._report(c.ReportDone, effect)
        if _issue_is_coming(self._host.state):
            await workflow.wait_condition(lambda: not _issue_is_coming(self._host.state))
        ticket = self._host.state
        if ticket.issue is None or not ticket.issue.open:
            return done
        request = ports.RaiseIssueRequest(
            ticket_id=ticket.id, effect_key=effect.key, issue=ticket.issue.key, priority=ticket.priority
        )
        await self._until_done(ports.RAISE_ISSUE, request, f"Raise {ticket.issue.key} to {ticket.priority}")
        return done


def _issue_is_coming(ticket: Ticket) -> bool:
    """Tell whether an issue is being made or linked for the ticket; what was refused is not."""
    return any(effect.kind in ISSUE and not effect.failed for effect in ticket.pending_effects)
