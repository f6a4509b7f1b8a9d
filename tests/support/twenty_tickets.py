"""Twenty tickets that are up at once, some of which are breached, wait for their escalation, or wait on Jira.

They are brought there through the ticket service, on a real worker. Hasty ones live by a policy whose hour takes four
seconds, with Enterprise's support hours, so that it makes no difference on which day they are opened.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from temporalio.client import Client

from cli.samples import BUG, BY_AN_AGENT, PACKAGE, SOLVED, Sample
from domain.core.enums import SlaState, Tier, WaitsOn
from domain.ticket.derived import sla_state
from domain.ticket.state import Ticket, workflow_id
from integrations.standins.run import Control
from services.tickets import TicketService
from store.database import Database
from tests.support.policy import POLICY

HASTE = 900
"""A minute of the policy is a fifteenth of a second: the Tier 1 limit takes one second."""

BREACHED = "SlaState='breached' and ExecutionStatus='Running'"
ESCALATION_DUE = "WaitsOn='escalation_due' and ExecutionStatus='Running'"
WAITS_ON_JIRA = "WaitsOn='jira' and ExecutionStatus='Running'"
QUERIES = (BREACHED, ESCALATION_DUE, WAITS_ON_JIRA)

Scene = Callable[[Sample], Awaitable[None]]


@dataclass(frozen=True)
class Part:
    """What one ticket of the twenty goes through, and which of the queries find it then."""

    play: Scene
    hasty: bool
    found_by: frozenset[str]


def hasty_policy_desk(client: Client, db: Database) -> TicketService:
    limits = POLICY.limits.at_speed(HASTE)
    # Reminders come at the old pace: one a second would be no more than noise here.
    limits = limits.model_copy(update={"t1_grace": timedelta(minutes=15), "quiet": timedelta(days=3)})
    return TicketService(client, db, POLICY.at_speed(HASTE).model_copy(update={"limits": limits}), channel="test")


async def open_twenty(client: Client, db: Database, jira: Control) -> dict[str, set[str]]:
    """Open and work the twenty, and one that is closed. Returns the workflow ids that each query must find.

    When it returns, Jira is down, and every ticket stands where it was meant to stand.
    """
    run = uuid4().hex[:8]
    hasty, plain = hasty_policy_desk(client, db), TicketService(client, db, POLICY, channel="test")
    found: dict[str, set[str]] = {query: set() for query in QUERIES}

    async def play(parts: list[Part]) -> None:
        samples = []
        for number, part in enumerate(parts):
            name = f"{part.play.__name__.replace('_', '-')}-{number}"
            samples.append(Sample(name, hasty if part.hasty else plain, client, run, lambda _line: None))
        await asyncio.gather(*(part.play(sample) for part, sample in zip(parts, samples, strict=True)))
        for part, sample in zip(parts, samples, strict=True):
            for query in part.found_by:
                found[query].add(workflow_id(sample.id))

    await play([Part(with_engineering, False, frozenset())] * 2)
    await asyncio.to_thread(jira.fault, "down")
    await play(
        [Part(unanswered, True, frozenset({BREACHED}))] * 3
        + [Part(breached_and_resolved, True, frozenset({BREACHED}))]
        + [Part(unanswered_and_over_the_limit, True, frozenset({BREACHED, ESCALATION_DUE}))]
        + [Part(unanswered_and_escalated, True, frozenset({BREACHED, WAITS_ON_JIRA}))]
        + [Part(over_the_limit, True, frozenset({ESCALATION_DUE}))] * 3
        + [Part(escalated, False, frozenset({WAITS_ON_JIRA}))] * 3
        + [Part(breached_and_waived, True, frozenset())]
        + [Part(breached_and_closed, True, frozenset())]  # the one that is not up any more
        + [Part(completed_after_the_limit, True, frozenset())]
        + [Part(new, False, frozenset())] * 2
        + [Part(waiting_on_the_customer, False, frozenset())]
        + [Part(outage, False, frozenset())]
    )
    return found


def breached(ticket: Ticket) -> bool:
    return sla_state(ticket) is SlaState.BREACHED


async def unanswered(s: Sample) -> None:
    await s.open("enterprise", "P2")
    await s.until("breached", breached)


async def breached_and_resolved(s: Sample) -> None:
    await unanswered(s)
    await s.do("resolve", **SOLVED)


async def breached_and_closed(s: Sample) -> None:
    await breached_and_resolved(s)
    await s.do("close")


async def breached_and_waived(s: Sample) -> None:
    await unanswered(s)
    await s.do("resolve", **SOLVED)  # else its resolution would be the next to breach
    for metric in ("first_response", "resolution"):
        clocks = (await s.see()).clocks
        if any(c.side == "contract" and c.metric == metric and c.breach for c in clocks):
            await s.do("waive", by="lena", role="lead", metric=metric, reason="Agreed with the customer.")


async def unanswered_and_over_the_limit(s: Sample) -> None:
    await s.open("enterprise", "P2")
    await s.do("take")
    await s.until("breached, and over its limit", lambda t: breached(t) and t.waits_on is WaitsOn.ESCALATION)


async def unanswered_and_escalated(s: Sample) -> None:
    await s.open("enterprise", "P2")
    await s.do("escalate", to="T3", fields=PACKAGE | BUG)
    await s.until("breached while it waits on Jira", lambda t: breached(t) and t.waits_on is WaitsOn.TRACKER)


async def over_the_limit(s: Sample) -> None:
    """Answered when it is opened, in a chat, and a request: nothing of it can be breached."""
    await s.open("enterprise", "P4", category="feature", channel="chat", by="ada", role="agent")
    await s.do("take")
    await s.until("over its limit", lambda t: t.waits_on is WaitsOn.ESCALATION)


async def completed_after_the_limit(s: Sample) -> None:
    await over_the_limit(s)
    await s.do("fill", fields=PACKAGE)
    await s.until("with Tier 2", lambda t: t.tier is Tier.T2 and t.waits_on is WaitsOn.AGENT)


async def escalated(s: Sample) -> None:
    await s.open("enterprise", "P3")
    await s.do("escalate", to="T3", fields=PACKAGE | BUG)
    await s.until("waiting on Jira", lambda t: t.waits_on is WaitsOn.TRACKER)


async def with_engineering(s: Sample) -> None:
    await s.open("enterprise", "P3")
    await s.do("escalate", to="T3", fields=PACKAGE | BUG)
    await s.until("with engineering", lambda t: t.waits_on is WaitsOn.ENGINEERING)


async def new(s: Sample) -> None:
    await s.open("enterprise", "P2")


async def waiting_on_the_customer(s: Sample) -> None:
    await s.open("enterprise", "P3")
    await s.do("take")
    await s.do("wait", question="Which report do you mean?")


async def outage(s: Sample) -> None:
    await s.open("enterprise", "P0", product_area="dashboard", **BY_AN_AGENT)
    await s.until("part of an incident", lambda t: t.waits_on is WaitsOn.INCIDENT)
