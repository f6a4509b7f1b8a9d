"""The people of the chaos tests: agents, engineers and responders who do not give up while something is down."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import requests
from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    StartWorkflowInput,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from domain.core.enums import Plan
from domain.core.failures import Unavailable
from domain.core.ids import ticket_id
from domain.incident.state import workflow_id as incident_id
from domain.ticket.events import Event
from domain.ticket.state import Account, Ticket, workflow_id
from services.intake.request import OpenRequest
from services.tickets import TicketService
from store import accounts, journal
from store.database import Database, DatabaseDown
from tests.support.differences import what_differs
from tests.support.packages import T2_PACKAGE, T3_PACKAGE
from tests.support.policy import POLICY
from tests.support.processes import Processes
from tests.support.waiting import RPC_PATIENCE, until
from workflows.ticket.messages import Answer


class _FiveSeconds(Interceptor):
    """A workflow task of a killed worker counts as lost after five seconds, not ten."""

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _ShortTasks(next)


class _ShortTasks(OutboundInterceptor):
    async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
        input.task_timeout = timedelta(seconds=5)
        return await super().start_workflow(input)


PACES = (60, 15, 4)
"""Speeds for what must be done before a deadline: the next one is for a machine that was too slow for the last.

A quarter of an hour of the policy takes fifteen seconds, a minute, or nearly four.
"""


def foreseen() -> tuple[str, dict[str, str]]:
    """The id of a ticket that is still to be opened, and what to open it with: faults may lie in wait for it alone."""
    name = uuid4().hex
    return ticket_id("chaos", name), {"external_id": name}


async def connected(house: Processes) -> Client:
    """A client of the house's Temporal."""
    address, converter = house.temporal.address, pydantic_data_converter
    return await Client.connect(address, data_converter=converter, interceptors=[_FiveSeconds()])


class Office:
    """Where the people of one test work: a ticket service of their own, at a speed of their own."""

    def __init__(self, house: Processes, client: Client, speed: int) -> None:
        self.house = house
        self.client = client
        self.db = Database(house.postgres.url)
        policy = POLICY
        self.policy = policy if speed == 1 else policy.at_speed(speed)
        self._desk = TicketService(client, self.db, self.policy, channel="chaos")

    @classmethod
    async def at(cls, house: Processes, speed: int) -> "Office":
        return cls(house, await connected(house), speed)

    async def open(self, plan: str, priority: str, **form: Any) -> "RealTicket":
        """A new ticket of an account that is known, in an area of its own unless the form says otherwise. The same
        external id again is the same account."""
        name = form.get("external_id") or uuid4().hex[:12]
        account = Account(id=f"{name}-{plan}", plan=Plan(plan))
        with self.db.begin() as session:
            accounts.save_accounts(session, [account])
        known = {"source": "chaos", "external_id": name, "priority": priority, "account": account}
        request = OpenRequest.parse({"subject": "It broke", "product_area": name} | known | form)
        self.receipt = await self._desk.open(request)
        return RealTicket(self, self.receipt.ticket)

    async def handle(self, ticket: str, do: str, payload: dict[str, Any]) -> Answer:
        """A command that is sent again, under the same id, until somebody answers."""
        payload = {"id": uuid4().hex, **payload}

        async def send() -> Answer:
            return await self._desk.handle(ticket, do, payload)

        return await until(send, f"{do} answered", among=(Unavailable, DatabaseDown))

    def incidents(self, ticket: str) -> list[int]:
        """The incidents that the database knows of a ticket."""
        query = "SELECT DISTINCT number FROM incident_tickets WHERE ticket_id = :id ORDER BY 1"
        return [number for (number,) in self.house.rows(query, id=ticket)]

    async def respond_to(self, incident: int, act: str) -> None:
        """What responders do, under one id however often it is sent: refused, it is sent again, since what a ticket
        owes no more may be on its way."""
        handle, identity = self.client.get_workflow_handle(incident_id(incident)), uuid4().hex

        async def send() -> bool:
            payload = {"by": "on-call", "comment": act}
            await handle.execute_update(act, payload, id=identity, rpc_timeout=timedelta(seconds=5))
            return True

        refused_or_away = (RPCError, WorkflowUpdateRPCTimeoutOrCancelledError, WorkflowUpdateFailedError)
        await until(send, f"incident {act}", among=refused_or_away)


Offices = Callable[[int], Awaitable[Office]]
"""Opens an office at a speed: `await office(60)`, where a minute of the policy is a second."""


