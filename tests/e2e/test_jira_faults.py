"""What support says to engineering, and a Jira that is down or refuses: once in effect, and a person is told."""

from datetime import timedelta

import pytest

import activities.tracker.exactly_once as once
from domain.core.enums import Tier, WaitsOn
from domain.ticket.state import workflow_id
from store import tracker_links
from tests.support.jira_tierline import FIXED, JiraTierline
from tests.support.packages import T2_PACKAGE, T3_PACKAGE
from tests.support.waiting import until

pytestmark = pytest.mark.long


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What may have been done and may still turn up is waited for a second, and not for minutes."""
    monkeypatch.setitem(tracker_links.begin.__kwdefaults__, "grace", timedelta(seconds=1))
    monkeypatch.setattr(tracker_links.post_again, "__defaults__", (timedelta(seconds=1),))
    monkeypatch.setattr(once, "LOOK_AGAIN", timedelta(seconds=0.5))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fault", ["commit_then_drop", "commit_then_504", "down", "rate_limited"])
async def test_what_support_says_stands_on_the_issue_once_without_personal_data(
    tierline: JiraTierline, fault: str
) -> None:
    case = await tierline.in_engineering()
    tierline.outside.jira.fault(fault, method="POST", path="*/comment", times=1)

    await case.tell_engineering("#support ada@example.com sees it in Safari too.", by="tom.agent")
    await tierline.quiet()
    await tierline.sweep()

    (comment,) = await case.comments()
    assert "[e-mail address removed] sees it in Safari too." in comment
    assert "tom.agent" not in comment
    assert case.count("engineering_said") == 0  # our own word does not come back as engineering's


async def test_an_engineer_hears_that_a_comment_with_a_misspelt_mark_did_not_reach_the_ticket(
    tierline: JiraTierline,
) -> None:
    case = await tierline.in_engineering()
    await case.engineer(comment="#suport Fixed in 4.13.")
    await tierline.quiet()
    await tierline.sweep()
    await tierline.sweep()

    assert case.count("engineering_said") == 0
    assert sum("was not passed on to support" in said for said in await case.comments()) == 1


async def test_internal_comments_never_travel(tierline: JiraTierline) -> None:
    case = await tierline.in_engineering()
    await case.engineer(comment="The customer's data is a mess.")
    await case.engineer(comment="We see it.", support="1")
    await case.until(lambda ticket: ticket.issue.heard)
    await tierline.quiet()
    await tierline.sweep()

    assert case.texts("engineering_said") == [{"comment": "We see it."}]


@pytest.mark.usefixtures("impatient")
async def test_while_jira_is_down_the_ticket_says_so_once_and_all_is_caught_up_afterwards(
    tierline: JiraTierline,
) -> None:
    """F5: the alert at the policy's bound (ten minutes, a second here); clocks run on, agents work on."""
    case = await tierline.open(speed=600)
    tierline.outside.jira.fault("down")
    await case.do("escalate", to="T3", fields=T2_PACKAGE | T3_PACKAGE)
    waiting = await case.until(lambda ticket: ticket.pending_effects and ticket.pending_effects[0].alerted)
    assert waiting.waits_on is WaitsOn.TRACKER
    assert waiting.waits_since == waiting.pending_effects[0].since
    await case.do("respond", text="We are on it.")
    assert any(clock.running for clock in waiting.clocks)

    tierline.outside.jira.clear()
    linked = await case.until(lambda ticket: ticket.issue and not ticket.pending_effects)

    assert linked.waits_on is WaitsOn.ENGINEERING
    assert len(tierline.outside.jira.see("issues")["issues"]) == 1
    assert (case.count("effect_overdue"), case.notices("effect_failing")) == (1, 0)
    begun, ended = tierline.told("effect_failing")
    assert (begun.partition(" ")[0], ended.partition(",")[0]) == (
        workflow_id(case.id),
        "Jira has taken everything that waited for too long",
    )


@pytest.mark.parametrize(("kind", "priority", "made"), [("bug", "P3", "Bug"), ("request", "P4", "Story")])
async def test_a_field_that_jira_refuses_is_shown_to_a_person_who_corrects_it_and_sends_it_again(
    tierline: JiraTierline, kind: str, priority: str, made: str
) -> None:
    """400: one issue comes of it in the end, under the same effect."""
    tierline.configure(issue_types={kind: "Wish"})
    case = await tierline.open(priority=priority)
    await case.do("escalate", to="T3", fields=T2_PACKAGE | T3_PACKAGE)
    refused = await case.until(lambda ticket: ticket.pending_effects and ticket.pending_effects[0].failed)
    (said,) = case.texts("effect_failed")
    assert "issuetype: Specify a valid issue type" in said["reason"]
    assert (refused.waits_on, case.notices("effect_failing")) == (WaitsOn.AGENT, 1)
    await case.do("retry")  # too early: nothing was corrected, and a person hears the same again
    await case.until(lambda ticket: case.count("effect_failed") == 2 and ticket.pending_effects[0].failed)
    assert tierline.outside.jira.see("issues")["issues"] == []

    tierline.configure()
    await case.do("retry")
    linked = await case.until(lambda ticket: ticket.issue and not ticket.pending_effects)

    (issue,) = tierline.outside.jira.see("issues")["issues"]
    assert linked.issue is not None
    assert (linked.issue.key, linked.issue.kind, issue["type"]) == (issue["key"], kind, made)
    assert linked.waits_on is WaitsOn.ENGINEERING


async def test_what_was_heard_while_jira_could_not_be_asked_is_looked_at_when_it_can(tierline: JiraTierline) -> None:
    case = await tierline.in_engineering()
    tierline.outside.jira.fault("down", path="/rest/*")
    await case.engineer(**FIXED)  # Jira still sends
    news = tierline.client.get_workflow_handle("jira-news")

    async def tried() -> bool:
        description = await news.describe()
        return any(pending.attempt > 1 for pending in description.raw_description.pending_activities)

    await until(tried)
    assert (await case.see()).tier is Tier.T3
    tierline.outside.jira.clear()

    await case.until(lambda ticket: ticket.tier is Tier.T1)


async def test_our_own_doings_are_no_news(tierline: JiraTierline) -> None:
    case = await tierline.in_engineering()
    await case.engineer(to="In Progress")  # with the first delivery, our own account is learned
    await case.until(lambda ticket: ticket.issue.status == "In Progress")
    await tierline.quiet()
    before = tierline.deliveries()

    await case.tell_engineering("Also in Safari.")
    await tierline.quiet()

    assert tierline.webhooks()[-1] | {"event": "comment_created", "status": 202} == tierline.webhooks()[-1]
    assert tierline.deliveries() == before
