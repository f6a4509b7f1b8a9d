"""A comment is said once for each effect: with a request that hangs, an attempt that is given up, a worker that dies.

The real client, over real sockets; every exchange is put before the vendor's document (see `conftest.server`).
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from temporalio.exceptions import ApplicationError

from activities.support.failures import as_temporal_failures
from activities.tracker import exactly_once as once
from activities.tracker.comment_writer import CommentWriter
from domain.documents.document import Document, paragraph
from integrations.jira import adf
from integrations.jira.client import JiraClient
from integrations.standins.run import Control
from integrations.tracker.port import IssueRef, label_for
from store import tracker_links, tracker_watch
from store.database import Database
from tests.support import counts
from tests.support.jira_side import raw

from .conftest import Drafting

KEY = "ticket-1:jira_comment:7"
WORDS = Document(blocks=(paragraph("In Safari too."),))


class Talk:
    """One issue, and what we say on it."""

    def __init__(self, db: Database, jira: JiraClient, server: Control, issue: IssueRef) -> None:
        self.db = db
        self.issue = issue
        self._server = server
        self._comments = CommentWriter(db, jira)

    def say(self, issue: str = "") -> None:
        """One attempt, as an activity makes it."""
        with as_temporal_failures():
            self._comments.write(issue or self.issue.key, KEY, WORDS)

    def hang(self) -> Callable[[], None]:
        """An attempt whose request is under way yet when nobody waits for it any more. Returns how it arrives."""
        path = f"/rest/api/3/issue/{self.issue.key}/comment"
        self._server.fault("down", method="POST", path=path, times=1)
        with pytest.raises(ApplicationError, match="broke the connection off"):
            self.say()
        body = {"body": adf.render(Document(blocks=(*WORDS.blocks, paragraph(label_for(KEY)))))}
        return lambda: raw(self._server, "POST", path, body).raise_for_status()

    def said(self) -> int:
        (issue,) = [issue for issue in self._server.see("issues")["issues"] if issue["key"] == self.issue.key]
        return len(issue["comments"])

    def calls(self) -> int:
        return sum(self._server.see("requests")["requests"].values())


@pytest.fixture
def talk(db: Database, jira: JiraClient, server: Control, draft: Drafting) -> Talk:
    return Talk(db, jira, server, jira.create(draft()))


def test_it_is_said_once_however_often_it_is_asked_for_and_costs_one_call(talk: Talk) -> None:
    before = talk.calls()
    for _ in range(3):
        talk.say()
    assert (talk.said(), talk.calls()) == (1, before + 1)


@pytest.mark.parametrize("fault", ["commit_then_drop", "commit_then_504"])
def test_one_whose_answer_was_lost_is_found(talk: Talk, server: Control, fault: str) -> None:
    server.fault(fault, method="POST", path="*/comment", times=1)
    with pytest.raises(ApplicationError):
        talk.say()
    talk.say()
    talk.say()
    assert talk.said() == 1


def test_while_the_first_request_may_still_arrive_nothing_is_sent_again(talk: Talk) -> None:
    arrives = talk.hang()
    with pytest.raises(ApplicationError) as doubt:
        talk.say()
    assert (doubt.value.type, doubt.value.next_retry_delay) == ("InDoubt", once.LOOK_AGAIN)
    arrives()
    talk.say()
    assert talk.said() == 1


def test_when_it_cannot_arrive_any_more_it_is_said_again(talk: Talk) -> None:
    talk.hang()
    with talk.db.begin() as session:
        session.execute(text("UPDATE jira_links SET lease_until = :now"), {"now": datetime.now(UTC)})
    talk.say()
    assert talk.said() == 1


def test_negative_control_who_looks_but_does_not_wait_says_it_twice(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(tracker_links.begin.__kwdefaults__, "grace", timedelta(0))
    arrives = talk.hang()
    talk.say()
    arrives()
    assert talk.said() == 2


def test_negative_control_who_does_not_look_says_it_twice(
    talk: Talk, server: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(once.Once, "_found", lambda *_: None)
    server.fault("commit_then_drop", method="POST", path="*/comment", times=1)
    with pytest.raises(ApplicationError):
        talk.say()
    talk.say()
    assert talk.said() == 2


def test_what_was_certainly_not_sent_is_said_without_waiting(talk: Talk, server: Control) -> None:
    server.fault("rate_limited", method="POST", path="*/comment", times=1)
    with pytest.raises(ApplicationError, match="429"):
        talk.say()
    talk.say()
    assert talk.said() == 1


def test_a_refused_one_is_said_when_a_person_tries_again(talk: Talk) -> None:
    with pytest.raises(ApplicationError) as refusal:
        talk.say("ENG-99999")
    assert refusal.value.non_retryable
    talk.say()
    assert talk.said() == 1


def test_no_comment_is_taken_for_an_issue_of_its_ticket(talk: Talk) -> None:
    talk.say()
    with talk.db.session() as session:
        assert tracker_watch.page(session, "", 10) == []
        assert tracker_watch.of_issues(session, [talk.issue.key, talk.issue.id]) == []
        assert tracker_links.owners(session, talk.issue.id) == []
        assert counts.jira_issues(session) == 0
