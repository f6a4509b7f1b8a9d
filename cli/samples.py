"""The sample tickets: each lives through another path, at demo speed, where the policy's minutes are seconds.

They use the same services as everyone, and the same pages: engineering answers in the Jira stand-in by the form
that a person would use. Every wait is for a condition.

Every run is to count the same. So what one ticket does to another is waited for, and nobody acts near an instant at
which something falls due by itself: the next is about 5 seconds away, or more. To the policy those are minutes. So
where a machine stands still for that long, somebody really is paged once more, or an effect is late: that is counted.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import requests
from temporalio.client import Client, WorkflowQueryFailedError

from domain.core.enums import Plan, Tier
from domain.core.failures import Unavailable
from domain.core.refusal import Refused
from domain.incident.state import Incident
from domain.incident.state import workflow_id as incident_id
from domain.ticket.state import Account, Ticket, workflow_id
from services.intake.request import OpenRequest
from services.tickets import TicketService

State = TypeVar("State", Ticket, Incident)

SPEED = 60
"""A minute of the policy is a second of the demo."""
PATIENCE = 90.0
"""Seconds that any one condition may take before the demo says that it failed."""

PACKAGE = {
    "steps_taken": "Cleared the cache, tried a second browser, checked the status page.",
    "customer_impact": "Their finance team cannot close the month.",
    "reproduction_steps": "1. Open Reports\n2. Choose last month\n3. Press Export",
    "logs_or_screenshots": "Request 7f3a failed with status 500: KeyError 'currency'",
}
BUG = {
    "bug_report": {
        "summary": "Export of a report fails for accounts with two currencies",
        "expected": "A CSV file is downloaded.",
        "actual": "The page shows an error and nothing is downloaded.",
        "environment": "Cloud, version 4.12, Firefox 145",
        "frequency": "Always",
        "code_change": True,
    },
    "business_impact": {"text": "Month-end closing is blocked.", "arr": 84000},
    "workaround_status": "Exporting each currency on its own works.",
    "communication_plan": "One update a day, by mail.",
}
SOLVED = {
    "resolution": "solved",
    "message": "This is solved. Thank you for your patience.",
    "what_was_done": "The fix was deployed and checked with the customer's report.",
    "root_cause": "The exporter assumed one currency.",
    "kb_reason": "gap",
}

BY_AN_AGENT = {"by": "ada", "role": "agent"}
"""Who opens a P0 of the samples. Nobody knows their accounts, so a customer's word would wait for the duty agent."""


