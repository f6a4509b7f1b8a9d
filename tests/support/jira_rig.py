"""The activities on the tracker, as the worker puts them together: the real client, a database, and the stand-in."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import text
from temporalio.testing import ActivityEnvironment

from activities.support.circuit_breaker import CircuitBreaker
from activities.support.ops_alerts import OpsAlerts
from activities.tracker.issue_writer import IssueWriter, Owner
from activities.tracker.issues import IssueActivities
from activities.tracker.links import IssueLinking
from activities.tracker.twins import IssueTwins
from domain.ticket.state import workflow_id
from integrations.jira.client import JiraClient
from integrations.standins.run import Control
from integrations.tracker.port import IssueDraft
from store import journal
from store.database import Database
from tests.support.jira_side import configured
from tests.support.journal_gaps import unmended
from tests.support.ticket_life import RUN, Life, life
from workflows import ports

OWNER = Owner(id="ticket-a", seq=5, url="https://tickets.example.com/a", title="Ticket a")


def _page(ticket: str) -> str:
    return f"https://tickets.example.com/{ticket}"


class JiraActivityRig:
    """The activities, as the worker puts them together."""

    def __init__(self, server: Control, url: str, page: Callable[[str], str] = _page, **rules: Any) -> None:
        self.server = server
        self.db = Database(url)
        self.config = configured(server, **rules)
        self.jira = JiraClient(self.config)
        ops = OpsAlerts(("ops",))
        circuit = CircuitBreaker(self.db, "jira", ops)
        gaps = unmended(self.db)
        self.issues = IssueWriter(self.db, self.jira, circuit, ops)
        self.creating = IssueActivities(self.db, self.jira, self.config.rules, page, self.issues, gaps)
        self.linking = IssueLinking(self.db, self.jira, self.config.rules, page, circuit, gaps, ops)
        self.twins = IssueTwins(self.db, self.jira, circuit, ops)

    def close(self) -> None:
        self.jira.close()
        self.db.dispose()

    def make(self, draft: IssueDraft, owner: Owner = OWNER) -> ports.IssueResult:
        made: ports.IssueResult = ActivityEnvironment().run(self.issues.make, draft, owner)
        return made

    def link(self, ticket: Life, issue: str, seq: int = 3) -> ports.IssueResult:
        key = f"{workflow_id(ticket.ticket.id)}:jira_link:{seq}"
        asked = ports.LinkIssueRequest(ticket_id=ticket.ticket.id, effect_key=key, issue=issue, seq=1)
        made: ports.IssueResult = ActivityEnvironment().run(self.linking.link_issue, asked)
        return made

    def look_for_twins(self) -> ports.TwinsResult:
        found: ports.TwinsResult = ActivityEnvironment().run(self.twins.look_for_twins, ports.Nothing())
        return found

    def journalled(self, name: str, **opened: Any) -> Life:
        """A ticket on record."""
        one = life(name, **opened)
        with self.db.begin() as session:
            journal.append(session, one.ticket.id, RUN, one.events)
        return one

    def sql(self, statement: str, **values: Any) -> None:
        with self.db.begin() as session:
            session.execute(text(statement), values)

    def told(self) -> list[str]:
        """What ops were told."""
        with self.db.session() as session:
            return list(session.scalars(text("SELECT title FROM outbox WHERE audience = 'ops' ORDER BY id")))

    def calls(self, method: str, path: str) -> int:
        count: int = self.server.see("requests")["requests"].get(f"{method} {path}", 0)
        return count
