"""What tickets were told of their issues: which are looked at, in which order, and for how long."""

from datetime import timedelta

import pytest

from store import tracker_watch
from store.database import Database
from store.tables.integrations import IssueLinkRow
from store.tracker_watch import REOPENED_WITHIN, Category, Link, Notified, is_noted
from tests.support.durations import SECOND
from tests.support.ticket_life import MONDAY


def linked(database: Database, ticket: str, issue: int, owner: str = "ticket") -> None:
    """A ticket, and the issue SUP-<n> that carries its problem."""
    with database.begin() as session:
        row = IssueLinkRow(
            effect_key=f"{owner}-{ticket}:jira_bug:5", owner=f"{owner}-{ticket}", seq=5, kind="bug", label="x",
            phase="linked", attempt=1, lease_until=MONDAY, first_post_at=MONDAY, jira_key=f"SUP-{issue}",
            jira_url=f"http://jira/SUP-{issue}", jira_id=str(10_000 + issue), category="new", watched=True,
        )  # fmt: skip
        session.add(row)


def page(database: Database, after: str = "", limit: int = 100) -> list[Link]:
    with database.session() as session:
        return tracker_watch.page(session, after, limit)


def of(database: Database, *issues: str) -> list[Link]:
    with database.session() as session:
        return tracker_watch.of_issues(session, issues)


def tell(database: Database, category: Category = "indeterminate", *, after: timedelta = 0 * SECOND, digest: str = "a",
         key: str = "SUP-1") -> bool:  # fmt: skip
    """The ticket of the first link is told of a state of its issue, changed and seen so long after Monday."""
    (link, *_) = of(database, "10001")
    told = state(category, after, digest, key)
    with database.begin() as session:
        return tracker_watch.note(session, link, told)


def state(category: Category = "indeterminate", after: timedelta = 0 * SECOND, digest: str = "a",
          key: str = "SUP-1", seen: timedelta | None = None) -> Notified:  # fmt: skip
    """A state of the issue, changed so long after Monday, and seen then, or at another time."""
    at = MONDAY + (after if seen is None else seen)
    return Notified(version=MONDAY + after, digest=digest, category=category, key=key, url=f"http://jira/{key}", at=at)


def test_every_link_has_its_turn_however_many_there_are(database: Database) -> None:
    for number in range(1, 8):
        linked(database, f"t{number}", number)
    seen: list[str] = []
    after = ""
    while links := page(database, after, limit=3):
        seen += [link.ticket_id for link in links]
        after = links[-1].effect_key
    assert seen == [f"t{number}" for number in range(1, 8)]


def test_an_incidents_issue_concerns_no_ticket(database: Database) -> None:
    linked(database, "7", 1, owner="incident")
    assert page(database) == of(database, "10001", "SUP-1") == []


def test_an_issue_is_known_by_its_number_and_by_its_key_and_its_tickets_each(database: Database) -> None:
    linked(database, "a", 1)
    linked(database, "b", 1)
    linked(database, "c", 2)
    assert [link.ticket_id for link in of(database, "10001")] == ["a", "b"]
    assert [link.ticket_id for link in of(database, "SUP-1")] == ["a", "b"]
    assert of(database, "10009", "SUP-9") == []
    assert {link.issue for link in of(database, "SUP-1")} == {"10001"}


def test_a_ticket_that_was_told_is_told_alone(database: Database) -> None:
    """A worker that dies half-way through the tickets of an issue leaves those behind untold."""
    linked(database, "a", 1)
    linked(database, "b", 1)
    assert tell(database, digest="said")
    assert [link.notified_digest for link in page(database)] == ["said", None]


@pytest.mark.parametrize(
    ("category", "watched"), [("new", True), ("indeterminate", True), ("done", True), ("gone", False)]
)
def test_what_is_open_or_just_done_is_looked_at_again_and_what_is_gone_is_not(
    database: Database, category: Category, watched: bool
) -> None:
    linked(database, "a", 1)
    tell(database, category)
    assert bool(page(database)) is watched
    assert len(of(database, "10001")) == 1  # a webhook finds it all the same


def test_what_has_been_done_for_long_is_looked_at_no_more(database: Database) -> None:
    linked(database, "a", 1)
    tell(database, "done")
    tell(database, "done", after=REOPENED_WITHIN - SECOND)
    assert page(database)
    tell(database, "done", after=REOPENED_WITHIN)
    assert page(database) == []


def test_what_is_done_and_goes_on_to_be_talked_about_is_looked_at_for_longer(database: Database) -> None:
    linked(database, "a", 1)
    tell(database, "done")
    tell(database, "done", after=REOPENED_WITHIN, digest="released")
    assert page(database)


def test_an_older_state_is_not_noted_and_its_teller_hears_that_a_later_one_was(database: Database) -> None:
    linked(database, "a", 1)
    assert tell(database, after=2 * SECOND, digest="later")
    assert not tell(database, after=SECOND, digest="earlier")
    assert tell(database, after=2 * SECOND, digest="later")
    assert [link.notified_digest for link in page(database)] == ["later"]


def test_a_moved_issue_is_known_by_its_new_key(database: Database) -> None:
    linked(database, "a", 1)
    tell(database, key="WEB-7")
    assert [(link.jira_key, link.issue) for link in of(database, "WEB-7")] == [("WEB-7", "10001")]


def test_what_was_noted_before_is_not_noted_again(database: Database) -> None:
    linked(database, "a", 1)
    (link,) = page(database)
    assert not is_noted(link, state())
    tell(database)
    (link,) = page(database)
    assert is_noted(link, state(seen=SECOND))
    assert not is_noted(link, state(after=SECOND))
    assert not is_noted(link, state(digest="b"))


def test_that_an_issue_has_been_done_for_long_is_to_be_noted_once_more(database: Database) -> None:
    linked(database, "a", 1)
    tell(database, "done")
    (link,) = page(database)
    assert is_noted(link, state("done", seen=REOPENED_WITHIN - SECOND))
    assert not is_noted(link, state("done", seen=REOPENED_WITHIN))
