"""What Tierline needs is down while agents work: they go on, clocks run on time, and the rest is caught up with."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from domain.core.enums import Tier, WaitsOn
from store.database import DatabaseDown
from tests.support.packages import T2_PACKAGE, T3_PACKAGE
from tests.support.people import Offices, foreseen
from tests.support.processes import Processes, until_past
from tests.support.waiting import until

pytestmark = pytest.mark.long

CREATE = "/rest/api/3/issue"
ON_TIME = timedelta(seconds=15)
"""How late a timer may be noticed on a machine that has other work."""


async def test_with_postgres_down_agents_work_clocks_lapse_on_time_and_the_journal_catches_up(
    house: Processes, office: Offices
) -> None:
    """G2, C1: a quarter of an hour takes fifteen seconds, and PostgreSQL is down when it ends."""
    people = await office(60)
    quarter = timedelta(minutes=15) / 60
    critical, limited = await people.open("enterprise", "P0"), await people.open("enterprise", "P2")
    await critical.until_paged()
    opened = (await critical.see()).opened_at

    house.kill("postgres")
    await limited.do("take")
    await limited.do("respond", text="We are on it.")
    with pytest.raises(DatabaseDown):
        await people.open("standard", "P3")
    taken = (await limited.see()).stay
    assert taken is not None
    assert taken.since is not None
    await until_past(max(taken.since, opened) + quarter)
    await limited.until("past the limit", lambda t: t.escalation_due)
    await limited.do("fill", fields=T2_PACKAGE)
    await limited.until("escalated by the last field", lambda t: t.tier is Tier.T2)
    await critical.until("in breach", lambda t: any(c.breach for c in t.clocks))
    back = datetime.now(UTC)
    await house.up("postgres")

    (reached,) = await limited.until_recorded("limit_reached")
    lapses = await critical.until_recorded("lapsed")
    for due, entry in ((taken.since + quarter, reached), *((opened + quarter, lapse) for lapse in lapses)):
        assert entry.event.at == due
        assert due <= entry.event.detected < due + ON_TIME
        assert entry.recorded_at > back
    for case in (critical, limited):
        await case.until_caught_up()
    assert len(critical.alerts()) == 1


async def test_with_jira_down_the_ticket_waits_ops_are_told_and_one_issue_comes_of_it(
    house: Processes, office: Offices
) -> None:
    """F5: ten minutes, after which ops are told, take two seconds."""
    people = await office(300)
    house.jira.fault("down")
    case = await people.open("enterprise", "P2")
    await case.to_engineering()
    assert (await case.until("waits on Jira", lambda t: t.tier is Tier.T3)).waits_on is WaitsOn.TRACKER
    (overdue,) = [entry.event for entry in await case.until_recorded("effect_overdue")]
    (handed_up,) = [entry.event for entry in case.events("escalated") if entry.event.body.to is Tier.T3]
    assert overdue.body.due == handed_up.at + timedelta(seconds=2)
    await case.do("note", by="ben", text="Effects never block a ticket.")
    assert (await case.see()).waits_on is WaitsOn.TRACKER

    house.jira.clear()
    ticket = await case.until("in Jira", lambda t: t.issue)

    assert ticket.waits_on is WaitsOn.ENGINEERING
    await case.until_caught_up()
    assert case.notices("effect_failing") == {}, "ops are told of all that wait for Jira together"
    await until(partial(ops_told_of_jira, house), "ops told")
    assert len(case.issues()) == 1


async def ops_told_of_jira(house: Processes) -> bool:
    """Whether ops got the alert of an outage of Jira: of this test, or of one before that is not over."""
    return any(notice["id"].startswith("effect_failing:jira:") for notice in house.chat.see("messages")["messages"])


@pytest.mark.parametrize("lag", [0, 1])
async def test_an_issue_whose_answer_was_lost_is_found_and_not_made_again(
    house: Processes, office: Offices, lag: int
) -> None:
    """Jira makes the issue and hangs up, and its search may not show it yet."""
    people = await office(1)
    unheard, form = foreseen()
    house.jira.fault("commit_then_drop", method="POST", path=CREATE, times=1, says=unheard)
    if lag:
        house.jira.fault("search_lag", seconds=lag)
    case = await people.open("enterprise", "P3", **form)
    await case.do("take")
    await case.do("escalate", to="T3", fields=T2_PACKAGE | T3_PACKAGE)

    ticket = await case.until("in Jira", lambda t: t.issue)

    await case.until_caught_up()
    assert ticket.issue is not None
    assert [issue["key"] for issue in case.issues()] == [ticket.issue.key]
    assert [link["title"] for link in case.issues()[0]["links"]] == [f"Ticket {case.id}"]


async def test_a_p0_that_comes_while_temporal_is_down_pages_when_it_is_brought_again(
    house: Processes, office: Offices
) -> None:
    people = await office(1)
    house.kill("temporal")
    case = await people.open("enterprise", "P0", external_id="mail-4711", product_area="login")
    assert (people.receipt.created, people.receipt.started) == (True, False)
    assert [entry.event.body.type for entry in case.events()] == ["opened", "escalated"]
    await house.up("temporal")

    again = await people.open("enterprise", "P0", external_id="mail-4711", product_area="login")

    assert (again.id, people.receipt.created, people.receipt.started) == (case.id, False, True)
    await case.until_caught_up()
    await case.until_paged()
