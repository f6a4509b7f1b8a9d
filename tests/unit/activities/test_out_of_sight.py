"""A look at which every issue is missing: from five on, Jira hides them, and no ticket hears that its issue is gone."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.testing import ActivityEnvironment

from activities.tracker import news
from activities.tracker.news import IssueNews
from domain.ticket.commands import IssueUpdate
from store import tracker_watch
from store.tracker_watch import Link
from workflows import ports


class GoneJira:
    """A Jira that shows no issue."""

    def read(self, issues: Sequence[str]) -> dict[str, None]:
        return dict.fromkeys(issues)


@contextmanager
def through(_doing: str) -> Iterator[None]:
    yield


@pytest.fixture
def notified(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tickets that are notified, each with the category of its issue."""
    heard: list[str] = []

    async def deliver(_client: Any, _db: Any, ticket: str, fact: IssueUpdate) -> None:
        heard.append(f"{ticket} {fact.category}: {fact.status}")

    monkeypatch.setattr(news, "deliver_to_ticket", deliver)
    monkeypatch.setattr(tracker_watch, "is_noted", lambda _link, _notified: True)
    return heard


@pytest.mark.parametrize(("issues", "hidden"), [(4, False), (5, True), (7, True)])
async def test_a_few_issues_that_are_missing_are_gone_and_five_are_out_of_sight(
    issues: int, hidden: bool, notified: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    links = [Link(effect_key=f"k{n}", owner=f"ticket-t{n}", jira_key=f"ENG-{n}") for n in range(issues)]
    monkeypatch.setattr(tracker_watch, "of_issues", lambda _session, _issues: links)
    db = SimpleNamespace(session=lambda: through(""))
    looks = IssueNews(
        cast("Any", None), cast("Any", db), cast("Any", GoneJira()), cast("Any", through), cast("Any", None)
    )

    request = ports.ReadIssuesRequest(issues=tuple(link.issue for link in links))
    seen = await ActivityEnvironment().run(looks.read_issues, request)

    assert seen.out_of_sight == (issues if hidden else 0)
    assert notified == ([] if hidden else [f"t{n} gone: deleted, or out of our sight" for n in range(issues)])
