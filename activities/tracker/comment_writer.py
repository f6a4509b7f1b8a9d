"""One comment for each effect: said once, however often the attempt is repeated or given up."""

from datetime import UTC, datetime

from activities.tracker.exactly_once import Once
from domain.documents.document import Document
from integrations.jira.port import JiraPort, label_for
from store import jira_links
from store.database import Database


class CommentWriter:
    """Says something on an issue, or finds that an earlier attempt has. Blocks; safe from any thread."""

    def __init__(self, db: Database, jira: JiraPort) -> None:
        self._db = db
        self._jira = jira
        self._once = Once(db)

    def say(self, issue: str, key: str, words: Document) -> None:
        """Say it for effect `key`, which begins with the workflow that it belongs to. Raises as the port does, and
        ApplicationError of type InDoubt while an earlier attempt may still say it.
        """
        now, owner = datetime.now(UTC), key.partition(":")[0]
        with self._db.begin() as session:
            intent = jira_links.begin(session, key, owner=owner, seq=0, kind="comment", label=label_for(key), now=now)
        if intent.state == "linked":
            return
        self._once.make(
            key,
            intent,
            find=lambda: self._jira.has_comment(issue, key) or None,
            create=lambda: self._jira.comment(issue, key, words),
        )
        with self._db.begin() as session:
            jira_links.said(session, key)
