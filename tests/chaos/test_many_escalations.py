"""Many escalations against a Jira at its worst: every one becomes one issue, linked both ways."""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from activities.tracker.demand import GLOBAL_ID
from domain.core.enums import Plan
from domain.ticket.state import Ticket, workflow_id
from store import journal
from tests.support.packages import BOTH_PACKAGES
from tests.support.people import Office, Offices
from tests.support.processes import Processes
from tests.support.scale import SCALE
from tests.support.ticket_life import RUN, Life, life
from tests.support.waiting import until
from workflows import ports
from workflows.ticket.messages import Carried, TicketStart

pytestmark = pytest.mark.long

MANY = 30 * SCALE
KILLS = 4
LEASE = "20"
"""Seconds that an issue may still turn up: longer than the search lags and an attempt runs, as in earnest, also where
the machine is busy."""


def escalated() -> Life:
    """A ticket on its way to engineering (G5), as its workflow has it when it hands over to its successor."""
    one = life(uuid4().hex, plan=Plan.ENTERPRISE, at=datetime.now(UTC))
    return one.do("escalate", to="T3", fields=BOTH_PACKAGES)


async def escalate(people: Office, count: int) -> list[Ticket]:
    """So many escalations, all at once: each a workflow that goes on where the journal ends."""
    lives = [escalated() for _ in range(count)]
    for one in lives:
        with people.db.begin() as session:
            journal.append(session, one.ticket.id, RUN, one.events)

    async def start(ticket: Ticket) -> None:
        begin = TicketStart(carried=Carried(ticket=ticket))
        id_ = workflow_id(ticket.id)
        await people.client.start_workflow("TicketWorkflow", begin, id=id_, task_queue=ports.TICKETS)

    await asyncio.gather(*(start(one.ticket) for one in lives))
    return [one.ticket for one in lives]


def at_its_worst(house: Processes) -> None:
    """Of ten POSTs three are carried out and not answered; what is new is not found for three seconds."""
    create = {"method": "POST", "path": "/rest/api/3/issue"}
    house.jira.fault("search_lag", seconds=3)
    house.jira.fault("commit_then_drop", rate=0.15, **create)
    house.jira.fault("commit_then_504", rate=0.18, **create)  # of what is left, so 30 % together


async def kill_at_random(house: Processes, done: asyncio.Event) -> int:
    """Workers die at moments that nobody chose. Returns how many did."""
    dice, killed = random.Random(7), 0
    while killed < KILLS:
        try:
            await asyncio.wait_for(done.wait(), dice.uniform(1, 4))
            break
        except TimeoutError:
            house.kill("worker")
            killed += 1
            await house.up("worker")
    return killed


def issues_of(house: Processes, tickets: list[Ticket]) -> dict[str, list[dict[str, Any]]]:
    """Ticket -> what Jira has for it."""
    by_label: dict[str, list[dict[str, Any]]] = {}
    for issue in house.jira.see("issues")["issues"]:
        for label in issue["labels"]:
            by_label.setdefault(label, []).append(issue)
    marks = {ticket.id: f"tierline-{workflow_id(ticket.id)}." for ticket in tickets}
    return {
        ticket: [issue for label, issues in by_label.items() if label.startswith(mark) for issue in issues]
        for ticket, mark in marks.items()
    }


def links(house: Processes) -> dict[str, str]:
    """Ticket -> the issue that its record is linked to."""
    return dict(house.rows("SELECT id, jira_key FROM tickets WHERE jira_key IS NOT NULL"))  # type: ignore[arg-type]


async def until_linked(house: Processes, tickets: list[Ticket]) -> None:
    """Wait for all of them, as long as there are ever more."""
    wanted = {ticket.id for ticket in tickets}
    known = 0
    while known < len(wanted):

        async def look(known: int = known) -> int | None:
            found = len(wanted & links(house).keys())
            return found if found > known else None

        known = await until(look, f"more than {known} tickets know their issue")


async def test_many_escalations_make_as_many_issues_linked_both_ways(house: Processes, office: Offices) -> None:
    await house.replace("worker", TIERLINE_JIRA_RATE="100", CHAOS_LEASE=LEASE)
    people, done = await office(1), asyncio.Event()
    at_its_worst(house)
    try:
        tickets = await escalate(people, MANY)
        killing = asyncio.create_task(kill_at_random(house, done))
        await until_linked(house, tickets)
        done.set()
        killed = await killing
    finally:
        house.jira.clear()
        await house.replace("worker")

    found, known = issues_of(house, tickets), links(house)
    assert killed > 0
    assert Counter(map(len, found.values())) == {1: MANY}
    for ticket, (issue,) in found.items():
        assert known[ticket] == issue["key"]
        leads_back = [link["global_id"] for link in issue["links"] if link["global_id"] != GLOBAL_ID]
        assert leads_back == [f"tierline:{workflow_id(ticket)}"]  # the other one says who waits (F10)


async def test_negative_control_without_looking_first_the_same_makes_more(house: Processes, office: Offices) -> None:
    await house.replace(
        "worker", TIERLINE_JIRA_RATE="100", CHAOS_LEASE=LEASE, CHAOS_WITHOUT="looking before posting again"
    )
    people = await office(1)
    at_its_worst(house)
    try:
        tickets = await escalate(people, 40)
        await until_linked(house, tickets)
    finally:
        house.jira.clear()
        await house.replace("worker")

    assert sum(map(len, issues_of(house, tickets).values())) > 40
