"""kill -9: of everything at once before deadlines, of the worker at random moments, of the relay half-way."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from domain.core.enums import Metric, Side, SlaState, Status, Tier
from domain.ticket.derived import sla_state
from tests.chaos.house import House, until, until_past
from tests.chaos.people import RECORD, T2_PACKAGE, T3_PACKAGE, Case, Office, foreseen

pytestmark = pytest.mark.timeout(600)

Offices = Callable[[int], Awaitable[Office]]
SECOND = timedelta(seconds=1)


async def test_what_falls_due_while_everything_is_dead_stands_once_at_its_own_instant(
    house: House, office: Offices
) -> None:
    """G2, C1, C4, C12: worker, Temporal and PostgreSQL killed before a T1 limit and two contract due instants."""
    people = await office(60)  # a quarter of an hour, the limit's and the contract's, takes fifteen seconds
    quarter = timedelta(minutes=15) / 60
    written, mailed = await people.open("enterprise", "P0"), await people.open("enterprise", "P0")
    limited = await people.open("enterprise", "P2")
    await limited.do("take")
    opened = {case.id: (await case.see()).opened_at for case in (written, mailed)}
    taken = (await limited.see()).stay
    assert taken is not None
    assert taken.since is not None
    limit = taken.since + quarter
    due = {id: at + quarter for id, at in opened.items()}

    house.kill("worker", "temporal", "postgres")
    assert datetime.now(UTC) < min(limit, *due.values())
    await until_past(max(limit, *due.values()))
    back = datetime.now(UTC)
    await house.up("postgres", "temporal")
    # Temporal hands these over before any timer, when a worker comes back.
    await limited.signal(do="step", by="ada", text="One more idea.")
    mail = {"text": "We called you.", "source": "mail"}
    await mailed.signal(do="respond", by="ada", occurred=(opened[mailed.id] + SECOND).isoformat(), **mail)
    await house.up("worker")
    await written.do("respond", occurred=(opened[written.id] + SECOND).isoformat(), **mail)

    (reached, refused) = [entry.event for entry in await limited.until_recorded("limit_reached", "message_refused")]
    assert (reached.at, reached.body.due) == (limit, limit)
    assert reached.detected > back
    assert refused.body.what == "advance"
    assert not limited.events("step_noted")
    for case in (written, mailed):
        *lapses, met = [entry.event for entry in await case.until_recorded("lapsed", "clock_met")]
        (breach,) = [lapse for lapse in lapses if lapse.body.side is Side.CONTRACT]
        assert (breach.at, breach.body.due) == (due[case.id], due[case.id])
        assert breach.detected > back
        assert met.body.occurred == opened[case.id] + SECOND
        assert Side.CONTRACT in met.body.withdrawn
        ticket = await case.until_caught_up()
        (clock,) = [c for c in ticket.clocks if (c.side, c.metric) == (Side.CONTRACT, Metric.FIRST_RESPONSE)]
        assert clock.breach is not None
        assert (clock.met_at, clock.breach.standing) == (met.body.occurred, "withdrawn")
        assert sla_state(ticket) is not SlaState.BREACHED
        await case.until_paged()
    await limited.until_caught_up()
    assert limited.count("limit_reached") == 1

    for case, name, audiences in (
        (limited, "t1_limit", ["assignee", "lead"]),
        (written, "contract_breach", ["csm", "lead", "ops"]),
        (mailed, "contract_breach", ["csm", "lead", "ops"]),
    ):
        arrived = await case.until_told(name, len(audiences))
        assert sorted(key.rpartition(":")[2] for key in arrived) == audiences
        assert set(arrived.values()) == {1}
    await limited.do("resolve", **RECORD)  # no more reminders


async def canonical_way(case: Case) -> None:
    """Take, respond, up, take, up, done in Jira, back, resolve, close."""
    await case.to_engineering()
    await case.until("in Jira", lambda t: t.jira)
    await case.engineering("Done")
    await case.until("back", lambda t: t.tier is Tier.T2)
    await case.do("resolve", by="ben", **RECORD)
    await case.do("close", by="ben")


async def outage(case: Case) -> None:
    """A P0 pages by itself, is worked on, and comes back when the incident is over."""
    ticket = await case.until("in an incident", lambda t: t.incident)
    assert ticket.incident is not None
    await case.until_paged()
    await case.do("respond", text="We know.")
    await case.do("fill", fields=T2_PACKAGE | T3_PACKAGE)
    await case.office.respond_to(ticket.incident.number, "acknowledge")
    await case.office.respond_to(ticket.incident.number, "resolve")
    await case.until("back", lambda t: t.tier is Tier.T2)
    await case.do("resolve", by="ben", **RECORD)
    await case.do("close", by="ben")


async def test_a_worker_killed_at_random_moments_loses_nothing_and_doubles_nothing(
    house: House, office: Offices
) -> None:
    people = await office(1)
    ways = [await people.open("standard", "P2") for _ in range(4)]
    outages = [await people.open("premium", "P0") for _ in range(2)]
    moments = random.Random(2)

    lives = asyncio.gather(*map(canonical_way, ways), *map(outage, outages))
    try:
        for _ in range(6):
            await asyncio.wait([lives], timeout=moments.uniform(0.05, 1.5))  # the random moment
            house.kill("worker")
            await house.up("worker")
        await lives
    finally:
        lives.cancel()

    for case in ways + outages:
        ticket = await case.until_caught_up()
        assert (ticket.status, ticket.tier, ticket.undone) == (Status.CLOSED, Tier.T2, ())
        arrived = await case.until_told(times=len(case.owed()))
        assert sorted(arrived) == sorted(case.owed())
        assert set(arrived.values()) == {1}
    for case in ways:
        kinds = Counter(entry.event.body.type for entry in case.events())
        assert kinds == {
            "opened": 1, "taken": 2, "responded": 1, "clock_met": 2, "escalated": 2, "filled": 2, "effect_done": 1,
            "jira_changed": 1, "answered": 1, "resolved": 1, "closed": 1,
        }  # fmt: skip
        assert len(case.issues()) == 1
    for case in outages:
        await case.until_paged(status="resolved")
        assert case.count("escalated") == case.count("answered") == 1
        done = Counter(entry.event.body.key for entry in case.events("effect_done"))
        assert set(done.values()) == {1}
        assert len([key for key in done if ":incident:" in key]) == 1


@pytest.mark.parametrize("protection", ["", "looking before posting again"])
async def test_a_worker_killed_while_jira_and_the_pager_answer_finds_what_they_made(
    house: House, office: Offices, protection: str
) -> None:
    """The negative control: without the look for what an earlier attempt made, the same story has two issues."""
    people = await office(1)
    if protection:
        await house.replace("worker", **without(protection))
    try:
        (slow_page, first), (slow_issue, second) = foreseen(), foreseen()
        house.jira.fault("slow", method="POST", path="/rest/api/3/issue", seconds=60, says=slow_issue)
        house.pager.fault("slow", seconds=60, says=slow_page)
        critical, bug = await people.open("premium", "P0", **first), await people.open("enterprise", "P3", **second)
        await bug.do("take")
        await bug.do("escalate", to="T3", fields=T2_PACKAGE | T3_PACKAGE)
        await until("the issue and the alert are there", lambda: made(bug, critical))

        house.kill("worker")
        house.jira.clear()
        house.pager.clear()
        await house.up("worker")

        ticket = await bug.until("in Jira", lambda t: t.jira)
        await bug.until_caught_up()
        assert (len(bug.issues()) > 1) == bool(protection)
        assert ticket.jira is not None
        assert ticket.jira.key == bug.issues()[-1]["key"]
        await critical.until_paged(times=2)  # sent again under the same key, which makes one alert of both
    finally:
        if protection:
            await house.replace("worker")


def without(protection: str) -> dict[str, str]:
    """The environment of a process that lacks one protection, or none."""
    return {"CHAOS_WITHOUT": protection} if protection else {}


async def made(bug: Case, critical: Case) -> bool:
    return bool(bug.issues() and critical.alerts())


@pytest.mark.parametrize("protection", ["", "one id for all tries of a notice"])
async def test_a_relay_killed_between_sending_and_saying_so_tells_nobody_twice(
    house: House, office: Offices, protection: str
) -> None:
    """F5. The negative control: with another id for each try the same story shows doubles."""
    people = await office(1)
    slow, form = foreseen()
    house.chat.fault("slow", seconds=60, says=slow)
    case = await people.open("standard", "P0", priority_guessed=True, **form)  # the duty agent is told
    await case.until_told("guessed_p0")
    assert house.rows("SELECT state FROM outbox WHERE ticket_id = :id", id=case.id) == [("sending",)]

    house.kill("relay")
    house.chat.clear()
    await house.replace("relay", **without(protection))
    try:
        await until("the relay has said so", lambda: sent(case))
        deliveries = list(case.notices("guessed_p0").values())
        # One notice that came twice, of which the receiver drops the repeat; or two, which nobody can tell apart.
        assert deliveries == ([1, 1] if protection else [2])
    finally:
        if protection:
            await house.replace("relay")


async def sent(case: Case) -> bool:
    return case.house.rows("SELECT state FROM outbox WHERE ticket_id = :id", id=case.id) == [("sent",)]