class Sample:
    """One sample ticket, and what its story needs."""

    def __init__(
        self, name: str, service: TicketService, client: Client, run: str, report: Callable[[str], None]
    ) -> None:
        self.name = name
        self._service = service
        self._client = client
        self._run = run
        self._report = report
        self.id = ""

    async def open(self, plan: str, priority: str, **form: Any) -> None:
        """Open the ticket; keyword arguments are the form's."""
        name = form.pop("account", f"{self.name}-{plan}")
        account = Account(id=name, plan=Plan(plan), csm=form.pop("csm", None), arr=form.pop("arr", None))
        known = {"source": "demo", "external_id": f"{self._run}-{self.name}", "priority": priority, "account": account}
        receipt = await self._service.open(OpenRequest.parse({"subject": self.name.replace("-", " ")} | known | form))
        self.id = receipt.ticket
        self._report(f"{self.id}  {self.name}: opened, {priority} on {plan}")

    async def do(self, name: str, by: str = "ada", **payload: Any) -> None:
        """Give a command, and say what came of it. Where no worker answers in time, it is sent again: it is the same
        command."""
        command = {"id": uuid4().hex, "by": by, **payload}
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            try:
                answer = await self._service.handle(self.id, name, command)
                break
            except Unavailable:
                if asyncio.get_running_loop().time() > deadline:
                    raise
        self._report(f"{self.id}  {self.name}: {name} -> {answer.status} in {answer.tier}, waits on {answer.waits_on}")

    async def refused(self, name: str, by: str = "ada", **payload: Any) -> None:
        """Give a command that must be refused, and say what was missing."""
        try:
            await self._service.handle(self.id, name, {"by": by, **payload})
        except Refused as refused:
            self._report(f"{self.id}  {self.name}: {name} refused, {refused.message}")
            return
        raise RuntimeError(f"{self.name}: {name} should have been refused")

    async def signal(self, payload: Any) -> None:
        """Send the `advance` Signal."""
        await self._client.get_workflow_handle(workflow_id(self.id)).signal("advance", payload)

    async def see(self) -> Ticket:
        handle = self._client.get_workflow_handle(workflow_id(self.id))
        ticket: Ticket = await handle.query("ticket", result_type=Ticket)
        return ticket

    async def until(self, what: str, condition: Callable[[Ticket], bool]) -> Ticket:
        """Wait until the ticket is as `condition` says; RuntimeError if that takes too long."""
        return await self._until(self.id, what, self.see, condition)

    async def _until(
        self, whose: str, what: str, see: Callable[[], Awaitable[State]], condition: Callable[[State], bool]
    ) -> State:
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            failed = None
            try:
                if condition(found := await see()):
                    break
            except WorkflowQueryFailedError as error:  # on a busy machine the SDK may give up a task: it is asked again
                failed = error
            if asyncio.get_running_loop().time() > deadline:
                raise RuntimeError(f"{self.name} ({whose}): still not {what} after {PATIENCE:g} s") from failed
            await asyncio.sleep(0.2)  # looked at, not waited for: what is awaited happens in another process
        self._report(f"{whose}  {self.name}: {what}")
        return found

    async def engineering(self, to: str, **form: Any) -> None:
        """Do what an engineer does on the page of the issue."""
        link = (await self.see()).issue
        assert link is not None
        await asyncio.to_thread(_post, link.url, {"to": to} | form)

    async def responders(self, number: int, act: str, **fields: str) -> None:
        """Do what responders do to the incident."""
        handle = self._client.get_workflow_handle(incident_id(number))
        await handle.execute_update(act, {"by": "on-call", **fields}, rpc_timeout=timedelta(seconds=20))

    async def until_incident(self, number: int, what: str, condition: Callable[[Incident], bool]) -> None:
        """Wait until the incident is as `condition` says; RuntimeError if that takes too long."""
        handle = self._client.get_workflow_handle(incident_id(number))

        async def see() -> Incident:
            incident: Incident = await handle.query("incident", result_type=Incident)
            return incident

        await self._until(incident_id(number), what, see, condition)


def _post(url: str, form: dict[str, Any]) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.post(url, data=form, timeout=10, allow_redirects=False).raise_for_status()


Story = Callable[[Sample], Awaitable[None]]


async def how_to(s: Sample) -> None:
    await s.open(
        "standard", "P3", category="how-to", channel="chat", by="ada", role="agent", product_area="dashboard",
        account="brambleway-garden", subject="How do we filter the dashboard by shop?",
        description="We have four shops and want to see one at a time.",
    )  # fmt: skip
    await s.do("take")
    await s.do("step", text="Looked the question up in the knowledge base.")
    await s.do("resolve", resolution="solved", kb_article="KB-17", message="Please see our article on filters.")
    await s.do("rate", by="customer", role="customer", csat=5)
    await s.do("close")


async def bug_to_jira_and_back(s: Sample) -> None:
    await s.open(
        "standard", "P2", product_area="reports", account="tidewell-marine", subject="Export of a report fails",
        description="Every export with bookings in two currencies ends with an error page. It worked last week.",
    )  # fmt: skip
    await s.do("take")
    await s.do("respond", text="We are looking into it.")
    await s.refused("escalate")
    await s.do("escalate", fields=PACKAGE)
    await s.do("take", by="ben")
    await s.refused("escalate", by="ben")
    await s.do("escalate", by="ben", fields=BUG)
    await s.until("in Jira", lambda t: t.issue is not None)
    await s.engineering("In Progress")
    await s.until("in progress at engineering", lambda t: t.issue is not None and t.issue.status == "In Progress")
    await s.engineering("Done", resolution="Fixed", support="1", comment="Fixed in 4.13: both currencies are exported.")
    await s.until("back from engineering", lambda t: t.tier is Tier.T2 and t.assignee == "ben")
    await s.do("resolve", by="ben", **SOLVED)
    await s.do("close", by="ben")


