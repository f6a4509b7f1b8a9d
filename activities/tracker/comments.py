"""What support says to engineering: a comment on the issue, once, without personal data and the agent's name."""

from temporalio import activity

from activities.support.circuit_breaker import CircuitBreaker
from activities.support.journal_gaps import JournalGaps
from activities.tracker.comment_writer import CommentWriter
from domain.documents.document import Document, heading, paragraph
from domain.documents.redaction import redact
from domain.policy.tracker import TrackerRow
from integrations.tracker.port import TrackerPort
from store import journal
from store.database import Database
from workflows import ports


class IssueComments:
    """Blocking calls in threads; Temporal does all the waiting and retrying."""

    def __init__(
        self, db: Database, jira: TrackerPort, rules: TrackerRow, circuit: CircuitBreaker, gaps: JournalGaps
    ) -> None:
        self._circuit = circuit
        self._db = db
        self._comments = CommentWriter(db, jira)
        self._rules = rules
        self._gaps = gaps

    @activity.defn(name=ports.COMMENT_ISSUE.name, no_thread_cancel_exception=True)
    def comment_issue(self, request: ports.CommentIssueRequest) -> ports.Nothing:
        """Say it, or find that an earlier attempt has."""
        texts = self._gaps.read_when_there(lambda: self._texts(request), request.seq)
        if text := texts.get(f"{request.seq}.text"):  # else its person was erased meanwhile, and it is not said
            with self._circuit("comment"):
                self._comments.write(request.issue, request.effect_key, self._words(request.ticket_id, text))
        return ports.Nothing()

    def _texts(self, request: ports.CommentIssueRequest) -> dict[str, str] | None:
        """Return the texts of the event that asks for the comment; None: the journal is not so far."""
        with self._db.session() as session:
            ticket = journal.load(session, request.ticket_id)
            if ticket is None or ticket.seq < request.seq:
                return None
            return journal.texts(session, request.ticket_id, {f"{request.seq}.text"})

    def _words(self, ticket: str, message: str) -> Document:
        """Return the comment with words of ours first: whatever an agent writes, it cannot come back as engineering's
        word for support."""
        text = redact(message, ips=self._rules.remove_ips).text
        return Document(blocks=(heading(f"Support says (ticket {ticket})", 4), paragraph(text)))
