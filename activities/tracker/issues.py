"""Engineering's tracker: one issue for each escalation."""

from collections.abc import Callable

from temporalio import activity

from activities.support.journal_gaps import JournalGaps
from activities.tracker.issue_writer import IssueWriter, Owner
from domain.policy.tracker import JiraRow
from domain.ticket.state import Ticket, workflow_id
from domain.tracker.bug_report import Report, issue_report
from integrations.jira.port import IssueDraft, JiraPort
from store import journal
from store.database import Database
from workflows import ports


class JiraActivities:
    """Blocking calls in threads; Temporal does all the waiting and retrying."""

    def __init__(
        self,
        db: Database,
        jira: JiraPort,
        rules: JiraRow,
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

    @activity.defn(name=ports.CREATE_JIRA_ISSUE.name, no_thread_cancel_exception=True)
    def create_jira_issue(self, request: ports.JiraRequest) -> ports.JiraResult:
        """The issue of this escalation: the one that an earlier attempt made, or a new one.

        It lands in the backlog, or in the active sprint where the policy says so (G5).
        """
        ticket, report = self._gaps.read_when_there(lambda: self._report(request), request.seq)
        url = self._ticket_url(ticket.id)
        owner = Owner(id=workflow_id(ticket.id), seq=request.seq, url=url, title=f"Ticket {ticket.id}")
        draft = draft_of(request.effect_key, request.kind, ticket, report)
        hurries = ticket.priority in self._rules.sprint
        return self._issues.make(draft, owner, self._jira.into_sprint if hurries else None)

    def _report(self, request: ports.JiraRequest) -> tuple[Ticket, Report] | None:
        """The ticket and its report; None: the journal is not so far."""
        with self._db.begin() as session:
            ticket = journal.load(session, request.ticket_id)
            if ticket is None or ticket.seq < request.seq:
                return None
            texts = journal.texts(session, ticket.id, report_refs(ticket))
        return ticket, issue_report(ticket, texts, request.kind, self._ticket_url(ticket.id), self._rules)


def report_refs(ticket: Ticket) -> set[str]:
    """Where the texts of a report stand in the journal."""
    return {ref for field in ticket.fields.values() for ref in field.refs} | {"1.subject", "1.description"}


def draft_of(key: str, kind: ports.TicketIssue, ticket: Ticket, report: Report) -> IssueDraft:
    """The issue that a report becomes."""
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
    )
