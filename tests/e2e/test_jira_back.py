"""Jira, back to us: what engineers do on an issue's page reaches the ticket once, over real HTTP, whoever tells of it.

Nothing is on a schedule here: webhooks come from the stand-in, and the sweep runs when a test says so.
"""

import time
from typing import Any

import pytest
import requests

from domain.core.enums import Resolution, Status, Tier, WaitsOn
from domain.ticket.derived import proposal
from integrations.standins.run import jira_config
from store import tracker_watch
from tests.support.jira_tierline import FIXED, JiraTierline
from tests.support.packages import RECORD

pytestmark = pytest.mark.long

WORKAROUND = RECORD | {"resolution": "workaround", "message": "Until then: use Chrome."}


async def test_done_in_jira_is_on_the_ticket_with_what_was_fixed_and_what_is_proposed(tierline: JiraTierline) -> None:
    case = await tierline.in_engineering()
    await case.engineer(assignee="5b10a2841", to="In Progress")
    await case.until(lambda ticket: ticket.issue.assignee == "5b10a2841" and ticket.issue.status == "In Progress")
    await case.engineer(comment="Both currencies are exported.", support="1", **FIXED)

    ticket = await case.until(lambda ticket: ticket.tier is Tier.T1)

    assert (ticket.status, ticket.assignee, ticket.waits_on) == (Status.OPEN, "ada", WaitsOn.AGENT)
    assert proposal(ticket) is Resolution.SOLVED
    assert ticket.issue is not None
    assert (ticket.issue.resolution, ticket.issue.fix_versions) == ("Fixed", ("4.13",))
    assert case.texts("engineering_said") == [{"comment": "Both currencies are exported."}]
    assert case.notices("engineering_answered") == 1
    assert not [event for event in tierline.webhooks() if event["status"] != 202]


@pytest.mark.parametrize("fault", ["webhook_repeated", "webhook_reversed"])
async def test_five_copies_in_any_order_have_the_effect_of_one(tierline: JiraTierline, fault: str) -> None:
    case = await tierline.in_engineering()
    tierline.outside.jira.fault(fault)
    await case.engineer(to="In Progress")
    await case.engineer(comment="Found it.", support="1")
    await case.engineer(**FIXED)
    tierline.outside.jira.clear()

    await case.until(lambda ticket: ticket.tier is Tier.T1)
    await tierline.quiet()
    await tierline.sweep()

    assert (case.count("answered"), case.count("engineering_said")) == (1, 1)
    assert case.notices("engineering_answered") == 1
    assert (await case.see()).issue.status == "Done"  # type: ignore[union-attr]


async def test_what_somebody_else_signed_is_refused_and_leads_to_nothing(tierline: JiraTierline) -> None:
    case = await tierline.in_engineering()
    before = tierline.deliveries()
    tierline.outside.jira.fault("webhook_forged")
    await case.engineer(**FIXED)
    await tierline.quiet()

    assert tierline.webhooks()[-1]["status"] == 401
    assert tierline.deliveries() == before
    assert (await case.see()).tier is Tier.T3


@pytest.mark.parametrize(("age", "status"), [(0, 202), (36 * 60, 401), (-6 * 60, 401)])
async def test_what_is_stale_is_refused_and_what_is_played_back_under_another_name_changes_nothing(
    tierline: JiraTierline, age: float, status: int
) -> None:
    """Jira's identifier is not signed, so the same body is the same delivery, whatever it is called."""
    case = await tierline.in_engineering()
    await case.engineer(**FIXED)
    ticket = await case.until(lambda ticket: ticket.tier is Tier.T1)
    assert ticket.issue is not None
    issue = next(issue for issue in tierline.outside.jira.see("issues")["issues"] if issue["key"] == ticket.issue.key)
    said = {
        "timestamp": int((time.time() - age) * 1000),
        "webhookEvent": "jira:issue_updated",
        "issue": {"id": str(issue["id"]), "key": issue["key"]},
    }
    before = tierline.deliveries()

    answers = [await tierline.deliver(said, identifier) for identifier in ("one", "one", "another")]
    await tierline.quiet()

    assert answers == [status] * 3
    assert tierline.deliveries() == before + (1 if status == 202 else 0)
    assert (case.count("jira_changed"), case.count("answered")) == (1, 1)


async def test_what_no_webhook_told_the_sweep_finds_once(tierline: JiraTierline) -> None:
    case = await tierline.in_engineering()
    tierline.outside.jira.fault("webhook_lost")
    await case.engineer(comment="Found it.", support="1", **FIXED)
    await tierline.quiet()
    assert (await case.see()).tier is Tier.T3

    first = await tierline.sweep()
    await case.until(lambda ticket: ticket.tier is Tier.T1)
    second = await tierline.sweep()

    assert (first.notified, second.notified) == (1, 0)
    assert (case.count("jira_changed"), case.count("engineering_said"), case.count("answered")) == (1, 1, 1)


