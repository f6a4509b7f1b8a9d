"""G5: an issue is raised with its ticket, once, and never lowered. The real client against the stand-in."""

from datetime import timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from activities.support.failures import as_temporal_failures
from activities.tracker import exactly_once
from activities.tracker.comment_writer import CommentWriter
from domain.core.enums import Priority
from domain.documents.document import Document, paragraph
from integrations.calls import Rejected, Unknown
from integrations.jira import body
from integrations.jira.client import JiraClient
from integrations.standins.run import Control
from integrations.tracker.port import IssueDraft
from store.database import Database
from tests.support.jira_side import configured, issues, raw

from .conftest import Drafting

KEY = "ticket-7k2m:jira_priority:31"


def priority(server: Control, draft: IssueDraft) -> str:
    (issue,) = issues(server, draft)
    return str(issue["priority"])


def puts(server: Control, key: str) -> int:
    count: int = server.see("requests")["requests"].get(f"PUT /rest/api/3/issue/{key}", 0)
    return count


def choose(server: Control, key: str, name: str) -> None:
    """An engineer gives it another priority."""
    raw(server, "PUT", f"/rest/api/3/issue/{key}", {"fields": {"priority": {"name": name}}}).raise_for_status()


def test_g5_a_p2_raised_to_p0_is_highest_in_jira(jira: JiraClient, server: Control, draft: Drafting) -> None:
    a_draft = draft(priority=Priority.P2)
    ref = jira.create(a_draft)
    assert priority(server, a_draft) == "Medium"
    jira.raise_priority(ref.key, KEY, Priority.P0)
    assert priority(server, a_draft) == "Highest"


@pytest.mark.parametrize("fault", ["commit_then_drop", "commit_then_504"])
def test_g5_repeated_after_a_lost_answer_it_does_not_overrule_an_engineer(
    jira: JiraClient, server: Control, draft: Drafting, fault: Any
) -> None:
    a_draft = draft(priority=Priority.P2)
    ref = jira.create(a_draft)
    server.fault(fault, method="PUT", path="/rest/api/3/issue/*", times=1)
    with pytest.raises(Unknown):
        jira.raise_priority(ref.key, KEY, Priority.P0)
    choose(server, ref.key, "Low")

    jira.raise_priority(ref.key, KEY, Priority.P0)

    assert priority(server, a_draft) == "Low"
    assert puts(server, ref.key) == 2, "one of ours, one of the engineer"


def test_negative_control_without_the_proof_the_repeat_overrules_the_engineer(
    jira: JiraClient, server: Control, draft: Drafting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "RAISED", "something.else")
    a_draft = draft(priority=Priority.P2)
    ref = jira.create(a_draft)
    jira.raise_priority(ref.key, KEY, Priority.P0)
    choose(server, ref.key, "Low")
    jira.raise_priority(ref.key, KEY, Priority.P0)
    assert priority(server, a_draft) == "Highest"


def test_g5_what_engineering_holds_for_more_urgent_stays(jira: JiraClient, server: Control, draft: Drafting) -> None:
    a_draft = draft(priority=Priority.P2)
    ref = jira.create(a_draft)
    choose(server, ref.key, "Highest")
    already = puts(server, ref.key)
    jira.raise_priority(ref.key, KEY, Priority.P1)
    assert (priority(server, a_draft), puts(server, ref.key)) == ("Highest", already)


def test_g5_a_priority_that_the_policy_does_not_name_is_engineerings_own(server: Control, draft: Drafting) -> None:
    client = JiraClient(configured(server, priorities={"P2": "High", "P1": "Highest", "P3": "Low", "P4": "Lowest"}))
    a_draft = draft(priority=Priority.P2)
    ref = client.create(a_draft)
    choose(server, ref.key, "Medium")
    client.raise_priority(ref.key, KEY, Priority.P1)
    client.close()
    assert priority(server, a_draft) == "Medium"


def test_g5_a_project_without_priorities_is_left_alone(server: Control, draft: Drafting) -> None:
    client = JiraClient(configured(server, leave_out=["priority"]))
    ref = client.create(draft(priority=Priority.P2))
    client.raise_priority(ref.key, KEY, Priority.P0)
    client.close()
    assert puts(server, ref.key) == 0


def test_g5_what_jira_refuses_is_named(server: Control, draft: Drafting) -> None:
    client = JiraClient(configured(server, priorities={"P0": "Blocker"}))
    ref = client.create(draft(priority=Priority.P2))
    with pytest.raises(Rejected) as refused:
        client.raise_priority(ref.key, KEY, Priority.P0)
    client.close()
    assert list(refused.value.field_errors) == ["priority"]


def test_after_a_500_the_first_look_comes_after_five_seconds(
    db: Database, jira: JiraClient, server: Control, draft: Drafting
) -> None:
    ref = jira.create(draft())
    server.fault("server_error", method="POST", path="*/comment", times=1)
    with pytest.raises(ApplicationError) as failed, as_temporal_failures():
        CommentWriter(db, jira).write(ref.key, "ticket-1:jira_comment:9", Document(blocks=(paragraph("In Safari."),)))
    assert failed.value.next_retry_delay == exactly_once.LOOK_AGAIN == timedelta(seconds=5)
