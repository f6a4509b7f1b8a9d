"""One comment for each effect: said once, however often the attempt is repeated or given up."""

from activities.tracker.exactly_once import Once
from domain.documents.document import Document
from integrations.tracker.port import TrackerPort
from store.database import Database


class CommentWriter:
    """Says something on an issue, or finds that an earlier attempt has. Blocks; safe from any thread."""

    def __init__(self, db: Database, jira: TrackerPort) -> None:
        self._jira = jira
        self._once = Once(db)

    def write(self, issue: str, key: str, words: Document, to: str = "") -> None:
        """Say it for effect `key`. Raises as `Once.add` does."""
        self._once.add(
            key,
            "comment",
            find=lambda: self._jira.has_comment(issue, key),
            create=lambda: self._jira.comment(issue, key, words, to),
        )
