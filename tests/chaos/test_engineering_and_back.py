"""To engineering and back, with real processes: pages that need no human act, and the way up a second time."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.core.enums import Tier, WaitsOn
from tests.support.packages import T3_PACKAGE
from tests.support.people import Offices
from tests.support.processes import Processes

pytestmark = pytest.mark.long

BERLIN = ZoneInfo("Europe/Berlin")


def last_saturday_at_three() -> datetime:
    now = datetime.now(BERLIN)
    days = (now.weekday() - 5) % 7
    at = datetime.combine(now.date() - timedelta(days=days), time(3), BERLIN)
    return at if at <= now else at - timedelta(days=7)


async def test_g6_a_standard_p0_of_saturday_night_pages_once_with_no_human_act(
    house: Processes, office: Offices
) -> None:
    people = await office(1)
    case = await people.open("standard", "P0", opened_at=last_saturday_at_three())

    alert = await case.until_paged()

    assert (alert["severity"], alert["details"]["tickets"]) == ("critical", case.id)
    ticket = await case.until("in the incident", lambda t: t.incident)
    assert (ticket.tier, ticket.waits_on, ticket.assignee) == (Tier.T3, WaitsOn.INCIDENT, None)
    assert ticket.opened_at.astimezone(BERLIN).strftime("%a %H:%M") == "Sat 03:00"
    await case.until_caught_up()
    assert (await case.until_paged())["triggers"] == 1


async def test_g5_handed_back_and_up_again_the_issue_that_is_still_open_is_reused(
    house: Processes, office: Offices
) -> None:
    case = await (await office(1)).open("standard", "P2")
    await case.to_engineering()
    first = (await case.until("in Jira", lambda t: t.issue)).issue
    await case.engineering("In Progress")
    await case.until("worked on", lambda t: t.issue.category == "indeterminate")
    await case.do("return", by="eve", role="engineer", reason="Which endpoint is it?")
    await case.do("take", by="ben")
    await case.do("escalate", by="ben")

    ticket = await case.until_caught_up()
    assert ticket.issue is not None
    assert first is not None
    assert (ticket.tier, ticket.issue.key, ticket.waits_on) == (Tier.T3, first.key, WaitsOn.ENGINEERING)
    assert [entry.event.body.to_engineering for entry in case.events("escalated")] == [None, "jira_bug", "linked"]
    assert len(case.issues()) == 1


async def test_g5_back_with_the_issue_done_and_up_again_there_is_a_second_issue(
    house: Processes, office: Offices
) -> None:
    case = await (await office(1)).open("standard", "P2")
    await case.to_engineering()
    first = (await case.until("in Jira", lambda t: t.issue)).issue
    await case.engineering("Done")
    await case.until("back", lambda t: t.tier is Tier.T2)
    await case.do("fill", by="ben", fields={"bug_report": T3_PACKAGE["bug_report"]})
    await case.do("escalate", by="ben")
    assert first is not None
    second = (await case.until("in Jira again", lambda t: t.issue.key != first.key)).issue

    ticket = await case.until_caught_up()
    assert second is not None
    assert (ticket.tier, ticket.waits_on, second.open) == (Tier.T3, WaitsOn.ENGINEERING, True)
    assert [issue["key"] for issue in case.issues()] == [first.key, second.key]
    assert len({tuple(issue["labels"]) for issue in case.issues()}) == 2, "each escalation has a key of its own"
    await case.engineering("Done")
    await case.until("back again", lambda t: t.tier is Tier.T2)


async def test_a_ticket_that_can_no_longer_be_told_holds_up_no_other_ticket_s_answer(
    house: Processes, office: Offices
) -> None:
    people = await office(1)
    cases = [await people.open("standard", "P2") for _ in range(2)]
    first, second = sorted(cases, key=lambda case: case.id)  # the sweep's order
    for case in cases:
        await case.to_engineering()
        await case.until("in Jira", lambda t: t.issue)
    await first.terminate()
    await first.engineering("Done")
    await second.engineering("Done")
    await second.until("back", lambda t: t.tier is Tier.T2)
    await second.until_caught_up()
    assert (first.count("answered"), second.count("answered")) == (0, 1)
