"""Exactly once, in a tracker that knows no idempotency key.

An intent stands in the database before the POST, what is posted carries our key, and after an unknown outcome it is
looked for before anything is sent again. Temporal does the waiting and the retrying.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from temporalio.exceptions import ApplicationError

from integrations.calls import RateLimited, Rejected, Unauthorized, Unknown, Unreachable
from integrations.tracker.port import label_for
from store import tracker_links
from store.database import Database
from store.tracker_links import Intent

LOOK_AGAIN = timedelta(seconds=5)
"""How soon to look for something whose POST had no answer: the request may be under way still, and Jira's search lags
behind its writes."""

Made = TypeVar("Made")


class Once:
    """Makes what an effect asks for, or finds what an earlier attempt made. Blocks; safe from any thread."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, key: str, kind: str, find: Callable[[], bool], create: Callable[[], None]) -> None:
        """Add a comment or a file (`kind`) to an issue for effect `key`, which begins with the workflow that it belongs
        to, or with the issue. What stands there already is not added again.

        Raises as the port does, and ApplicationError of type InDoubt while an earlier attempt may still add it.
        """
        now, owner = datetime.now(UTC), key.partition(":")[0]
        with self._db.begin() as session:
            intent = tracker_links.begin(session, key, owner=owner, seq=0, kind=kind, label=label_for(key), now=now)
        if intent.state == "linked":
            return
        self.make(key, intent, find=lambda: find() or None, create=create)
        with self._db.begin() as session:
            tracker_links.added(session, key)

    def make(self, key: str, intent: Intent, find: Callable[[], Made | None], create: Callable[[], Made]) -> Made:
        """Return what stands in Jira for effect `key`. `intent` was declared before, and says that it is not known yet.

        `find` looks for it, `create` posts it: once, and never by itself again.
        """
        found = self._found(key, intent, find)
        return self._created(key, intent, create) if found is None else found

    def _found(self, key: str, intent: Intent, find: Callable[[], Made | None]) -> Made | None:
        """Return what an earlier attempt made, if one may have. While it may still turn up, come back later."""
        if intent.state != "in_doubt":
            return None
        if (found := find()) is not None:
            return found
        with self._db.begin() as session:
            may_post = tracker_links.post_again(session, key, intent, datetime.now(UTC))
        if not may_post:
            message = "whether an earlier attempt was carried out is not known yet: looking again"
            raise ApplicationError(message, type="InDoubt", next_retry_delay=LOOK_AGAIN)
        return None

    def _created(self, key: str, intent: Intent, create: Callable[[], Made]) -> Made:
        attempt = intent.attempt + (intent.state == "in_doubt")
        try:
            return create()
        except Rejected as error:
            with self._db.begin() as session:
                tracker_links.refused(session, key, str(error))
            raise
        except (Unreachable, RateLimited, Unauthorized):  # nothing can have been made: no doubt is left behind
            with self._db.begin() as session:
                tracker_links.not_sent(session, key, attempt)
            raise
        except Unknown as error:  # look soon for what it may have made, however long the pauses between tries are now
            error.retry_after = error.retry_after or LOOK_AGAIN.total_seconds()
            raise
