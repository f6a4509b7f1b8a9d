"""F5: with Jira away, ops get one alert for all tickets that wait, and not one for each."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from domain.core.enums import Plan, Role
from domain.ticket import commands as c
from domain.ticket.rules.pending_effects import late
from store import journal, late_effects, outages
from store.database import Database
from store.tables.integrations import OutboxRow
from tests.support.durations import HOUR
from tests.support.packages import BOTH_PACKAGES
from tests.support.ticket_life import MONDAY, RUN, Life, life

ALERT = timedelta(minutes=10)


def escalated(name: str, after: timedelta = timedelta(0)) -> Life:
    """A ticket whose issue is to be made."""
    return life(name, plan=Plan.ENTERPRISE, at=MONDAY + after).do("escalate", to="T3", fields=BOTH_PACKAGES)


def overdue(name: str, after: timedelta = timedelta(0)) -> Life:
    """One that has waited for it for too long, since `after` on Monday morning."""
    one = escalated(name, after).wait_until(MONDAY + after + ALERT)
    assert late(one.ticket)
    return one


def linked(one: Life) -> Life:
    done = c.ReportDone(by="tierline", role=Role.SYSTEM, key=one.ticket.pending_effects[0].key, jira_key="ENG-1")
    return one.tell(done, timedelta(minutes=1))


def record(database: Database, one: Life) -> None:
    with database.begin() as session:
        journal.append(session, one.ticket.id, RUN, one.events)


def told(database: Database, name: str = "effect_failing") -> list[str]:
    with database.session() as session:
        rows = select(OutboxRow.title).where(OutboxRow.name == name, OutboxRow.audience == "ops")
        return list(session.scalars(rows.order_by(OutboxRow.id)))


def at_once(database: Database, lives: list[Life]) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda one: record(database, one), lives))


def test_f5_all_tickets_that_wait_for_jira_are_one_alert_and_one_word_that_all_is_done(database: Database) -> None:
    lives = [overdue(str(number)) for number in range(24)]

    at_once(database, lives)
    (begun,) = told(database)
    assert begun.endswith(" for Jira for too long. Told once for all: the query WaitsOn='jira' finds them")

    at_once(database, [linked(one) for one in lives[:-1]])
    assert told(database) == [begun], "while one waits, it lasts"
    record(database, linked(lives[-1]))
    ended = "Jira has taken everything that waited for too long, since 2026-03-02 10:10:00 UTC"
    assert told(database) == [begun, ended]


def test_f5_negative_control_told_for_each_ticket_it_would_be_a_flood(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outages, "admit", lambda *_: outages.Admission(probing=True))
    for number in range(3):
        record(database, overdue(str(number), timedelta(minutes=number)))
    assert len(told(database)) == 3


def test_f5_while_they_become_more_the_number_is_told_once_an_hour(database: Database) -> None:
    lives = [overdue(str(minute), timedelta(minutes=minute)) for minute in range(0, 150, 10)]
    for one in lives:
        record(database, one)

    first, second, third = told(database)
    assert first.startswith(f"ticket-{lives[0].ticket.id} waits for Jira for too long")
    assert second.startswith("7 tickets wait for Jira for too long")
    assert third.startswith("13 tickets wait for Jira for too long")


def test_f5_one_ticket_that_jira_never_takes_hides_no_later_outage(database: Database) -> None:
    record(database, overdue("poison"))
    fine = escalated("fine", 2 * HOUR)
    record(database, linked(fine))  # was never late: says nothing of those that are
    record(database, overdue("later", 3 * HOUR))
    assert [one[:2] for one in told(database)] == ["ti", "2 "]


def test_f5_an_outage_after_another_is_told_again_at_once(database: Database) -> None:
    record(database, linked(overdue("poison")))
    first = overdue("1")
    record(database, first)
    record(database, linked(first))
    record(database, overdue("2", timedelta(minutes=20)))
    assert len(told(database)) == 3, "begun, ended, begun: what was late and done in one batch is not told at all"


def test_f5_the_last_two_that_are_done_at_the_same_time_end_it_together(database: Database) -> None:
    lives = [overdue("1"), overdue("2")]
    for one in lives:
        record(database, one)
    at_once(database, [linked(one) for one in lives])
    with database.session() as session:
        assert not outages.lasts(session, late_effects.LATE)


def test_f5_what_is_refused_waits_for_a_person_and_is_told_for_each(database: Database) -> None:
    one = overdue("1")
    record(database, one)
    key = one.ticket.pending_effects[0].key
    one.tell(c.ReportFailed(by="tierline", role=Role.SYSTEM, key=key, reason="components: is required"))
    record(database, one)
    _, refused, ended = told(database)
    assert refused == "Refused, a person must act: bug report"
    assert ended.startswith("Jira has taken everything")


def test_while_jira_does_not_let_us_in_ops_know_already(database: Database) -> None:
    with database.begin() as session:
        outages.begin(session, "jira", MONDAY)
    record(database, overdue("1"))
    record(database, overdue("2"))
    assert told(database) == []
    record(database, overdue("3", HOUR))
    assert len(told(database)) == 1, "an hour later they hear how many wait"


def test_f5_another_effect_that_is_late_is_told_for_its_ticket(database: Database) -> None:
    one = life("1", plan=Plan.FREE, priority="P0").wait_until(MONDAY + ALERT)  # type: ignore[arg-type]
    record(database, one)
    assert told(database) == ["Pending for too long: joining an open incident"]


def test_a_reset_tells_nobody_again(database: Database) -> None:
    one = escalated("1")
    branch = one.fork()
    record(database, one.wait_until(MONDAY + ALERT))
    branch.do("note", text="Another past.").wait_until(MONDAY + ALERT)
    with database.begin() as session:
        journal.append(session, branch.ticket.id, "run-2", branch.events)
    assert len(told(database)) == 1


def test_what_is_late_is_counted_by_the_database_as_the_core_counts_it(database: Database) -> None:
    done, waits = overdue("1"), overdue("2")
    for one in (linked(done), waits, escalated("3")):
        record(database, one)
    with database.session() as session:
        assert late_effects._waiting(session) == 1
