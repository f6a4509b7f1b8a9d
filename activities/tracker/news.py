"""What engineering did: the issue is read again, and its tickets are told what is news to them.

Nothing that a webhook says is believed: it only names an issue to look at. The sweep looks at all of them, so what no
webhook told, or nobody heard, is told a little later.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from temporalio import activity
from temporalio.client import Client

from activities.support.circuit_breaker import CircuitBreaker
from activities.support.signalling import deliver_to_ticket
from domain.core.enums import Role
from domain.ticket.commands import IssueUpdate, SupportWord
from integrations.jira.port import IssueState, JiraPort
from store import jira_watch
from store.database import Database
from store.jira_watch import Link, Told
from workflows import ports

PAGE = 100
"""Links that the sweep looks at in one go: one request to Jira."""
A_FEW = 5
"""From so many issues on, that all of them are gone is not believed."""


class JiraNews:
    """Looks at issues and tells their tickets. What cannot be told now is found again by the next look."""

    def __init__(self, client: Client, db: Database, jira: JiraPort, circuit: CircuitBreaker) -> None:
        self._client = client
        self._db = db
        self._jira = jira
        self._circuit = circuit

    @activity.defn(name=ports.READ_JIRA_NEWS.name)
    async def read_jira_news(self, request: ports.JiraNewsRequest) -> ports.LookResult:
        """Look at the issues that somebody said have changed."""
        links = await asyncio.to_thread(self._links_of, request.issues)
        return await self._look(links)

    @activity.defn(name=ports.SWEEP_JIRA.name)
    async def sweep_jira(self, request: ports.SweepRequest) -> ports.LookResult:
        """Look at the next of all the issues that tickets wait for, whether anybody said anything or not."""
        links = await asyncio.to_thread(self._page, request.after)
        seen = await self._look(links)
        return seen.model_copy(update={"last": links[-1].effect_key if len(links) == PAGE else None})

    async def _look(self, links: Sequence[Link]) -> ports.LookResult:
        issues = await asyncio.to_thread(self._read, sorted({link.issue for link in links}))
        if len(issues) >= A_FEW and not any(issues.values()):
            # Whoever deletes issues leaves some. All at once are out of sight, and no ticket must hear that its issue
            # is gone because somebody changed what our account may see.
            activity.logger.error("Jira shows none of %d issues: may our account still browse them?", len(issues))
            return ports.LookResult(links=len(links), told=0, out_of_sight=len(issues))
        looked = datetime.now(UTC)
        told = 0
        for link in links:
            if link.issue in issues:
                told += await self._tell(link, issues[link.issue], looked)
        return ports.LookResult(links=len(links), told=told)

    async def _tell(self, link: Link, issue: IssueState | None, looked: datetime) -> bool:
        """Whether the ticket was told something. One that cannot be told now must not hold up those behind it."""
        try:
            fact = fact_of(link, issue, looked)
            digest = digest_of(fact)
            news = digest != link.told and not (link.told is None and _is_untouched(fact))
            if news:
                await deliver_to_ticket(self._client, self._db, link.ticket_id, fact)
            told = Told(
                version=fact.version, digest=digest, category=fact.category, key=fact.key, url=fact.url,
                at=datetime.now(UTC),
            )  # fmt: skip
            if not jira_watch.is_noted(link, told) and not await asyncio.to_thread(self._note, link, told):
                activity.logger.warning("%s: %s was looked at by two at once: looking again", link.owner, link.issue)
                await self._tell_again(link)
        except Exception as error:
            activity.logger.warning("%s was not told of %s: %s", link.owner, link.jira_key, error)
            return False
        return news

    async def _tell_again(self, link: Link) -> None:
        """Two looks at once may have told the older state last. The latest, told after both, sets it right."""
        issues = await asyncio.to_thread(self._read, [link.issue])
        if link.issue in issues:
            fact = fact_of(link, issues[link.issue], datetime.now(UTC))
            await deliver_to_ticket(self._client, self._db, link.ticket_id, fact)

    def _links_of(self, issues: Sequence[str]) -> list[Link]:
        with self._db.session() as session:
            return jira_watch.of_issues(session, issues)

    def _page(self, after: str) -> list[Link]:
        with self._db.session() as session:
            return jira_watch.page(session, after, PAGE)

    def _note(self, link: Link, told: Told) -> bool:
        with self._db.begin() as session:
            return jira_watch.note(session, link, told)

    def _read(self, issues: list[str]) -> dict[str, IssueState | None]:
        if not issues:
            return {}
        with self._circuit("read issues"):
            return self._jira.read(issues)


def fact_of(link: Link, issue: IssueState | None, looked: datetime) -> IssueUpdate:
    """What an issue says, as a fact for a ticket. The issue's own time of change is the version; of one that is gone,
    when that was seen."""
    if issue is None:
        return IssueUpdate(
            by="jira", role=Role.INTEGRATION, key=link.jira_key, category="gone",
            status="deleted, or out of our sight", version=looked,
        )  # fmt: skip
    return IssueUpdate(
        by="jira",
        role=Role.INTEGRATION,
        key=issue.ref.key,
        was=link.jira_key if link.jira_key != issue.ref.key else None,
        url=issue.ref.url,
        category=issue.status_category,
        status=issue.status_name,
        resolution=issue.resolution,
        assignee=issue.assignee.id if issue.assignee else None,
        assignee_name=issue.assignee.name if issue.assignee else "",
        fix_versions=issue.fix_versions,
        duplicate_of=issue.duplicate_of,
        version=issue.updated,
        comments=tuple(SupportWord(id=comment.id, text=comment.text) for comment in issue.comments),
    )


def _is_untouched(fact: IssueUpdate) -> bool:
    """That a new issue is new is no news; the core thinks so too, and is not asked."""
    said = (fact.resolution, fact.assignee, fact.fix_versions, fact.duplicate_of, fact.comments, fact.was)
    return fact.category == "new" and not any(said)


def digest_of(fact: IssueUpdate) -> str:
    """The same for the same words, whenever they were read."""
    said = fact.model_dump_json(exclude={"version", "was", "url", "id", "received"})
    return hashlib.sha256(said.encode()).hexdigest()
