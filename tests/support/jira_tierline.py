"""A Tierline that works, with an API, and a Jira that sends it webhooks."""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import requests
from sqlalchemy import func, select
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from domain.core.enums import Plan
from domain.policy.tracker import TrackerRow
from domain.ticket.state import Account, Ticket
from integrations.jira.adf_text import to_text
from integrations.jira.client import JiraClient
from integrations.standins.run import Running, jira_config, running
from services.intake.request import OpenRequest
from services.tickets import TicketService
from store import journal
from store.database import Database
from store.tables.integrations import InboxRow, OutboxRow
from tests.support.clients import clients
from tests.support.packages import T2_PACKAGE, T3_PACKAGE
from tests.support.policy import POLICY
from tests.support.served_api import an_api
from tests.support.waiting import until
from workers.worker import running as workers_running
from workflows import ports
from workflows.tracker import news as jira_news
from workflows.tracker.sweep import IssueSweepWorkflow

SECRET = "the secret of the webhook"
FIXED = {"to": "Done", "resolution": "Fixed", "fix_version": "4.13"}
"""What an engineer enters whose work is done."""


class JiraTicket:
    """One ticket, its issue, and what people do to both."""

    def __init__(self, tierline: "JiraTierline", ticket: str) -> None:
        self._tierline = tierline
        self.id = ticket

    async def do(self, name: str, by: str = "ada", **payload: Any) -> None:
        await self._tierline.desk.handle(self.id, name, {"by": by, **payload})

    async def engineer(self, **given: str) -> None:
        """What an engineer does on the issue's page."""
        link = (await self.see()).issue
        assert link is not None
        url = f"{self._tierline.outside.jira.url}/browse/{link.key}"
        answer = await asyncio.to_thread(requests.post, url, data=given, timeout=60)
        answer.raise_for_status()

    async def tell_engineering(self, text: str, by: str = "ada") -> None:
        """What support says; it stands on the issue when this returns."""
        done = self.count("effect_done")
        await self.do("tell_engineering", by, text=text)
        await self.until(lambda _: self.count("effect_done") > done)

    async def see(self) -> Ticket:
        """The ticket as its journal has it."""
        with self._tierline.db.session() as session:
            ticket = journal.load(session, self.id)
        assert ticket is not None
        return ticket

    async def until(self, condition: Callable[[Ticket], Any]) -> Ticket:
        async def met() -> Ticket | None:
            ticket = await self.see()
            return ticket if condition(ticket) else None

        ticket: Ticket = await until(met)
        return ticket

    def texts(self, kind: str) -> list[dict[str, str]]:
        """The texts of all events of a type."""
        with self._tierline.db.session() as session:
            entries = journal.timeline(session, self.id)
        return [entry.event.texts for entry in entries if entry.event.body.type == kind]

    def count(self, kind: str) -> int:
        return len(self.texts(kind))

    def notices(self, name: str) -> int:
        """How many notices of a name the outbox has for this ticket."""
        query = (
            select(func.count()).select_from(OutboxRow).where(OutboxRow.ticket_id == self.id, OutboxRow.name == name)
        )
        with self._tierline.db.session() as session:
            return session.scalar(query) or 0

    async def comments(self) -> list[str]:
        """What stands on the issue."""
        key = (await self.see()).issue
        assert key is not None
        (issue,) = [issue for issue in self._tierline.outside.jira.see("issues")["issues"] if issue["key"] == key.key]
        return [to_text(comment["body"]) for comment in issue["comments"]]


