"""One issue for each effect: the POST carries our key as a label, which is looked for, and as a property, which proves
it. What goes with an issue, the way back above all, may be repeated.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from temporalio import activity

from activities.support.circuit_breaker import CircuitBreaker
from activities.support.ops_alerts import OpsAlerts
from activities.tracker.exactly_once import Once
from domain.core.values import Frozen
from integrations.calls import Failure, Rejected, Unauthorized
from integrations.jira.port import IssueDraft, IssueRef, JiraPort
from store import jira_links
from store.database import Database
from workflows import ports


class Owner(Frozen):
    """Whose problem an issue carries: a ticket or an incident."""

    id: str
    """The id of its workflow: `ticket-<id>` or `incident-<n>`."""
    seq: int
    """The place of the causing event in the owner's own life; 0 where it keeps none."""
    url: str
    """Where a person finds it: the issue leads back there."""
    title: str
    """What the way back is called, as in `Ticket 4k7m-3q9x-tbd2`."""


class IssueWriter:
    """Makes the issue of an effect, or finds the one that an earlier attempt made. Blocks; safe from any thread."""

    def __init__(self, db: Database, jira: JiraPort, circuit: CircuitBreaker, ops: OpsAlerts) -> None:
        self._db = db
        self._jira = jira
        self._circuit = circuit
        self._ops = ops
        self._once = Once(db)

    def make(
        self, draft: IssueDraft, owner: Owner, afterwards: Callable[[str], object] | None = None
    ) -> ports.JiraResult:
        """The issue of `draft.key`, however often this is asked for, with a link on it that leads back to its owner.

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
                    key, url = jira_links.linked(session, draft.key, issue, doubt=doubt, now=datetime.now(UTC))
            self._link_back(key, owner, repeat)
            if afterwards:
                self._comfort(lambda: afterwards(key), repeat, f"issue {key} is not where it should be")
        return ports.JiraResult(key=key, url=url)

    def _begin(self, draft: IssueDraft, owner: Owner) -> jira_links.Intent:
        with self._db.begin() as session:
            return jira_links.begin(
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
            self._tell_left_out(draft, made)
        return made

    def _tell_left_out(self, draft: IssueDraft, made: IssueRef) -> None:
        """Once a day for each field: somebody should correct the configuration."""
        fields = ", ".join(made.left_out)
        key = f"left-out:{draft.kind}:{'+'.join(made.left_out)}:{datetime.now(UTC):%Y%m%d}"[:200]
        said = f"Jira refused {fields} of a {draft.kind}: {made.key} was made without. Run `tierline jira check`"
        with self._db.begin() as session:
            self._ops.alert(session, key, said)

    def _link_back(self, key: str, owner: Owner, repeat: bool) -> None:
        """The way back to the owner, on the issue's page."""
        link = (key, f"tierline:{owner.id}", owner.url, owner.title)
        self._comfort(lambda: self._jira.link_back(*link), repeat, f"issue {key} has no link to {owner.id}")

    def _comfort(self, step: Callable[[], object], repeat: bool, without: str) -> None:
        """A step that the owner does without if it fails twice: the issue is there, and must be known."""
        try:
            step()
        except Failure as error:
            # What is refused, or needs a permission that we lack, is not tried again for one issue's sake.
            if not repeat and not isinstance(error, Rejected | Unauthorized):
                raise
            activity.logger.warning("%s: %s", without, error)