class RealTicket:
    """One ticket, what people do to it, and what the records say of it."""

    def __init__(self, office: Office, ticket: str) -> None:
        self.office = office
        self.house = office.house
        self.id = ticket
        self._handle = office.client.get_workflow_handle(workflow_id(ticket))

    async def do(self, name: str, by: str = "ada", **payload: Any) -> Answer:
        return await self.office.handle(self.id, name, {"by": by, **payload})

    async def signal(self, **payload: Any) -> None:
        """The `advance` Signal; Temporal keeps it when no worker is there."""
        await self._handle.signal("advance", payload, rpc_timeout=RPC_PATIENCE)

    async def terminate(self) -> None:
        """What an operator may do from Temporal's UI, whatever becomes of the ticket."""
        await self._handle.terminate("by a test")

    async def to_engineering(self) -> None:
        """From Tier 1 to Tier 3, with both packages."""
        await self.do("take")
        await self.do("respond", text="We are on it.")
        await self.do("escalate", fields=T2_PACKAGE)
        await self.do("take", by="ben")
        await self.do("escalate", by="ben", fields=T3_PACKAGE)

    async def engineering(self, to: str) -> None:
        """What an engineer does on the page of the ticket's issue."""
        link = (await self.until("in Jira", lambda t: t.issue)).issue
        assert link is not None
        with requests.Session() as session:
            session.trust_env = False
            session.post(link.url, data={"to": to}, timeout=60, allow_redirects=False).raise_for_status()

    async def see(self) -> Ticket:
        """The ticket as its workflow has it."""
        seen: Ticket = await self._handle.query("ticket", result_type=Ticket, rpc_timeout=RPC_PATIENCE)
        return seen

    async def until(self, what: str, condition: Any) -> Ticket:
        """The ticket, once its workflow says what `condition` asks for."""

        async def look() -> Ticket | None:
            ticket = await self.see()
            return ticket if condition(ticket) else None

        return await until(look, f"{self.id} {what}", among=(RPCError,))

    # -- What stands on record ----------------------------------------------------------------------------------

    def events(self, *types: str) -> list[journal.Entry[Event]]:
        """The journal's live events of these types, in order; of all, if none is named."""
        with self.office.db.session() as session:
            entries = journal.timeline(session, self.id)
        return [entry for entry in entries if not types or entry.event.body.type in types]

    def count(self, name: str) -> int:
        return len(self.events(name))

    async def until_recorded(self, *types: str) -> list[journal.Entry[Event]]:
        """The events of these types, once the journal has one of each."""

        async def look() -> list[journal.Entry[Event]] | None:
            found = self.events(*types)
            return found if {entry.event.body.type for entry in found} == set(types) else None

        return await until(look, f"{self.id} {', '.join(types)} journalled", among=(DatabaseDown,))

    async def until_caught_up(self) -> Ticket:
        """Wait until the journal has all that the workflow has, and see that it is the same ticket, told once."""

        async def look() -> Ticket | None:
            seen = await self.see()
            with self.office.db.session() as session:
                stored, folded = journal.load(session, self.id), journal.fold(session, self.id)
            if seen.pending_effects or stored is None or folded is None or {stored.seq, folded.seq} != {seen.seq}:
                return None
            assert folded == stored == seen, what_differs(seen, stored=stored, folded=folded)
            return seen

        ticket = await until(look, f"{self.id} journalled", among=(RPCError, DatabaseDown))
        places = [entry.event.seq for entry in self.events()]
        assert places == list(range(1, len(places) + 1)), f"places in the journal: {places}"
        assert len(places) >= ticket.seq, f"{len(places)} events in the journal, and the ticket is at {ticket.seq}"
        return ticket

    def issues(self) -> list[dict[str, Any]]:
        """What Jira has for this ticket."""
        mark = f"tierline-{workflow_id(self.id)}."
        issues: list[dict[str, Any]] = self.house.jira.see("issues")["issues"]
        return [issue for issue in issues if any(label.startswith(mark) for label in issue["labels"])]

    def alerts(self) -> list[dict[str, Any]]:
        """What the pager has for this ticket's incidents."""
        keys = {incident_id(number) for number in self.office.incidents(self.id)}
        return [alert for alert in self.house.pager.see("alerts")["alerts"] if alert["dedup_key"] in keys]

    async def until_paged(self, times: int = 1, **like: Any) -> dict[str, Any]:
        """The one alert of this ticket, once it was sent so often and is like this: `status="resolved"`."""

        async def look() -> dict[str, Any] | None:
            alerts = self.alerts()
            assert len(alerts) <= 1, "paged twice"
            sent = [alert for alert in alerts if alert["triggers"] >= times]
            return next((alert for alert in sent if all(alert[name] == like[name] for name in like)), None)

        return await until(look, f"{self.id} paged", among=(DatabaseDown,))

    async def until_told(self, name: str = "", times: int = 1) -> dict[str, int]:
        """The notices of this name, once so many have arrived: notice id -> how often it was delivered."""

        async def look() -> dict[str, int] | None:
            arrived = self.notices(name)
            return arrived if len(arrived) >= times else None

        return await until(look, f"{self.id} {name} told")

    def notices(self, name: str = "") -> dict[str, int]:
        """What the chat got of this ticket: notice id -> how often it was delivered."""
        mark = f"{workflow_id(self.id)}:{name}"
        messages = self.house.chat.see("messages")["messages"]
        return {notice["id"]: notice["deliveries"] for notice in messages if notice["id"].startswith(mark)}

    def owed(self) -> list[str]:
        """The keys of the notices that the journal's events cause."""
        return [key for (key,) in self.house.rows("SELECT key FROM outbox WHERE ticket_id = :id", id=self.id)]
