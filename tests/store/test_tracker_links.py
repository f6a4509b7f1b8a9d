"""The intent before the POST: whatever becomes of an attempt, the next one knows what it may do."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from sqlalchemy import update

from integrations.tracker.port import IssueRef
from store import tracker_links
from store.database import Database
from store.tables.integrations import IssueLinkRow
from store.tracker_links import GRACE, TWINS_AFTER, Intent, Known
from tests.support.ticket_life import MONDAY

KEY = "ticket-a:jira_bug:5"


def begin(
    database: Database, now: datetime = MONDAY, key: str = KEY, owner: str = "ticket-a", fingerprint: str | None = None
) -> Intent:
    with database.begin() as session:
        return tracker_links.begin(
            session, key, owner=owner, seq=5, kind="bug", label="tierline-a", fingerprint=fingerprint, now=now
        )


def ref(number: int) -> IssueRef:
    return IssueRef(key=f"SUP-{number}", id=str(10_000 + number), url=f"http://jira/SUP-{number}")


def linked(database: Database, number: int, key: str = KEY, *, doubt: bool = False) -> tuple[str, str]:
    with database.begin() as session:
        return tracker_links.linked(session, key, ref(number), doubt=doubt, now=MONDAY)


def attach(database: Database, number: int, owner: str, fingerprint: str | None = None) -> None:
    with database.begin() as session:
        key = f"{owner}:jira_link:7"
        tracker_links.attach(session, key, ref(number), owner=owner, seq=7, fingerprint=fingerprint, now=MONDAY)


def doubts(database: Database, now: datetime) -> list[str]:
    with database.session() as session:
        return [doubt.effect_key for doubt in tracker_links.doubts(session, now, 10)]


def test_the_first_attempt_is_new_and_the_next_in_doubt(database: Database) -> None:
    assert begin(database) == Intent(state="new", attempt=1)
    assert begin(database, MONDAY + timedelta(hours=1)) == Intent(state="in_doubt", attempt=1)


def test_of_eight_attempts_at_once_one_may_post(database: Database) -> None:
    with ThreadPoolExecutor(8) as pool:
        states = [intent.state for intent in pool.map(lambda _: begin(database), range(8))]

    assert sorted(states) == ["in_doubt"] * 7 + ["new"]


def test_nobody_posts_again_while_the_issue_may_still_turn_up_and_then_one_does(database: Database) -> None:
    begin(database)
    doubt = begin(database)

    def again(now: datetime) -> bool:
        with database.begin() as session:
            return tracker_links.post_again(session, KEY, doubt, now)

    assert not again(MONDAY + GRACE - timedelta(seconds=1))
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(again, [MONDAY + GRACE] * 4)) == [False, False, False, True]
    assert begin(database) == Intent(state="in_doubt", attempt=2)


def test_an_attempt_that_made_nothing_leaves_no_doubt(database: Database) -> None:
    begin(database)
    with database.begin() as session:
        tracker_links.not_sent(session, KEY, 1)
    assert begin(database).state == "new"


def test_but_the_doubt_about_an_earlier_attempt_stays(database: Database) -> None:
    begin(database)
    doubt = begin(database)
    later = MONDAY + GRACE
    with database.begin() as session:
        assert tracker_links.post_again(session, KEY, doubt, later)
        tracker_links.not_sent(session, KEY, 2)

    doubt = begin(database, later)

    assert doubt.state == "in_doubt"
    with database.begin() as session:
        assert tracker_links.post_again(session, KEY, doubt, later)


def test_what_jira_refused_is_new_again_when_a_person_retries(database: Database) -> None:
    begin(database)
    with database.begin() as session:
        tracker_links.refused(session, KEY, "priority: Highest is no option")
    assert begin(database, MONDAY + timedelta(hours=1)) == Intent(state="new", attempt=1)


def test_a_refusal_after_an_unknown_outcome_leaves_the_doubt(database: Database) -> None:
    begin(database)
    doubt = begin(database)
    with database.begin() as session:
        assert tracker_links.post_again(session, KEY, doubt, MONDAY + GRACE)
        tracker_links.refused(session, KEY, "no")
    assert begin(database, MONDAY + GRACE) == Intent(state="in_doubt", attempt=2)


def test_the_link_that_came_first_counts(database: Database) -> None:
    begin(database)
    assert linked(database, 1) == ("SUP-1", "http://jira/SUP-1")
    assert linked(database, 2) == ("SUP-1", "http://jira/SUP-1")
    with database.begin() as session:
        tracker_links.refused(session, KEY, "too late")

    known = begin(database)
    assert (known.state, known.jira_key, known.jira_url) == ("linked", "SUP-1", "http://jira/SUP-1")


def test_a_link_without_doubt_is_never_looked_at_again(database: Database) -> None:
    begin(database)
    linked(database, 1)
    assert doubts(database, MONDAY + timedelta(days=365)) == []


def test_after_a_doubt_twins_are_looked_for_when_search_knows_them_all_and_once(database: Database) -> None:
    begin(database)
    linked(database, 1, doubt=True)
    due = MONDAY + TWINS_AFTER
    assert doubts(database, due - timedelta(seconds=1)) == []
    assert doubts(database, due) == [KEY]
    with database.begin() as session:
        tracker_links.settled(session, KEY, due)
    assert doubts(database, due) == []


def test_two_attempts_that_both_bring_an_issue_leave_no_doubt_that_there_are_two(database: Database) -> None:
    begin(database)
    linked(database, 1)
    linked(database, 2)
    assert doubts(database, MONDAY + TWINS_AFTER) == [KEY]


def test_a_doubt_that_comes_up_while_it_is_looked_into_stays(database: Database) -> None:
    begin(database)
    linked(database, 1, doubt=True)
    looked_at = MONDAY + TWINS_AFTER - timedelta(seconds=1)
    with database.begin() as session:
        tracker_links.settled(session, KEY, looked_at)
    assert doubts(database, MONDAY + TWINS_AFTER) == [KEY]


def test_f4_an_issue_that_is_there_carries_more_owners_each_once(database: Database) -> None:
    begin(database)
    linked(database, 1)
    for owner in ("ticket-b", "ticket-b", "ticket-c"):
        attach(database, 1, owner)
    with database.session() as session:
        assert tracker_links.owners(session, ref(1).id) == ["ticket-a", "ticket-b", "ticket-c"]


def test_a_refused_issue_may_become_a_link(database: Database) -> None:
    begin(database, key="ticket-b:jira_link:7", owner="ticket-b")
    with database.begin() as session:
        tracker_links.refused(session, "ticket-b:jira_link:7", "priority: no option")
    attach(database, 1, "ticket-b")
    with database.session() as session:
        assert tracker_links.owners(session, ref(1).id) == ["ticket-b"]


def test_f4_similar_are_the_open_issues_of_the_fingerprint_those_of_most_owners_first(database: Database) -> None:
    for number, mark in ((1, "fp-a"), (2, "fp-a"), (3, "fp-b")):
        begin(database, key=f"ticket-{number}:jira_bug:5", owner=f"ticket-{number}", fingerprint=mark)
        linked(database, number, f"ticket-{number}:jira_bug:5")
    begin(database, key="ticket-9:jira_bug:5", owner="ticket-9", fingerprint="fp-a")  # on its way
    attach(database, 2, "ticket-4", "fp-a")

    with database.session() as session:
        assert tracker_links.similar(session, "fp-a") == [
            Known(key="SUP-2", url="http://jira/SUP-2", owners=("ticket-2", "ticket-4"), kinds=("bug", "link")),
            Known(key="SUP-1", url="http://jira/SUP-1", owners=("ticket-1",), kinds=("bug",)),
        ]
    with database.begin() as session:
        session.execute(update(IssueLinkRow).where(IssueLinkRow.jira_key == "SUP-2").values(category="done"))
    with database.session() as session:
        assert [known.key for known in tracker_links.similar(session, "fp-a")] == ["SUP-1"]
