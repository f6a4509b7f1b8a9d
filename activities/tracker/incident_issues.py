"""An incident in engineering's tracker: its issue, its review, its actions, each made exactly once, and linked.

A drill leaves no trace there: it gets the key that an issue would have had, and nothing is sent.
"""

from collections.abc import Callable, Sequence

from temporalio import activity

from activities.support.failures import as_temporal_failures
from activities.support.journal_gaps import JournalGaps
from activities.support.reported import read_reported
from activities.tracker.comment_writer import CommentWriter
from activities.tracker.issue_writer import IssueWriter, Owner
from domain.incident.aggregate import INCIDENT
from domain.incident.events import IncidentEvent
from domain.incident.state import workflow_id
from domain.tracker import incident_report
from integrations.calls import Failure, Rejected, is_refusal
from integrations.tracker.port import IssueDraft, TrackerPort
from store.database import Database
from store.journal import INCIDENTS
from workflows import ports


class IncidentIssueActivities:
    """Blocking calls in threads; Temporal does all the waiting and retrying."""

    def __init__(
        self,
        db: Database,
        jira: TrackerPort,
        incident_url: Callable[[str], str],
        ticket_url: Callable[[str], str],
        issues: IssueWriter,
        gaps: JournalGaps,
    ) -> None:
        """`incident_url` says where a person finds an incident, by its workflow's id; `ticket_url` a ticket, by its
        own."""
        self._db = db
        self._jira = jira
        self._issues = issues
        self._gaps = gaps
        self._comments = CommentWriter(db, jira)
        self._incident_url = incident_url
        self._ticket_url = ticket_url

    @activity.defn(name=ports.MAKE_INCIDENT_ISSUE.name, no_thread_cancel_exception=True)
    def make_incident_issue(self, request: ports.IncidentIssueRequest) -> ports.IssueResult:
        """Make the issue of this effect, or find the one that an earlier attempt made, and link it to what it belongs
        to."""
        name = workflow_id(request.number)
        if request.drill:
            activity.logger.info("drill: no %s issue was made for %s", request.kind, name)
            return ports.IssueResult(key=f"DRILL-{request.number}", url="")
        url = self._incident_url(name)
        made = self._issues.make(self._draft(request, url), Owner(id=name, seq=request.seq, url=url, title=name))
        self._relate(made.key, request.links)
        return made

    @activity.defn(name=ports.NOTE_INCIDENT_ISSUE.name)
    def note_incident_issue(self, request: ports.IncidentNoteRequest) -> ports.Nothing:
        """Comment a change of the incident once on its issue; the comment carries the key of the effect.

        A comment that Jira refuses holds up nothing else: the refusal is raised when the rest is done.
        """
        if request.drill:
            return ports.Nothing()
        with as_temporal_failures():
            refusal = self._note(request)
        self._relate(request.key, request.links)
        if request.done:
            self._finish(request.key)
        with as_temporal_failures():
            if refusal:
                raise refusal
        return ports.Nothing()

    def _note(self, request: ports.IncidentNoteRequest) -> Rejected | None:
        """Write the comment. Returns Jira's refusal, if it is one of this comment."""
        if not request.text.strip():
            return None
        try:
            self._comments.write(request.key, request.effect_key, incident_report.note(request.text))
        except Rejected as refusal:
            return refusal
        return None

    def _relate(self, key: str, others: Sequence[str]) -> None:
        """Link two issues. Links are a convenience: one that the tracker refuses (the bug was deleted) is left out."""
        with as_temporal_failures():
            for other in dict.fromkeys(others):
                try:
                    self._jira.relate(key, other)
                except Failure as error:
                    if not is_refusal(error):
                        raise
                    activity.logger.warning("issue %s is not linked to %s: %s", key, other, error)

    def _finish(self, key: str) -> None:
        """Move the issue to done. Where the project's workflow does not lead there, a person moves it."""
        with as_temporal_failures():
            state = self._jira.read([key]).get(key)
            if state is None or state.category == "done":
                return
            try:
                if not self._jira.finish(key):
                    activity.logger.warning("issue %s has no way to a status that is done", key)
            except Failure as error:
                if not is_refusal(error):
                    raise
                activity.logger.warning("issue %s was not moved to a status that is done: %s", key, error)

    def _draft(self, request: ports.IncidentIssueRequest, url: str) -> IssueDraft:
        events = self._gaps.read_when_there(lambda: self._events(request), request.seq)
        incident = INCIDENT.fold(events)
        report = self._report(request, events, url)
        return IssueDraft(
            key=request.effect_key,
            kind=request.kind,
            summary=report.summary,
            description=report.document,
            priority=incident.priority,
            labels=("support-incident", workflow_id(incident.number)),
        )

    def _report(
        self, request: ports.IncidentIssueRequest, events: Sequence[IncidentEvent], url: str
    ) -> incident_report.IncidentReport:
        match request.kind:
            case "incident":
                tickets = [joined.ticket for joined in INCIDENT.fold(events).tickets]
                return incident_report.incident_issue(events, url, self._ticket_url, read_reported(self._db, tickets))
            case "review":
                return incident_report.review_issue(events, url, self._ticket_url)
            case "action":
                return incident_report.action_issue(events, request.seq, url)

    def _events(self, request: ports.IncidentIssueRequest) -> list[IncidentEvent] | None:
        """Return the incident's life up to the event that asks for the issue; None: the journal is not so far.

        The incident's own issue is asked for by its declaration, before its first ticket has joined: it tells of all
        that is known when it is made.
        """
        upto = None if request.kind == "incident" else request.seq
        with self._db.begin() as session:
            entries = INCIDENTS.timeline(session, request.number, upto=upto)
        if not entries or entries[-1].event.seq < request.seq:
            return None
        return [entry.event for entry in entries]