async def limit_reached(s: Sample) -> None:
    await s.open(
        "premium", "P2", product_area="api", csm="csm-1", arr=120000, account="granary-lane",
        subject="Orders arrive twice over the API", description="About one order in fifty is there twice since Monday.",
    )  # fmt: skip
    await s.do("take")
    await s.do("respond", text="We are on it.")
    await s.until("past its Tier 1 limit", lambda t: t.escalation_due)
    await s.refused("step", text="One more idea.")
    await s.do("fill", fields=PACKAGE)
    await s.until("escalated by the last field", lambda t: t.tier is Tier.T2)


async def escalates_by_itself(s: Sample) -> None:
    await s.open(
        "standard", "P2", product_area="billing", account="copperfield-print",
        subject="Totals differ by one cent", description="The sum of our positions and the total differ by one cent.",
    )  # fmt: skip
    await s.do("take")
    await s.do("respond", text="We are on it.")
    await s.do("fill", fields=PACKAGE)
    await s.until("escalated at the limit, by itself", lambda t: t.tier is Tier.T2)


async def outage(s: Sample) -> None:
    await s.open(
        "enterprise", "P0", product_area="dashboard", account="alderport-logistics", csm="csm-2", arr=900000,
        subject="Dashboard does not load", description="Dispatch sees a white page on every screen.", **BY_AN_AGENT,
    )  # fmt: skip
    ticket = await s.until("part of an incident", lambda t: t.incident is not None)
    assert ticket.incident is not None
    number = ticket.incident.number
    await s.until_incident(number, "paged a second time", lambda i: _paged_twice(i) and _notified_all(i, 2))
    await s.responders(number, "acknowledge")
    await s.responders(number, "update", status="The database does not answer.", doing="Failing it over.")
    await s.until("in breach of its contract", lambda t: any(c.breach and c.side == "contract" for c in t.clocks))
    await s.do("respond", text="We know about the outage and are on it.")
    await s.do("fill", fields=PACKAGE | BUG)
    await s.until_incident(number, "owed nothing any more", lambda i: not i.owing)  # G6
    await s.responders(number, "resolve", comment="The database was failed over.")
    await s.until("back from the incident", lambda t: t.tier is Tier.T2)
    await s.do("take", by="ben")
    await s.do("resolve", by="ben", **SOLVED)
    await s.do("waive", by="lena", role="lead", metric="first_response", reason="Agreed with the customer.")


async def same_outage(s: Sample) -> None:
    await s.open(
        "enterprise", "P0", product_area="dashboard", account="alderport-logistics", csm="csm-2", arr=900000,
        subject="White page in the warehouse as well", description="The same in the warehouse.", **BY_AN_AGENT,
    )  # fmt: skip
    await s.do("respond", text="You are affected by an outage; we are on it.")
    await s.until("part of the same incident", lambda t: t.incident is not None and not t.pending_effects)
    await s.do("fill", fields=PACKAGE | BUG)


async def guessed_and_lowered(s: Sample) -> None:
    await s.open(
        "standard", "P0", priority_guessed=True, product_area="api", account="wren-studio",
        subject="Nothing is sent", description="Our test script sends nothing.",
    )  # fmt: skip
    await s.do("prioritise", priority="P3", reason="One user, and a typing error.")
    await s.do("take")
    await s.do("resolve", **SOLVED)


async def community(s: Sample) -> None:
    await s.open(
        "free", "P3", category="how-to", account="hilltop-choir",
        subject="How do we share a calendar?", description="Our choir would like to share one calendar.",
    )  # fmt: skip
    await s.do("take")
    await s.refused("escalate", fields=PACKAGE)
    await s.do("refer", link="https://community.example.com/t/42", text="Please ask here.")


async def waits_and_reopens(s: Sample) -> None:
    await s.open(
        "premium", "P3", category="account", product_area="dashboard", account="maplegate-dental",
        subject="Move a seat to our new colleague", description="Please move the seat of Dr Ames to Dr Roth.",
    )  # fmt: skip
    await s.do("take")
    await s.do("wait", question="Which of your two workspaces do you mean?")
    await s.do("reply", by="customer", role="customer", text="The first one.")
    record = {"what_was_done": "Moved the seat.", "identity_check": "Code sent to the owner's address."}
    await s.do("resolve", resolution="solved", message="Done.", **record)
    await s.do("reply", by="customer", role="customer", text="It does not work yet.")
    await s.do("resolve", resolution="solved", message="Now it does.", **record)


