"""Engineering's tracker: one issue for each escalation, and what became of it.

Jira has no idempotency key. So an intent stands in the database before the POST, the POST carries our key as a
label, and after an unknown outcome the label is looked for before anything is sent again.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta

from domain.report import issue_report
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities.facts import tell
from activities.failures import as_temporal_failures
from domain.commands import JiraFact
from domain.words import Role
from integrations.calls import Rejected, Unauthorized
from integrations.jira.port import IssueDraft, IssueRef, IssueState, JiraPort, label_for
from store import jira_links, journal
from store.database import Database
from workflows import ports

LOOK_AGAIN = timedelta(seconds=5)
"""How soon to look for an issue whose POST had no answer: Jira's search lags behind its writes."""


class JiraActivities:
    """Blocking calls in threads; Temporal does all the waiting and retrying."""

    def __init__(self, client: Client, db: Database, jira: JiraPort, ticket_url: Callable[[str], str]) -> None:
        """`ticket_url` says where a person finds a ticket, by its id."""
        self._ticket_url = ticket_url
        self._client = client
        self._db = db
        self._jira = jira

    @activity.defn(name=ports.CREATE_JIRA_ISSUE.name, no_thread_cancel_exception=True)
    def create_jira_issue(self, request: ports.JiraRequest) -> ports.JiraResult:
        """The issue of this escalation: the one that exists, or a new one."""
        label = label_for(request.effect_key)
        with self._db.begin() as session:
            intent = jira_links.begin(session, request.effect_key, request.ticket_id, request.seq, request.kind, label)
        if intent.key:
            return ports.JiraResult(key=intent.key, url=intent.url or "")
        with as_temporal_failures():
            issue = self._find(label, request) if intent.in_doubt else None
            issue = issue or self._create(request)
        with self._db.begin() as session:
            jira_links.linked(session, request.effect_key, issue.key, issue.url)
        with as_temporal_failures():
            self._jira.link_ticket(
                issue.key,
                f"tierline:{request.ticket_id}",
                self._ticket_url(request.ticket_id),
                f"Ticket {request.ticket_id}",
            )
        return ports.JiraResult(key=issue.key, url=issue.url)

    def _find(self, label: str, request: ports.JiraRequest) -> IssueRef | None:
        """The issue that an earlier attempt made. While it may still turn up, come back rather than POST again."""
        if found := self._jira.find(label):
            return found[0]
        with self._db.begin() as session:
            if jira_links.may_still_appear(session, request.effect_key):
                raise ApplicationError(
                    "the outcome of an earlier attempt is unknown: looking again",
                    type="InDoubt",
                    next_retry_delay=LOOK_AGAIN,
                )
            jira_links.posting(session, request.effect_key)
        return None

    def _create(self, request: ports.JiraRequest) -> IssueRef:
        with self._db.begin() as session:
            ticket = journal.load(session, request.ticket_id)
            texts = journal.texts(session, request.ticket_id)
        if ticket is None or ticket.seq < request.seq:
            raise ApplicationError(f"the journal of {request.ticket_id} is not at {request.seq} yet", type="NotYet")
        report = issue_report(ticket, texts, request.kind, self._ticket_url(request.ticket_id))
        draft = IssueDraft(
            key=request.effect_key,
            kind=request.kind,
            summary=report.summary,
            description=report.document,
            priority=ticket.priority,
            labels=("support-escalation",),
            environment=report.environment,
        )
        try:
            return self._jira.create(draft)
        except (Rejected, Unauthorized) as error:
            with self._db.begin() as session:
                jira_links.refused(session, request.effect_key, str(error))
            raise

    @activity.defn(name=ports.SWEEP_JIRA.name)
    async def sweep_jira(self, _request: ports.Nothing) -> ports.SweepResult:
        """Read every issue that is linked and open; tell each ticket what it does not know yet.

        What a ticket knows is read from its projection, not remembered here: a Signal that was lost is sent again.
        """
        links = await asyncio.to_thread(self._open_links)
        issues = await asyncio.to_thread(self._read, sorted({link.jira_key for link in links}))
        changed = 0
        for link in links:
            issue = issues.get(link.jira_key)
            if issue is not None and (link.version is None or issue.updated > link.version):
                await tell(self._client, self._db, link.ticket_id, fact_of(issue))
                changed += 1
        return ports.SweepResult(links=len(links), changed=changed)

    def _open_links(self) -> list[jira_links.OpenLink]:
        with self._db.begin() as session:
            return jira_links.open_links(session)

    def _read(self, keys: list[str]) -> dict[str, IssueState]:
        with as_temporal_failures():
            return self._jira.read(keys) if keys else {}


def fact_of(issue: IssueState) -> JiraFact:
    """What an issue says, as a fact for its tickets. The issue's own time of change is the version."""
    return JiraFact(
        by="jira",
        role=Role.INTEGRATION,
        id=f"jira:{issue.ref.key}:{issue.updated.isoformat()}",
        key=issue.ref.key,
        category=issue.status_category,
        status=issue.status_name,
        resolution=issue.resolution,
        version=issue.updated,
        comment=issue.comment or "",
    )
