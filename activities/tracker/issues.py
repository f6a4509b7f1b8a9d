"""Engineering's tracker: one issue for each escalation."""

from collections.abc import Callable

from temporalio import activity

from activities.support.journal_gaps import JournalGaps
from activities.tracker.issue_writer import IssueWriter, Owner
from domain.policy.tracker import TrackerRow
from domain.ticket.state import Ticket, workflow_id
from domain.tracker.bug_report import Report, issue_report
from integrations.tracker.port import IssueDraft, TrackerPort, file_for
from store import journal, kept_texts
from store.database import Database
from workflows import ports


class IssueActivities:
    """Blocking calls in threads; Temporal does all the waiting and retrying."""

    def __init__(
        self,
        db: Database,
        jira: TrackerPort,
        rules: TrackerRow,
        ticket_url: Callable[[str], str],
        issues: IssueWriter,
        gaps: JournalGaps,
    ) -> None:
        """`ticket_url` says where a person finds a ticket, by its id."""
        self._db = db
        self._jira = jira
        self._rules = rules
        self._ticket_url = ticket_url
        self._issues = issues
        self._gaps = gaps

    @activity.defn(name=ports.CREATE_ISSUE.name, no_thread_cancel_exception=True)
    def create_issue(self, request: ports.CreateIssueRequest) -> ports.IssueResult:
        """Make the issue of this escalation, or find the one that an earlier attempt made.

        It lands in the backlog, or in the active sprint where the policy says so (G5).
        """
        ticket, texts, wholes = self._gaps.read_when_there(lambda: self._read(request), request.seq)
        url = self._ticket_url(ticket.id)
        report = issue_report(ticket, texts, request.kind, url, self._rules, wholes)
        if report.in_full:
            file = file_for(request.effect_key) if self._issues.has_room_for(report.in_full) else ""
            report = issue_report(ticket, texts, request.kind, url, self._rules, wholes, file)
            report = report if file else report.model_copy(update={"in_full": ""})
        owner = Owner(id=workflow_id(ticket.id), seq=request.seq, url=url, title=f"Ticket {ticket.id}")
        draft = draft_of(request.effect_key, request.kind, ticket, report)
        hurries = ticket.priority in self._rules.sprint
        return self._issues.make(draft, owner, self._jira.into_sprint if hurries else None)

    def _read(self, request: ports.CreateIssueRequest) -> tuple[Ticket, dict[str, str], dict[str, str]] | None:
        """Return the ticket, the texts of its report, and by the same places the whole of those that were too long for
        the journal; None: the journal is not so far."""
        with self._db.begin() as session:
            ticket = journal.load(session, request.ticket_id)
            if ticket is None or ticket.seq < request.seq:
                return None
            texts = journal.texts(session, ticket.id, report_refs(ticket))
            return ticket, texts, kept_texts.wholes(session, ticket.id, texts)


def report_refs(ticket: Ticket) -> set[str]:
    """Return where the texts of a report are in the journal."""
    return {ref for field in ticket.fields.values() for ref in field.refs} | {"1.subject", "1.description"}


def draft_of(key: str, kind: ports.TicketIssue, ticket: Ticket, report: Report) -> IssueDraft:
    """Return the issue that a report becomes."""
    return IssueDraft(
        key=key,
        kind=kind,
        summary=report.summary,
        description=report.document,
        priority=ticket.priority,
        labels=("support-escalation",),
        environment=report.environment,
        product_area=ticket.product_area,
        fingerprint=report.fingerprint or None,
        in_full=report.in_full,
    )
