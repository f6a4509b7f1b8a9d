"""What engineering did: the issue is read again, and its tickets are notified of what is new to them.

Nothing that a webhook says is believed: it only names an issue to look at. The sweep looks at all of them, so what no
webhook told, or nobody heard, is told a little later.
"""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime

from temporalio import activity
from temporalio.client import Client

from activities.support.circuit_breaker import CircuitBreaker
from activities.support.signalling import deliver_to_ticket
from activities.tracker.demand import IssueDemand
from activities.tracker.not_heard import NotHeardComments
from domain.core.enums import Role
from domain.ticket.commands import IssueUpdate
from integrations.tracker.port import Issue, TrackerPort
from store import tracker_watch
from store.database import Database
from store.tracker_watch import Link, Notified
from workflows import ports

PAGE = 100
"""Links that the sweep looks at in one go: one request to Jira."""
A_FEW = 5
"""From so many issues on, that all of them are gone is not believed."""


class IssueNews:
    """Reads issues and notifies their tickets. A ticket that cannot be notified now is found again by the next look."""

    def __init__(
        self, client: Client, db: Database, jira: TrackerPort, circuit: CircuitBreaker, demand: IssueDemand
    ) -> None:
        self._client = client
        self._db = db
        self._jira = jira
        self._circuit = circuit
        self._demand = demand
        self._not_heard = NotHeardComments(db, jira, circuit)

    @activity.defn(name=ports.READ_ISSUES.name)
    async def read_issues(self, request: ports.ReadIssuesRequest) -> ports.LookResult:
        """Look at the issues that somebody said have changed."""
        links = await asyncio.to_thread(self._links_of, request.issues)
        return await self._look(links)

    @activity.defn(name=ports.SWEEP_ISSUES.name)
    async def sweep_issues(self, request: ports.SweepRequest) -> ports.LookResult:
        """Look at the next of all the issues that tickets wait for, whether anybody said anything or not. When all had
        their turn, issues are told who waits for them."""
        links = await asyncio.to_thread(self._page, request.after)
        seen = await self._look(links)
        if len(links) == PAGE:
            return seen.model_copy(update={"last": links[-1].effect_key})
        await asyncio.to_thread(self._demand.write_due)
        return seen

    async def _look(self, links: Sequence[Link]) -> ports.LookResult:
        issues = await asyncio.to_thread(self._read, sorted({link.issue for link in links}))
        if len(issues) >= A_FEW and not any(issues.values()):
            # Whoever deletes issues leaves some. All at once are out of sight, and no ticket must hear that its issue
            # is gone because somebody changed what our account may see.
            activity.logger.error("Jira shows none of %d issues: may our account still browse them?", len(issues))
            return ports.LookResult(links=len(links), notified=0, out_of_sight=len(issues))
        looked = datetime.now(UTC)
        notified = 0
        for link in links:
            if link.issue in issues:
                notified += await self._notify(link, issues[link.issue], looked)
        if states := [state for state in issues.values() if state and state.not_heard]:
            await asyncio.to_thread(self._not_heard.answer, states)
        return ports.LookResult(links=len(links), notified=notified)

    async def _notify(self, link: Link, issue: Issue | None, looked: datetime) -> bool:
        """Return whether the ticket was notified of something. One that cannot be notified now must not hold up
        those behind it."""
        try:
            fact = fact_of(link, issue, looked)
            digest = digest_of(fact)
            news = digest != link.notified_digest and not (link.notified_digest is None and _is_untouched(fact))
            if news:
                await deliver_to_ticket(self._client, self._db, link.ticket_id, fact)
            notified = Notified(
                version=fact.version, digest=digest, category=fact.category, key=fact.key, url=fact.url,
                at=datetime.now(UTC),
            )  # fmt: skip
            if not tracker_watch.is_noted(link, notified) and not await asyncio.to_thread(self._note, link, notified):
                activity.logger.warning("%s: %s was looked at by two at once: looking again", link.owner, link.issue)
                await self._notify_again(link)
        except Exception as error:
            activity.logger.warning("%s was not notified of %s: %s", link.owner, link.jira_key, error)
            return False
        return news

    async def _notify_again(self, link: Link) -> None:
        """Notify the ticket again with the latest state: two looks at once may have sent the older state last."""
        issues = await asyncio.to_thread(self._read, [link.issue])
        if link.issue in issues:
            fact = fact_of(link, issues[link.issue], datetime.now(UTC))
            await deliver_to_ticket(self._client, self._db, link.ticket_id, fact)

    def _links_of(self, issues: Sequence[str]) -> list[Link]:
        with self._db.session() as session:
            return tracker_watch.of_issues(session, issues)

    def _page(self, after: str) -> list[Link]:
        with self._db.session() as session:
            return tracker_watch.page(session, after, PAGE)

    def _note(self, link: Link, notified: Notified) -> bool:
        with self._db.begin() as session:
            return tracker_watch.note(session, link, notified)

    def _read(self, issues: list[str]) -> dict[str, Issue | None]:
        if not issues:
            return {}
        with self._circuit("read issues"):
            return self._jira.read(issues)


def fact_of(link: Link, issue: Issue | None, looked: datetime) -> IssueUpdate:
    """Return what an issue says, as a fact for a ticket. The issue's own time of change is the version; of one that
    is gone, when that was seen."""
    if issue is None:
        return IssueUpdate(
            by="jira", role=Role.INTEGRATION, key=link.jira_key, category="gone",
            status="deleted, or out of our sight", version=looked,
        )  # fmt: skip
    return IssueUpdate.of(
        issue,
        by="jira",
        role=Role.INTEGRATION,
        was=link.jira_key if link.jira_key != issue.key else None,
        assignee_name=issue.assignee_name,
        comments=issue.comments,
    )


def _is_untouched(fact: IssueUpdate) -> bool:
    """Return whether nobody has touched a new issue. That is no news; the core decides the same, and is not asked."""
    known = (fact.resolution, fact.assignee, fact.fix_versions, fact.duplicate_of, fact.comments, fact.was)
    return fact.category == "new" and not any(known)


DIGESTED = (
    "by", "role", "do", "key", "category", "status", "resolution", "assignee", "assignee_name", "fix_versions",
    "duplicate_of", "comments",
)  # fmt: skip
"""What a digest covers, in the order in which it always has: digests are stored."""


ADDED_LATER = ("release_date",)
"""What a digest covers only where it is known, so that the digests of before stay as they are."""


def digest_of(fact: IssueUpdate) -> str:
    """Return a digest that is the same for the same words, whenever they were read."""
    dumped = fact.model_dump(mode="json", include={*DIGESTED, *ADDED_LATER})
    digested = {name: dumped[name] for name in DIGESTED} | {
        name: dumped[name] for name in ADDED_LATER if dumped[name] is not None
    }
    ordered = json.dumps(digested, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(ordered.encode()).hexdigest()
