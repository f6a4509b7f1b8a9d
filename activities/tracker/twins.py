"""A second look for issues that were made twice all the same.

Nothing in Jira keeps an abandoned attempt from making its issue minutes after another attempt gave it up. So whatever
was in doubt is looked at once more, when search knows all of them: one issue stays, the other says so.
"""

from datetime import UTC, datetime
from functools import partial

from temporalio import activity

from activities.support.circuit_breaker import CircuitBreaker
from activities.support.ops_alerts import OpsAlerts
from activities.tracker.comment_writer import CommentWriter
from domain.documents.document import Document, paragraph
from integrations.calls import Failure, is_refusal
from integrations.tracker.port import IssueRef, TrackerPort
from store import tracker_links
from store.database import Database
from store.tracker_links import Doubt
from workflows import ports

AT_ONCE = 20
"""Doubts of one look: a search each. The next sweep takes the next ones."""


class IssueTwins:
    """Every step may be repeated; the doubt is over only when all of them are done."""

    def __init__(self, db: Database, jira: TrackerPort, circuit: CircuitBreaker, ops: OpsAlerts) -> None:
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
            doubts = tracker_links.doubts(session, now, AT_ONCE)
        twins = 0
        for doubt in doubts:
            with self._circuit("look for twins"):
                found = [issue for issue in self._jira.find(doubt.label) if issue.id != doubt.jira_id]
                unmarked = {twin.key: self._mark(twin, doubt) for twin in found}
            with self._db.begin() as session:
                for twin in found:
                    message = (
                        f"{twin.key} was made twice: it duplicates {doubt.jira_key} ({doubt.owner}). Please close it"
                    )
                    if unmarked[twin.key]:
                        message += f". Jira refused what would say so there: {'; '.join(unmarked[twin.key])}"
                    self._ops.alert(session, f"twin:{twin.key}", message)
                tracker_links.settled(session, doubt.effect_key, now)
            twins += len(found)
        return ports.TwinsResult(looked=len(doubts), twins=twins)

    def _mark(self, twin: IssueRef, doubt: Doubt) -> list[str]:
        """Link the twin to the issue that stays, and say so there. Returns what Jira refused: a site without that link,
        a permission that our account lacks, an issue that is gone."""
        text = f"Made twice by mistake: {doubt.jira_key} is the one that support follows. Nothing is to be done here."
        words, key = Document(blocks=(paragraph(text),)), f"{doubt.effect_key}:twin:{twin.id}"
        refused = []
        for step in (
            partial(self._jira.link_duplicate, twin.key, doubt.jira_key),
            partial(self._comments.write, twin.key, key, words),
        ):
            try:
                step()
            except Failure as refusal:
                if not is_refusal(refusal):
                    raise
                refused.append(str(refusal))
        return refused
