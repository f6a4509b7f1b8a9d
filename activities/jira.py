"""Engineering's tracker: one issue for each escalation, and what became of it.

Jira has no idempotency key. So an intent stands in the database before the POST, the POST carries our key as a
label, and after an unknown outcome the label is looked for before anything is sent again.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from activities.facts import tell
from activities.failures import as_temporal_failures
from domain.commands import JiraFact
from domain.report import issue_report
from domain.words import Role
from integrations.calls import Failure, RateLimited, Rejected, Unauthorized, Unreachable
from integrations.jira.port import IssueDraft, IssueRef, IssueState, JiraPort, label_for
from store import jira_links, journal, reading
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
        """The issue of this escalation: the one that an earlier attempt made, or a new one."""
        draft = self._draft(request)  # before the intent: what fails here leaves no doubt whether anything was sent
        with self._db.begin() as session:
            intent = jira_links.begin(
                session,
                request.effect_key,
                ticket_id=request.ticket_id,
                seq=request.seq,
                kind=request.kind,
                label=label_for(request.effect_key),
                now=datetime.now(UTC),
            )
        repeat = intent.state == "linked"
        key, url = intent.jira_key or "", intent.jira_url or ""
        with as_temporal_failures():
            if not repeat:
                issue = self._found(request, intent) or self._create(request, intent, draft)
                with self._db.begin() as session:
                    key, url = jira_links.linked(session, request.effect_key, issue.key, issue.url)
            self._link_back(key, request.ticket_id, repeat)
        return ports.JiraResult(key=key, url=url)

    def _link_back(self, key: str, ticket: str, repeat: bool) -> None:
        """The way back to the ticket, on the issue's page. A convenience: what fails twice, the ticket does without."""
        try:
            self._jira.link_ticket(key, f"tierline:{ticket}", self._ticket_url(ticket), f"Ticket {ticket}")
        except Failure as error:
            if not repeat and not isinstance(error, Rejected):
                raise
            activity.logger.warning("issue %s has no link to ticket %s: %s", key, ticket, error)

    def _found(self, request: ports.JiraRequest, intent: jira_links.Intent) -> IssueRef | None:
        """The issue that an earlier attempt made, if one may have. While it may still turn up, come back later."""
        if intent.state != "in_doubt":
            return None
        if found := self._jira.find(label_for(request.effect_key)):
            return found[0]
        with self._db.begin() as session:
            may_post = jira_links.post_again(session, request.effect_key, intent, datetime.now(UTC))
        if not may_post:
            message = "whether an earlier attempt made the issue is not known yet: looking again"
            raise ApplicationError(message, type="InDoubt", next_retry_delay=LOOK_AGAIN)
        return None

    def _create(self, request: ports.JiraRequest, intent: jira_links.Intent, draft: IssueDraft) -> IssueRef:
        attempt = intent.attempt + (intent.state == "in_doubt")
        try:
            return self._jira.create(draft)
        except Rejected as error:
            with self._db.begin() as session:
                jira_links.refused(session, request.effect_key, str(error))
            raise
        except (Unreachable, RateLimited, Unauthorized):  # nothing can have been made: no doubt is left behind
            with self._db.begin() as session:
                jira_links.not_sent(session, request.effect_key, attempt)
            raise

    def _draft(self, request: ports.JiraRequest) -> IssueDraft:
        with self._db.begin() as session:
            ticket = journal.load(session, request.ticket_id)
            refs = {ref for field in ticket.fields.values() for ref in field.refs} if ticket else set()
            texts = reading.texts(session, request.ticket_id, refs | {"1.subject", "1.description"})
        if ticket is None or ticket.seq < request.seq:
            raise ApplicationError(f"the journal of {request.ticket_id} is not at {request.seq} yet", type="NotYet")
        report = issue_report(ticket, texts, request.kind, self._ticket_url(request.ticket_id))
        return IssueDraft(
            key=request.effect_key,
            kind=request.kind,
            summary=report.summary,
            description=report.document,
            priority=ticket.priority,
            labels=("support-escalation",),
            environment=report.environment,
        )

    @activity.defn(name=ports.SWEEP_JIRA.name)
    async def sweep_jira(self, _request: ports.Nothing) -> ports.SweepResult:
        """Read every issue that is linked and open, all in one search, and tell its ticket what is news."""
        links = await asyncio.to_thread(self._open_links)
        issues = await asyncio.to_thread(self._read, sorted({link.jira_key for link in links}))
        changed = 0
        news: dict[str, IssueState] = {}
        untold: set[str] = set()
        for link in links:
            issue = issues.get(link.jira_key)
            if issue is None or (link.last_version and issue.updated <= link.last_version):
                continue
            news.setdefault(link.jira_key, issue)
            if link.last_version or issue.status_category != "new":  # that a new issue is new is no news
                if await self._tell(link, issue):
                    changed += 1
                else:
                    untold.add(link.jira_key)
        # Only now, when every ticket of an issue has been told: to be told twice is harmless, never is not.
        for key in news.keys() - untold:
            await asyncio.to_thread(self._seen, news[key])
        return ports.SweepResult(links=len(links), changed=changed)

    async def _tell(self, link: jira_links.Link, issue: IssueState) -> bool:
        """Whether the ticket was told. One that cannot be told now must not hold up those behind it."""
        try:
            await tell(self._client, self._db, link.ticket_id, fact_of(issue))
        except Exception as error:
            activity.logger.warning("ticket %s was not told of %s: %s", link.ticket_id, link.jira_key, error)
            return False
        return True

    def _seen(self, issue: IssueState) -> None:
        with self._db.begin() as session:
            jira_links.seen(session, issue.ref.key, issue.updated, issue.status_category)

    def _open_links(self) -> list[jira_links.Link]:
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