async def test_a_worker_that_dies_between_telling_and_noting_tells_again_and_the_ticket_hears_once(
    tierline: JiraTierline, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await tierline.in_engineering()
    tierline.outside.jira.fault("webhook_lost")
    await case.engineer(**FIXED)
    with monkeypatch.context() as patch:
        patch.setattr(tracker_watch, "note", _die)
        await tierline.sweep()
    await case.until(lambda ticket: ticket.tier is Tier.T1)

    again = await tierline.sweep()

    assert again.notified == 1
    await tierline.sweep()
    assert (case.count("jira_changed"), case.count("answered")) == (1, 1)


async def test_two_looks_at_once_leave_the_latest_state_whatever_their_order(
    tierline: JiraTierline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look that read first tells last: it finds that it was overtaken, and tells what is true now."""
    case = await tierline.in_engineering()
    tierline.outside.jira.fault("webhook_lost")
    await case.engineer(to="In Progress")
    await tierline.sweep()
    before = (await case.until(lambda ticket: ticket.issue.status == "In Progress")).issue
    assert before is not None
    monkeypatch.setattr(tracker_watch, "note", lambda *_: False)  # as if another look had told a later state by then
    await case.engineer(comment="Soon.", support="1")
    await tierline.sweep()
    monkeypatch.undo()

    await case.until(lambda ticket: ticket.issue.heard)
    assert case.count("engineering_said") == 1


@pytest.mark.parametrize("told_by", ["webhook", "sweep"])
async def test_a_deleted_issue_brings_the_ticket_to_its_agent_who_escalates_to_a_new_one(
    tierline: JiraTierline, told_by: str
) -> None:
    case = await tierline.in_engineering()
    first = (await case.see()).issue
    if told_by == "sweep":
        tierline.outside.jira.fault("webhook_lost")
    await case.engineer(delete="1")
    if told_by == "sweep":
        await tierline.sweep()

    gone = await case.until(lambda ticket: ticket.tier is Tier.T1)
    assert gone.issue is not None
    assert (gone.issue.category, gone.issue.open) == ("gone", False)
    await case.do("escalate", to="T3")
    ticket = await case.until(lambda ticket: ticket.issue.key != first.key)  # type: ignore[union-attr]
    assert ticket.tier is Tier.T3


async def test_that_all_issues_are_gone_at_once_is_not_believed(tierline: JiraTierline) -> None:
    """An account that may see the project no longer is no reason to tell every agent that the issue was deleted."""
    cases = [await tierline.in_engineering() for _ in range(5)]
    tierline.outside.jira.fault("webhook_lost")
    for case in cases:
        await case.engineer(delete="1")

    with pytest.raises(Exception, match="Workflow execution failed"):
        await tierline.sweep()

    assert [(await case.see()).tier for case in cases] == [Tier.T3] * 5


async def test_a_moved_issue_is_followed_under_its_new_key(tierline: JiraTierline) -> None:
    case = await tierline.in_engineering()
    await case.engineer(project="WEB")
    moved = await case.until(lambda ticket: ticket.issue.key.startswith("WEB-"))
    assert moved.issue is not None
    await case.engineer(**FIXED)

    ticket = await case.until(lambda ticket: ticket.tier is Tier.T1)

    assert ticket.issue is not None
    assert ticket.issue.key == moved.issue.key
    assert ticket.issue.url.endswith(f"/browse/{moved.issue.key}")


async def test_reopened_in_jira_goes_back_to_tier_3(tierline: JiraTierline) -> None:
    case = await tierline.in_engineering()
    await case.engineer(**FIXED)
    await case.until(lambda ticket: ticket.tier is Tier.T1)
    await case.engineer(to="To Do")

    ticket = await case.until(lambda ticket: ticket.tier is Tier.T3)

    assert ticket.waits_on is WaitsOn.ENGINEERING
    assert len(tierline.outside.jira.see("issues")["issues"]) == 1


async def test_c7_a_fix_that_ships_after_a_workaround_reaches_the_customer_once(tierline: JiraTierline) -> None:
    case = await tierline.in_engineering()
    await case.do("resolve", **WORKAROUND)
    await case.do("close")
    await case.until(lambda ticket: ticket.closed)
    tierline.outside.jira.fault("webhook_repeated")
    await case.engineer(**FIXED)
    await case.until(lambda ticket: ticket.issue.shipped)
    await case.engineer(to="To Do")
    await case.engineer(**FIXED)
    await tierline.quiet()
    await tierline.sweep()

    assert case.notices("fix_shipped") == 1
    assert (await case.see()).closed


async def test_an_issue_that_no_ticket_waits_for_is_nobodys_news(tierline: JiraTierline) -> None:
    case = await tierline.in_engineering()
    config = jira_config(tierline.outside.jira.url)
    fields = {"project": {"key": config.project}, "issuetype": {"name": "Task"}, "summary": "Our own"}
    auth = (config.email, config.token.get_secret_value())
    made = requests.post(f"{config.url}/rest/api/3/issue", json={"fields": fields}, auth=auth, timeout=60).json()
    requests.post(f"{config.url}/browse/{made['key']}", data={"to": "Done"}, timeout=60).raise_for_status()
    await tierline.quiet()

    assert case.count("jira_changed") == 0


def _die(*_: Any) -> bool:
    raise RuntimeError("the worker dies here")
