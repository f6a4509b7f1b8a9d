"""The intent before the POST: whatever becomes of an attempt, the next one knows what it may do."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from store import jira_links
from store.database import Database
from store.jira_links import GRACE, Intent, Link
from tests.store.stories import MONDAY

KEY = "ticket-a:jira_bug:5"


def begin(database: Database, now: datetime = MONDAY, key: str = KEY) -> Intent:
    with database.begin() as session:
        return jira_links.begin(session, key, ticket_id="a", seq=5, kind="bug", label="tierline-a", now=now)


def link(database: Database, key: str, issue: str) -> tuple[str, str]:
    begin(database, key=key)
    with database.begin() as session:
        return jira_links.linked(session, key, issue, f"http://jira/{issue}")


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
            return jira_links.post_again(session, KEY, doubt, now)

    assert not again(MONDAY + GRACE - timedelta(seconds=1))
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(again, [MONDAY + GRACE] * 4)) == [False, False, False, True]
    assert begin(database) == Intent(state="in_doubt", attempt=2)


def test_an_attempt_that_made_nothing_leaves_no_doubt(database: Database) -> None:
    begin(database)
    with database.begin() as session:
        jira_links.not_sent(session, KEY, 1)
    assert begin(database).state == "new"


def test_but_the_doubt_about_an_earlier_attempt_stays(database: Database) -> None:
    begin(database)
    doubt = begin(database)
    later = MONDAY + GRACE
    with database.begin() as session:
        assert jira_links.post_again(session, KEY, doubt, later)
        jira_links.not_sent(session, KEY, 2)

    doubt = begin(database, later)

    assert doubt.state == "in_doubt"
    with database.begin() as session:
        assert jira_links.post_again(session, KEY, doubt, later)


def test_what_jira_refused_is_new_again_when_a_person_retries(database: Database) -> None:
    begin(database)
    with database.begin() as session:
        jira_links.refused(session, KEY, "priority: Highest is no option")
    assert begin(database, MONDAY + timedelta(hours=1)) == Intent(state="new", attempt=1)


def test_a_refusal_after_an_unknown_outcome_leaves_the_doubt(database: Database) -> None:
    begin(database)
    doubt = begin(database)
    with database.begin() as session:
        assert jira_links.post_again(session, KEY, doubt, MONDAY + GRACE)
        jira_links.refused(session, KEY, "no")
    assert begin(database, MONDAY + GRACE) == Intent(state="in_doubt", attempt=2)


def test_the_link_that_came_first_counts(database: Database) -> None:
    assert link(database, KEY, "SUP-1") == ("SUP-1", "http://jira/SUP-1")
    with database.begin() as session:
        assert jira_links.linked(session, KEY, "SUP-2", "http://jira/SUP-2") == ("SUP-1", "http://jira/SUP-1")
        jira_links.refused(session, KEY, "too late")

    known = begin(database)
    assert (known.state, known.jira_key, known.jira_url) == ("linked", "SUP-1", "http://jira/SUP-1")


def test_open_links_are_those_whose_issue_is_not_done(database: Database) -> None:
    link(database, "ticket-a:jira_bug:1", "SUP-1")
    link(database, "ticket-b:jira_bug:1", "SUP-2")
    begin(database, key="ticket-c:jira_bug:1")
    with database.begin() as session:
        assert jira_links.seen(session, "SUP-1", MONDAY, "done")

    with database.session() as session:
        assert [one.jira_key for one in jira_links.open_links(session)] == ["SUP-2"]
        assert jira_links.links_to(session, "SUP-1") == [
            Link(effect_key="ticket-a:jira_bug:1", ticket_id="a", jira_key="SUP-1", category="done",
                 last_version=MONDAY)
        ]  # fmt: skip


def test_only_a_newer_version_is_news(database: Database) -> None:
    link(database, KEY, "SUP-1")
    earlier, later = MONDAY - timedelta(seconds=1), MONDAY + timedelta(seconds=1)
    with database.begin() as session:
        seen = [jira_links.seen(session, "SUP-1", at, "indeterminate") for at in (MONDAY, MONDAY, earlier, later)]
    assert seen == [True, False, False, True]