class JiraTierline:
    """A Tierline that works, with an API, and a Jira that sends it webhooks."""

    def __init__(self, client: Client, db: Database, outside: Running, url: str, jira: JiraClient) -> None:
        self._jira = jira
        self.client = client
        self.db = db
        self.outside = outside
        self.url = url
        self.desk = TicketService(client, db, POLICY)

    async def in_engineering(self, speed: int = 1) -> JiraTicket:
        """A ticket in Tier 3, with its issue."""
        case = await self.open(speed)
        await case.do("escalate", to="T3", fields=T2_PACKAGE | T3_PACKAGE)
        await case.until(lambda ticket: ticket.issue)
        await self.quiet()
        return case

    def configure(self, **rules: Any) -> None:
        """Another table `[jira]` in the policy, and a worker that was started with it."""
        self._jira._config = self._jira._config.model_copy(update={"rules": TrackerRow.model_validate(rules)})

    async def open(self, speed: int = 1, priority: str = "P3") -> JiraTicket:
        desk = self.desk if speed == 1 else TicketService(self.client, self.db, POLICY.at_speed(speed))
        account = Account(id="acme", plan=Plan.ENTERPRISE)
        receipt = await desk.open(
            OpenRequest.parse({"external_id": uuid4().hex, "account": account, "priority": priority})
        )
        case = JiraTicket(self, receipt.ticket)
        await case.do("take")
        return case

    def told(self, name: str) -> list[str]:
        """What ops were told under a name, of no ticket in particular."""
        query = select(OutboxRow.title).where(OutboxRow.name == name, OutboxRow.ticket_id.is_(None))
        with self.db.session() as session:
            return list(session.scalars(query.order_by(OutboxRow.id)))

    async def sweep(self) -> ports.LookResult:
        result: ports.LookResult = await self.client.execute_workflow(
            IssueSweepWorkflow.run, id=f"sweep-{uuid4().hex}", task_queue=ports.TICKETS
        )
        return result

    def webhooks(self) -> list[dict[str, Any]]:
        """What Jira sent, and how it was answered."""
        sent: list[dict[str, Any]] = self.outside.jira.see("webhooks")["webhooks"]
        return sent

    async def quiet(self) -> None:
        """Until every webhook is answered, acted on, and looked into."""

        async def quiet() -> bool:
            answered = all(sent["status"] or sent["lost"] for sent in self.webhooks())
            with self.db.session() as session:
                waiting = session.scalar(
                    select(func.count()).select_from(InboxRow).where(InboxRow.handled_at.is_(None))
                )
            return answered and not waiting and not await self.looking()

        await until(quiet)

    async def looking(self) -> bool:
        """Whether what was heard is being looked into. The list of workflows would say so only some time later."""
        try:
            news = await self.client.get_workflow_handle(jira_news.ID).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return False
        return news.status is WorkflowExecutionStatus.RUNNING

    async def deliver(self, said: dict[str, Any], identifier: str) -> int:
        """A webhook that is signed like Jira's. Returns how it is answered."""
        body = json.dumps(said).encode()
        signature = hmac.digest(SECRET.encode(), body, "sha256").hex()
        headers = {"X-Hub-Signature": f"sha256={signature}", "X-Atlassian-Webhook-Identifier": identifier}
        url = f"{self.url}/webhooks/jira"
        answer = await asyncio.to_thread(requests.post, url, data=body, headers=headers, timeout=60)
        return answer.status_code

    def deliveries(self) -> int:
        """How many deliveries were kept."""
        with self.db.session() as session:
            return session.scalar(select(func.count()).select_from(InboxRow)) or 0


@asynccontextmanager
async def a_tierline_with_jira(temporal: Client, database_url: str) -> AsyncIterator[JiraTierline]:
    """A JiraTierline with its workers and stand-ins, for as long as the block lasts."""
    with running() as outside:
        db = Database(database_url)
        config = jira_config(outside.jira.url)
        jira = JiraClient(config)
        names = {
            "JIRA_URL": outside.jira.url,
            "JIRA_EMAIL": config.email,
            "JIRA_API_TOKEN": config.token.get_secret_value(),
            "JIRA_PROJECT": config.project,
            "JIRA_WEBHOOK_SECRET": SECRET,
        }
        world = clients(db, outside, jira=jira, jira_rate=100)
        async with workers_running(temporal, world), an_api(database_url, temporal, **names) as served:
            outside.jira.subscribe(f"{served.url}/webhooks/jira", SECRET)
            yield JiraTierline(temporal, db, outside, served.url, jira)
        db.dispose()
