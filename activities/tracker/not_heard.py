"""Telling engineers that a comment of theirs did not reach support, though it looks as if it was meant to: once."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.support.circuit_breaker import CircuitBreaker
from activities.tracker.comment_writer import CommentWriter
from domain.documents.document import Document, paragraph
from integrations.tracker.port import SUPPORT_MARK, Issue, NotHeard, TrackerPort, Why
from store import tracker_links
from store.database import Database

RECENT = timedelta(days=7)
"""Nobody waits for an answer to a comment that is older."""
AT_ONCE = 20
"""Comments that are answered by one look. The next look goes on."""

_WHY: dict[Why, str] = {
    "place": f"Only what follows {SUPPORT_MARK} at the beginning of one of the first five lines goes to support.",
    "spelling": f"What is for support begins with {SUPPORT_MARK}, spelt like this.",
    "restricted": "It is restricted to a role or a group, to which support does not belong.",
    "empty": f"There are no words after {SUPPORT_MARK}.",
}


class NotHeardComments:
    """Answers on the issue. What fails is tried again by the next look. Blocks; safe from any thread."""

    def __init__(self, db: Database, jira: TrackerPort, circuit: CircuitBreaker) -> None:
        self._db = db
        self._comments = CommentWriter(db, jira)
        self._circuit = circuit

    def answer(self, issues: Iterable[Issue]) -> None:
        """Tell the writers of recent comments that are not for support, and only look so."""
        since = datetime.now(UTC) - RECENT
        recent = [(issue, comment) for issue in issues for comment in issue.not_heard if comment.at >= since]
        keys = [_key(issue, comment) for issue, comment in recent]
        with self._db.session() as session:
            over = tracker_links.over(session, keys) if keys else frozenset()
        waiting = [(pair, key) for pair, key in zip(recent, keys, strict=True) if key not in over]
        for (issue, comment), key in waiting[:AT_ONCE]:
            try:
                with self._circuit("comment"):
                    self._comments.write(issue.key, key, _words(comment), comment.writer)
            except ApplicationError as error:
                activity.logger.warning("the writer of a comment on %s is not told: %s", issue.key, error)


def _key(issue: Issue, comment: NotHeard) -> str:
    """Return one answer for each comment, whoever looks and however often the comment is changed."""
    return f"issue-{issue.id}:not_heard:{comment.id}"


def _words(comment: NotHeard) -> Document:
    at = f"{comment.at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    why = _WHY[comment.why]
    text = f"The comment of {at} was not passed on to support. {why} Change the comment, and it is passed on."
    return Document(blocks=(paragraph(text),))
