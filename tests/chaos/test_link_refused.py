"""F4, with real processes: two tickets, one problem, one issue; and what a person does when a link is refused."""

import pytest

from domain.core.enums import Tier
from domain.ticket.state import workflow_id
from tests.support.packages import T2_PACKAGE, T3_PACKAGE
from tests.support.people import Offices, RealTicket
from tests.support.processes import Processes

pytestmark = pytest.mark.long

PACKAGE = T2_PACKAGE | T3_PACKAGE


async def to_engineering(case: RealTicket, **more: object) -> None:
    await case.do("escalate", to="T3", fields=PACKAGE, **more)


async def test_f4_two_tickets_share_an_issue_and_both_hear_that_it_is_done(house: Processes, office: Offices) -> None:
    people = await office(1)
    first, second = await people.open("enterprise", "P2"), await people.open("enterprise", "P2")
    await to_engineering(first)
    link = (await first.until("in Jira", lambda t: t.issue)).issue
    assert link is not None

    await to_engineering(second, issue=link.key)
    await second.until("linked", lambda t: t.issue and t.issue.key == link.key)

    assert second.issues() == []
    (issue,) = first.issues()
    owners = [f"tierline:{workflow_id(case.id)}" for case in (first, second)]
    assert [remote["global_id"] for remote in issue["links"]] == owners
    assert issue["properties"]["support.seen"]["tickets"] == 2
    assert len(issue["comments"]) == 1
    await first.engineering("Done")
    for case in (first, second):
        await case.until("back", lambda t: t.tier is not Tier.T3)
        await case.until_caught_up()


async def test_f4_a_link_that_is_refused_is_shown_and_a_person_has_an_issue_made_instead(
    house: Processes, office: Offices
) -> None:
    case = await (await office(1)).open("enterprise", "P2")
    await to_engineering(case, issue="ENG-99999")
    await case.until("refused", lambda t: t.pending_effects and t.pending_effects[0].failed)
    (entry,) = await case.until_recorded("effect_failed")
    assert "there is no issue ENG-99999" in entry.event.texts["reason"]

    await case.do("retry", new=True)

    link = (await case.until("in Jira", lambda t: t.issue)).issue
    assert link is not None
    assert [issue["key"] for issue in case.issues()] == [link.key]
    await case.until_caught_up()
