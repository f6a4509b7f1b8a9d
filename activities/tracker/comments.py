"""What support says to engineering: a comment on the issue, once, without personal data and the agent's name."""

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.support.circuit_breaker import CircuitBreaker
from activities.tracker.comment_writer import CommentWriter
from domain.documents.document import Document, heading, paragraph
from domain.documents.redaction import redact
from domain.policy.tracker import JiraRow
from integrations.jira.port import JiraPort
from store import reading
from store.database import Database
from workflows import ports


class JiraComments:
    """Blocking calls in threads; Temporal does all the waiting and retrying."""

    def __init__(self, db: Database, jira: JiraPort, rules: JiraRow, circuit: CircuitBreaker) -> None:
        self._circuit = circuit
        self._db = db
        self._comments = CommentWriter(db, jira)
        self._rules = rules

    @activity.defn(name=ports.COMMENT_JIRA_ISSUE.name, no_thread_cancel_exception=True)
    def comment_jira_issue(self, request: ports.JiraCommentRequest) -> ports.Nothing:
        """Say it, or find that an earlier attempt has."""
        with self._db.session() as session:
            ticket = reading.load(session, request.ticket_id)
            texts = reading.texts(session, request.ticket_id, {f"{request.seq}.text"})
        if ticket is None or ticket.seq < request.seq:
            raise ApplicationError(f"the journal of {request.ticket_id} is not at {request.seq} yet", type="NotYet")
        if said := texts.get(f"{request.seq}.text"):  # else its person was erased meanwhile, and it is not said
            with self._circuit("comment"):
                self._comments.say(request.issue, request.effect_key, self._words(request.ticket_id, said))
        return ports.Nothing()

    def _words(self, ticket: str, said: str) -> Document:
        """Words of ours come first: whatever an agent writes, it cannot come back as engineering's word for support."""
        text = redact(said, ips=self._rules.remove_ips).text
        return Document(blocks=(heading(f"Support says (ticket {ticket})", 4), paragraph(text)))