async def request(s: Sample) -> None:
    await s.open(
        "premium", "P4", category="feature", product_area="reports", account="sable-textiles",
        subject="A report by colour", description="We would like to see our sales by colour.",
    )  # fmt: skip
    await s.do("take")
    await s.do("escalate", fields=PACKAGE)
    await s.do("take", by="ben")
    await s.do("escalate", by="ben")
    await s.until("tracked in Jira", lambda t: t.issue is not None)
    await s.do("resolve", by="ben", resolution="feature_request", message="We track this and will tell you.")


async def handed_back(s: Sample) -> None:
    await s.open(
        "enterprise", "P3", product_area="api", account="ostrava-tiles",
        subject="Answers of the API lack the unit", description="Weights come without their unit since the update.",
    )  # fmt: skip
    await s.do("take")
    await s.do("respond", text="We hand this to our engineers.")
    await s.do("escalate", to="T3", fields=PACKAGE | BUG)
    await s.until("in Jira", lambda t: t.issue is not None)
    await s.do("return", by="eve", role="engineer", reason="Which endpoint is it?")
    await s.do("take", by="ben")
    await s.do("escalate", by="ben")  # the package is complete, and the issue is still open: it is reused


async def late_evidence(s: Sample) -> None:
    await s.open(
        "enterprise", "P0", product_area="billing", account="quillworks",
        subject="Checkout stands still", description="No customer can pay in any of our shops.", **BY_AN_AGENT,
    )  # fmt: skip
    wrote_at = datetime.now(UTC)
    ticket = await s.until("part of an incident", lambda t: t.incident is not None)
    assert ticket.incident is not None
    number = ticket.incident.number
    await s.until_incident(number, "paged a second time", lambda i: _paged_twice(i) and _notified_all(i, 1))
    await s.responders(number, "acknowledge")
    await s.responders(number, "update", status="We are looking into it.")
    await s.until("in breach of its contract", lambda t: any(c.breach and c.side == "contract" for c in t.clocks))
    await s.do("respond", text="We called you at once.", occurred=wrote_at.isoformat(), source="phone")
    await s.do("fill", fields=PACKAGE | BUG)
    await s.until("met after all, by the phone system's word", lambda t: t.clocks[0].met_at is not None)
    await s.responders(number, "cancel", reason="It was a test call.")
    await s.until("back from the incident", lambda t: t.tier is Tier.T2)


def _paged_twice(incident: Incident) -> bool:
    """Return whether two pages went out. One that is still on its way would be withdrawn by an acknowledgement."""
    return incident.steps_paged >= 2 and all(page.state != "sending" for page in incident.pages)


def _notified_all(incident: Incident, tickets: int) -> bool:
    """Return whether so many tickets are part of it and know that: from then on each hears of every change."""
    return len(incident.tickets) == tickets and all(joined.notified_up_to for joined in incident.tickets)


async def odd_signals(s: Sample) -> None:
    await s.open(
        "standard", "P3", product_area="dashboard", account="fernhill-yoga",
        subject="A tile is empty", description="The tile of this week's courses is empty.",
    )  # fmt: skip
    await s.signal({"do": "take", "by": "ada"})
    await s.until("taken, by a Signal", lambda t: t.assignee == "ada")
    await s.signal("not a command")
    await s.until("the unreadable Signal is on the timeline", lambda t: t.seq >= 3)
    await s.do("resolve", **SOLVED)


TIMED: tuple[Story, ...] = (outage, same_outage, late_evidence, limit_reached, escalates_by_itself)
"""They wait for their deadlines, all at once."""
BRISK: tuple[Story, ...] = (
    bug_to_jira_and_back, how_to, request, handed_back, waits_and_reopens, guessed_and_lowered, community, odd_signals,
)  # fmt: skip
"""Meanwhile these follow one another, a few at a time: all at once they would hold up those whose seconds count."""
A_FEW = 2


async def play(service: TicketService, client: Client, run: str, report: Callable[[str], None]) -> None:
    """Play all stories. Raises the first story's failure."""
    free = asyncio.Semaphore(A_FEW)

    def sample(story: Story) -> Sample:
        return Sample(story.__name__.replace("_", "-"), service, client, run, report)

    async def in_turn(story: Story) -> None:
        async with free:
            await story(sample(story))

    await asyncio.gather(*(story(sample(story)) for story in TIMED), *map(in_turn, BRISK))
