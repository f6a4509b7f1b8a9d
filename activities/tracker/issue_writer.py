"""One issue for each effect: the POST carries our key as a label, which is looked for, and as a property, which proves
it. What goes with an issue, the way back above all, may be repeated; a file is attached once, by its name.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from temporalio import activity

from activities.support.circuit_breaker import CircuitBreaker
from activities.support.ops_alerts import OpsAlerts
from activities.tracker.comment_writer import CommentWriter
from activities.tracker.exactly_once import Once
from domain.core.values import Frozen
from domain.documents.document import Document, is_web_address, paragraph
from integrations.calls import Failure, Rejected, Unauthorized
from integrations.tracker.port import IssueDraft, IssueRef, TrackerPort
from store import tracker_links
from store.database import Database
from workflows import ports


class Owner(Frozen):
    """Whose problem an issue carries: a ticket or an incident."""

    id: str
    """The id of its workflow: `ticket-<id>` or `incident-<n>`."""
    seq: int
    """The place of the causing event in the owner's own life; 0 where it keeps none."""
    url: str
    """Where a person finds it: the issue leads back there. "": no address is set."""
    title: str
    """What the way back is called, as in `Ticket 4k7m-3q9x-tbd2`."""


class IssueWriter:
    """Makes the issue of an effect, or finds the one that an earlier attempt made. Blocks; safe from any thread."""

    def __init__(self, db: Database, jira: TrackerPort, circuit: CircuitBreaker, ops: OpsAlerts) -> None:
        self._db = db
        self._jira = jira
        self._circuit = circuit
        self._ops = ops
        self._once = Once(db)
        self._comments = CommentWriter(db, jira)

    def has_room_for(self, text: str) -> bool:
        """Return whether issues may have a text attached: the site takes files, from our account, and of that size."""
        with self._circuit("create issues"):
            return len(text.encode("utf-8", "replace")) <= self._jira.room_for_files()

    def make(
        self, draft: IssueDraft, owner: Owner, afterwards: Callable[[str], object] | None = None
    ) -> ports.IssueResult:
        """Return the issue of `draft.key`, however often this is asked for, with a link on it that leads back to its
        owner.

        Build the draft before: what fails there leaves no doubt whether anything was sent. `afterwards` is done with
        the issue's key; it must bear repeating, and what fails twice is left undone. Raises ApplicationError, of type
        REFUSED where a person must act.
        """
        with self._circuit("create issues"):
            intent = self._begin(draft, owner)
            repeat = intent.state == "linked"
            key, url = intent.jira_key or "", intent.jira_url or ""
            if not repeat:
                find, create = partial(self._first, draft), partial(self._create, draft)
                issue = self._once.make(draft.key, intent, find, create)
                doubt = intent.state == "in_doubt"
                with self._db.begin() as session:
                    key, url = tracker_links.linked(session, draft.key, issue, doubt=doubt, now=datetime.now(UTC))
            self._link_back(key, owner, repeat)
            if draft.in_full:
                self._attach(key, draft, repeat)
            if afterwards:
                self._best_effort(lambda: afterwards(key), repeat, f"issue {key} is not where it should be", "place")
        return ports.IssueResult(key=key, url=url)

    def _begin(self, draft: IssueDraft, owner: Owner) -> tracker_links.Intent:
        with self._db.begin() as session:
            return tracker_links.begin(
                session,
                draft.key,
                owner=owner.id,
                seq=owner.seq,
                kind=draft.kind,
                label=draft.label,
                fingerprint=draft.fingerprint,
                now=datetime.now(UTC),
            )

    def _first(self, draft: IssueDraft) -> IssueRef | None:
        return next(iter(self._jira.find(draft.label)), None)

    def _create(self, draft: IssueDraft) -> IssueRef:
        made = self._jira.create(draft)
        if made.left_out:
            self._alert_left_out(draft, made)
        return made

    def _alert_left_out(self, draft: IssueDraft, made: IssueRef) -> None:
        """Alert ops of fields left out, once a day for each field, so that somebody corrects the configuration."""
        fields = ", ".join(made.left_out)
        key = f"left-out:{draft.kind}:{'+'.join(made.left_out)}:{datetime.now(UTC):%Y%m%d}"[:200]
        message = f"Jira refused {fields} of a {draft.kind}: {made.key} was made without. Run `tierline jira check`"
        with self._db.begin() as session:
            self._ops.alert(session, key, message)

    def _link_back(self, key: str, owner: Owner, repeat: bool) -> None:
        """Put a link to the owner on the page of the issue; none where no address says where people find it, since the
        tracker takes no other (`services.health.links_check` says what to set)."""
        if not is_web_address(owner.url):
            return
        link = (key, f"tierline:{owner.id}", owner.url, owner.title)
        self._best_effort(lambda: self._jira.link_back(*link), repeat, f"issue {key} has no link to {owner.id}", "link")

    def _attach(self, key: str, draft: IssueDraft, repeat: bool) -> None:
        """Attach the report in full. The issue's text names the file: where it cannot come, the issue says so, and ops
        are told."""
        try:
            self._once.add(
                f"{draft.key}:file",
                "file",
                find=lambda: self._jira.has_file(key, draft.file),
                create=lambda: self._jira.attach(key, draft.file, draft.in_full),
            )
        except Failure as error:
            if not repeat and not isinstance(error, Rejected | Unauthorized):
                raise
            words = f"The file {draft.file} could not be attached ({error}). The whole of the texts is in the ticket."
            comment = partial(self._comments.write, key, f"{draft.key}:no_file", Document(blocks=(paragraph(words),)))
            self._best_effort(comment, True, f"issue {key} does not say that its file is missing", "no_file")
            with self._db.begin() as session:
                self._ops.alert(session, f"no-file:{key}", f"{key}: {draft.file} could not be attached: {error}")

    def _best_effort(self, step: Callable[[], object], repeat: bool, without: str, kind: str) -> None:
        """Take a step after the issue exists. It is tried again once through Temporal, then left out; a refusal (4xx)
        is left out at once, because the owner must learn of the issue. Ops are told once a day for each `kind` of step.
        """
        try:
            step()
        except Failure as error:
            # What is refused, or needs a permission that we lack, is not tried again for one issue's sake.
            if not repeat and not isinstance(error, Rejected | Unauthorized):
                raise
            activity.logger.warning("%s: %s", without, error)
            status = error.status if isinstance(error, Rejected | Unauthorized) else 0
            with self._db.begin() as session:
                key = f"left-undone:{kind}:{status}:{datetime.now(UTC):%Y%m%d}"
                self._ops.alert(session, key, f"{without} ({error}). Run `tierline jira check`")
