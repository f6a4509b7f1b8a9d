"""A comment that looks as if it were meant for support, and is not, is answered on its issue: once.

The real client, over real sockets; every exchange is put before the vendor's document (see `conftest.server`).
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from activities.support.circuit_breaker import CircuitBreaker
from activities.tracker import not_heard
from activities.tracker.not_heard import NotHeardComments
from domain.documents.document import Document, paragraph
from integrations.jira import adf
from integrations.jira.adf_text import to_text
from integrations.jira.client import JiraClient
from integrations.standins.common import Exchange
from integrations.standins.run import Control
from integrations.tracker.port import Issue, IssueRef
from services.policy_file.load import load_policy
from store import tracker_links
from store.database import Database
from tests.support.jira_side import raw
from workers.bootstrap import ops_alerts

from .conftest import Drafting

ROLE = {"type": "role", "value": "Developers", "identifier": "Developers"}


class Page:
    """One issue, what people write on it, and our looks at it."""

    def __init__(self, db: Database, jira: JiraClient, server: Control, issue: IssueRef) -> None:
        self.issue = issue
        self.path = f"/rest/api/3/issue/{issue.key}/comment"
        self._jira = jira
        self._server = server
        ops = ops_alerts(load_policy(None))
        self._answers = NotHeardComments(db, jira, CircuitBreaker(db, "jira", ops))

    def write(self, words: str, **more: Any) -> str:
        body = adf.render(Document(blocks=(paragraph(words),)))
        answer = raw(self._server, "POST", self.path, {"body": body, **more})
        answer.raise_for_status()
        return str(answer.json()["id"])

    def read(self) -> Issue:
        state = self._jira.read([self.issue.id])[self.issue.id]
        assert state is not None
        return state

    def answer(self, state: Issue) -> None:
        self._answers.answer([state])

    def look(self) -> None:
        self.answer(self.read())

    def answers(self) -> list[str]:
        """What we wrote."""
        (issue,) = [issue for issue in self._server.see("issues")["issues"] if issue["key"] == self.issue.key]
        said = [to_text(comment["body"]) for comment in issue["comments"]]
        return [text for text in said if "was not passed on" in text]


@pytest.fixture
def page(database_url: str, jira: JiraClient, server: Control, draft: Drafting) -> Iterator[Page]:
    db = Database(database_url)
    yield Page(db, jira, server, jira.create(draft()))
    db.dispose()


@pytest.mark.parametrize(
    ("words", "more", "why"),
    [
        ("#suport Fixed in 4.13.", {}, "What is for support begins with #support, spelt like this."),
        ("Done. #support tell them", {}, "at the beginning of one of the first five lines"),
        ("#support Fixed in 4.13.", {"visibility": ROLE}, "It is restricted to a role or a group"),
        ("#support", {}, "There are no words after #support."),
    ],
)
def test_the_writer_is_told_why_once_however_often_we_look(page: Page, words: str, more: Any, why: str) -> None:
    page.write(words, **more)

    for _ in range(3):
        page.look()

    (answer,) = page.answers()
    assert answer.startswith("@standin\n")  # who wrote it is mentioned, and so notified
    assert why in answer


def test_what_goes_to_support_and_what_stays_inside_is_not_answered(page: Page) -> None:
    page.write("#support Fixed.")
    page.write("A race in the exporter.")
    page.look()
    assert page.answers() == []


def test_each_comment_is_answered_and_no_answer_is(page: Page) -> None:
    page.write("#suport one")
    page.write("#suport two")
    for _ in range(3):
        page.look()
    assert len(page.answers()) == 2


@pytest.mark.parametrize("fault", ["commit_then_drop", "commit_then_504"])
def test_an_answer_whose_own_answer_was_lost_is_found(page: Page, server: Control, fault: str) -> None:
    page.write("#suport Fixed.")
    server.fault(fault, method="POST", path="*/comment", times=1)
    for _ in range(3):
        page.look()
    assert len(page.answers()) == 1


def test_negative_control_without_the_intent_it_is_said_at_each_look(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.write("#suport Fixed.")
    begin: Callable[..., tracker_links.Intent] = tracker_links.begin
    monkeypatch.setattr(tracker_links, "over", lambda *_: frozenset())
    monkeypatch.setattr(tracker_links, "begin", lambda *a, **k: begin(*a, **k).model_copy(update={"state": "new"}))
    for _ in range(3):
        page.look()
    assert len(page.answers()) == 3


def test_what_jira_refuses_is_asked_for_once(page: Page, server: Control, exchanges: list[Exchange]) -> None:
    page.write("#suport Fixed.")
    seen = page.read()
    raw(server, "DELETE", f"/rest/api/3/issue/{page.issue.key}").raise_for_status()
    before = len(exchanges)
    for _ in range(3):
        page.answer(seen)
    assert [(one.method, one.status) for one in exchanges[before:]] == [("POST", 404)]


def test_an_old_comment_is_not_answered(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    page.write("#suport Fixed.")
    monkeypatch.setattr(not_heard, "RECENT", timedelta(0))
    page.look()
    assert page.answers() == []
