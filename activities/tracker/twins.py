"""A second look for issues that were made twice all the same.

Nothing in Jira keeps an abandoned attempt from making its issue minutes after another attempt gave it up. So whatever
was in doubt is looked at once more, when search knows all of them: one issue stays, the other says so.
"""

from datetime import UTC, datetime

from temporalio import activity

from activities.support.circuit_breaker import CircuitBreaker
from activities.support.ops_alerts import OpsAlerts
from activities.tracker.comment_writer import CommentWriter
from domain.documents.document import Document, paragraph
from integrations.calls import Rejected
from integrations.jira.port import IssueRef, JiraPort
from store import jira_links
from store.database import Database
from store.jira_links import Doubt
from workflows import ports

AT_ONCE = 20
"""Doubts of one look: a search each. The next sweep takes the next ones."""


class JiraTwins:
    """Every step may be repeated; the doubt is over only when all of them are done."""

    def __init__(self, db: Database, jira: JiraPort, circuit: CircuitBreaker, ops: OpsAlerts) -> None:
        self._db = db
        self._jira = jira
        self._comments = CommentWriter(db, jira)
        self._circuit = circuit
        self._ops = ops

    @activity.defn(name=ports.LOOK_FOR_TWINS.name, no_thread_cancel_exception=True)
    def look_for_twins(self, _: ports.Nothing) -> ports.TwinsResult:
        """Look after the doubts that are due. What the owner is linked to stays: its news reach the ticket."""
        now = datetime.now(UTC)
        with self._db.session() as session:
            doubts = jira_links.doubts(session, now, AT_ONCE)
        twins = 0
        for doubt in doubts:
            with self._circuit("look for twins"):
                found = [issue for issue in self._jira.find(doubt.label) if issue.id != doubt.jira_id]
                for twin in found:
                    self._mark(twin, doubt)
            with self._db.begin() as session:
                for twin in found:
                    said = f"{twin.key} was made twice: it duplicates {doubt.jira_key} ({doubt.owner}). Please close it"
                    self._ops.alert(session, f"twin:{twin.key}", said)
                jira_links.settled(session, doubt.effect_key, now)
            twins += len(found)
        return ports.TwinsResult(looked=len(doubts), twins=twins)

    def _mark(self, twin: IssueRef, doubt: Doubt) -> None:
        said = f"Made twice by mistake: {doubt.jira_key} is the one that support follows. Nothing is to be done here."
        try:
            self._jira.link_duplicate(twin.key, doubt.jira_key)
            self._comments.say(twin.key, f"{doubt.effect_key}:twin:{twin.id}", Document(blocks=(paragraph(said),)))
        except Rejected as error:  # a site without that link, an issue that is gone: ops hear of it anyway
            activity.logger.warning("twin %s of %s is not marked: %s", twin.key, doubt.jira_key, error)
