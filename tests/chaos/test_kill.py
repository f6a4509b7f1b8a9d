"""kill -9: of everything at once before deadlines, of the worker and of the relay half-way. Random: `make chaos`."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from domain.core.enums import Metric, Side, SlaState
from domain.ticket.derived import sla_state
from tests.support.durations import SECOND
from tests.support.packages import RECORD, T2_PACKAGE, T3_PACKAGE
from tests.support.people import PACES, Offices, RealTicket, foreseen
from tests.support.processes import Processes, until_past, without
from tests.support.waiting import until

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class FallsDue:
    """A ticket, its opening, and the instant at which something of it falls due."""

    case: RealTicket
    opened_at: datetime
    due: datetime

    @property
    def answered_at(self) -> datetime:
        """When the customer was really answered: before anything was due."""
        return self.opened_at + SECOND


async def killed_before_anything_is_due(house: Processes, office: Offices) -> tuple[FallsDue, FallsDue, FallsDue]:
    """Kill worker, Temporal and PostgreSQL before the contract's first response of two tickets and a T1 limit are due.

    Where the machine is too slow for that, the same is tried at a slower pace. Returns the three, the limit last.
    """
    for speed in PACES:
        people = await office(speed)
        quarter = timedelta(minutes=15) / speed  # the limit's, and the contract's
        opened = [await people.open("enterprise", priority) for priority in ("P0", "P0", "P2")]
        await opened[-1].do("take")
        tickets = [await case.see() for case in opened]
        stay = tickets[-1].stay
        assert stay is not None
        assert stay.since is not None
        begins = [tickets[0].opened_at, tickets[1].opened_at, stay.since]
        written, mailed, limited = (
            FallsDue(case, ticket.opened_at, begin + quarter)
            for case, ticket, begin in zip(opened, tickets, begins, strict=True)
        )
        house.kill("worker", "temporal", "postgres")
        if datetime.now(UTC) < min(one.due for one in (written, mailed, limited)):
            return written, mailed, limited
        await house.up()
        await limited.case.do("resolve", **RECORD)  # no more reminders
    raise AssertionError("this machine opens three tickets in no time that a test can wait for")


async def test_what_falls_due_while_everything_is_dead_stands_once_at_its_own_instant(
    house: Processes, office: Offices
) -> None:
    """G2, C1, C4, C12: a T1 limit and two contract due instants, with worker, Temporal and PostgreSQL killed."""
    written, mailed, limited = await killed_before_anything_is_due(house, office)
    await until_past(max(one.due for one in (written, mailed, limited)))
    back = datetime.now(UTC)

    await house.up("postgres", "temporal")
    # Temporal hands these over before any timer, when a worker comes back.
    await limited.case.signal(do="step", by="ada", text="One more idea.")
    await mailed.case.signal(do="respond", by="ada", occurred=mailed.answered_at.isoformat(), **MAIL)
    await house.up("worker")
    await written.case.until_recorded("lapsed")  # told of: else it may be withdrawn in the moment of its recording
    await written.case.do("respond", occurred=written.answered_at.isoformat(), **MAIL)

    await the_limit_was_reached_in_time(limited, back)
    for one in (written, mailed):
        await the_breach_was_withdrawn(one, back)
    await told_once(limited.case, "t1_limit", ["assignee", "lead"])
    await told_once(written.case, "contract_breach", ["csm", "lead", "ops"])
    assert not [key for key in mailed.case.owed() if "contract_breach" in key], "withdrawn at once: nobody is told"
    await limited.case.do("resolve", **RECORD)  # no more reminders


MAIL = {"text": "We called you.", "source": "mail"}


async def the_limit_was_reached_in_time(limited: FallsDue, back: datetime) -> None:
    """G2: at its own instant, and what came later than that is refused."""
    recorded = await limited.case.until_recorded("limit_reached", "message_refused")
    (reached, refused) = [entry.event for entry in recorded]
    assert (reached.at, reached.body.due) == (limited.due, limited.due)
    assert reached.detected > back
    assert refused.body.what == "advance"
    assert not limited.case.events("step_noted")
    await limited.case.until_caught_up()
    assert limited.case.count("limit_reached") == 1


async def the_breach_was_withdrawn(one: FallsDue, back: datetime) -> None:
    """C12: it stood at its own instant, until the answer that was given before it was known."""
    *lapses, met = [entry.event for entry in await one.case.until_recorded("lapsed", "clock_met")]
    (breach,) = [lapse for lapse in lapses if lapse.body.side is Side.CONTRACT]
    assert (breach.at, breach.body.due) == (one.due, one.due)
    assert breach.detected > back
    assert met.body.occurred == one.answered_at
    assert Side.CONTRACT in met.body.withdrawn
    ticket = await one.case.until_caught_up()
    (clock,) = [c for c in ticket.clocks if (c.side, c.metric) == (Side.CONTRACT, Metric.FIRST_RESPONSE)]
    assert clock.breach is not None
    assert (clock.met_at, clock.breach.status) == (one.answered_at, "withdrawn")
    assert sla_state(ticket) is not SlaState.BREACHED
    await one.case.until_paged()


async def told_once(case: RealTicket, name: str, audiences: list[str]) -> None:
    arrived = await case.until_told(name, len(audiences))
    assert sorted(key.rpartition(":")[2] for key in arrived) == audiences
    assert set(arrived.values()) == {1}


@pytest.mark.parametrize("protection", ["", "looking before posting again"])
async def test_a_worker_killed_while_jira_and_the_pager_answer_finds_what_they_made(
    house: Processes, office: Offices, protection: str
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
        await until(lambda: made(bug, critical), "the issue and the alert are there")

        house.kill("worker")
        house.jira.clear()
        house.pager.clear()
        await house.up("worker")

        ticket = await bug.until("in Jira", lambda t: t.issue)
        await bug.until_caught_up()
        assert (len(bug.issues()) > 1) == bool(protection)
        assert ticket.issue is not None
        assert ticket.issue.key == bug.issues()[-1]["key"]
        await critical.until_paged(times=2)  # sent again under the same key, which makes one alert of both
    finally:
        if protection:
            await house.replace("worker")


async def made(bug: RealTicket, critical: RealTicket) -> bool:
    return bool(bug.issues() and critical.alerts())


@pytest.mark.parametrize("protection", ["", "one id for all tries of a notice"])
async def test_a_relay_killed_between_sending_and_saying_so_tells_nobody_twice(
    house: Processes, office: Offices, protection: str
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
        await until(lambda: sent(case), "the relay has said so")
        deliveries = list(case.notices("guessed_p0").values())
        # One notice that came twice, of which the receiver drops the repeat; or two, which nobody can tell apart.
        assert deliveries == ([1, 1] if protection else [2])
    finally:
        if protection:
            await house.replace("relay")


async def sent(case: RealTicket) -> bool:
    return case.house.rows("SELECT state FROM outbox WHERE ticket_id = :id", id=case.id) == [("sent",)]
