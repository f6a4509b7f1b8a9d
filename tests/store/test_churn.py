"""F1: two or more P0/P1 tickets within 30 days, an incident's once, and one alert for each account and window."""

import threading
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, update

from domain.core.enums import Plan, Role
from domain.ticket import commands as c
from domain.ticket.rules import churn
from domain.ticket.rules.churn import Alert, ChurnRule, Hit
from store import journal
from store.database import Database
from store.tables.integrations import OutboxRow
from store.tables.tickets import ChurnAlertRow
from tests.support.durations import DAY
from tests.support.ticket_life import MONDAY, Life, life

RULE = ChurnRule()


def record(database: Database, one: Life) -> None:
    with database.begin() as session:
        journal.append(session, one.ticket.id, "run", one.events)


def opens(database: Database, name: str, after: timedelta = timedelta(0), **given: object) -> Life:
    one = life(name, **{"priority": "P1", "csm": "carol", "at": MONDAY + after, **given})  # type: ignore[arg-type]
    record(database, one)
    return one


def joins(database: Database, one: Life, incident: int | None) -> None:
    key = one.ticket.pending_effects[0].key
    one.tell(c.ReportDone(by="tierline", role=Role.SYSTEM, key=key, incident=incident), timedelta(minutes=1))
    record(database, one)


def alerts(database: Database) -> list[tuple[str, datetime, list[str]]]:
    with database.session() as session:
        rows = session.scalars(select(ChurnAlertRow).order_by(ChurnAlertRow.window_start)).all()
    return [(row.account, row.window_start, row.tickets) for row in rows]


def told(database: Database) -> list[tuple[str, str | None, str]]:
    with database.session() as session:
        rows = session.scalars(select(OutboxRow).where(OutboxRow.name == "churn").order_by(OutboxRow.id)).all()
    return [(row.audience, row.recipient, row.title) for row in rows]


def said(*lives: Life, arr: str = "unknown") -> str:
    """The title of the alert, where all of the tickets count."""
    names = ", ".join(one.ticket.id for one in lives)
    return f"Account at risk: acme, ARR {arr}, health green: {len(lives)} P0/P1 tickets since 2026-03-02: {names}"


class TestTheRule:
    def test_the_second_problem_raises_it(self) -> None:
        hits = [Hit(ticket="b", opened_at=MONDAY + DAY), Hit(ticket="a", opened_at=MONDAY)]
        assert churn.alert(hits[1:], RULE, None) is None
        assert churn.alert(hits, RULE, None) == Alert(window_start=MONDAY, tickets=("a", "b"))

    def test_the_tickets_of_one_incident_are_one_problem(self) -> None:
        hits = [Hit(ticket=name, opened_at=MONDAY, incident=7) for name in "abc"]
        assert churn.alert(hits, RULE, None) is None
        alert = churn.alert([*hits, Hit(ticket="d", opened_at=MONDAY)], RULE, None)
        assert alert is not None
        assert alert.tickets == ("a", "b", "c", "d")

    def test_a_running_alert_is_updated_whatever_became_of_its_tickets(self) -> None:
        alert = churn.alert([Hit(ticket="a", opened_at=MONDAY)], RULE, MONDAY - DAY)
        assert alert == Alert(window_start=MONDAY - DAY, tickets=("a",))

    @pytest.mark.parametrize(
        ("given", "is_watched"),
        [
            ({"plan": Plan.STANDARD}, False),
            ({"plan": Plan.STANDARD, "csm": "carol"}, True),
            ({"plan": Plan.STANDARD, "arr": 50_000}, False),
            ({"plan": Plan.STANDARD, "arr": 50_001}, True),
            ({"plan": Plan.PREMIUM}, True),
        ],
    )
    def test_who_is_watched(self, given: dict[str, object], is_watched: bool) -> None:
        assert churn.watched(life(**given).ticket, RULE) is is_watched  # type: ignore[arg-type]

    def test_a_guess_and_an_open_question_do_not_count_yet(self) -> None:
        assert churn.hit(life(priority="P1").ticket, RULE) is not None
        assert churn.hit(life(priority="P2").ticket, RULE) is None
        assert churn.hit(life(priority="P0", guessed=True).ticket, RULE) is None
        looking = life(priority="P0")
        assert churn.hit(looking.ticket, RULE) is None
        key = looking.ticket.pending_effects[0].key
        failed = looking.fork().tell(c.ReportFailed(by="tierline", role=Role.SYSTEM, key=key, reason="No."))
        assert churn.hit(failed.ticket, RULE) is not None
        found = looking.fork().tell(c.ReportDone(by="tierline", role=Role.SYSTEM, key=key, incident=3))
        assert churn.hit(found.ticket, RULE) == Hit(ticket=found.ticket.id, opened_at=MONDAY, incident=3)

    def test_the_policys_table_is_the_rule(self) -> None:
        rule = ChurnRule(tickets=3, arr_over=Decimal(10))
        assert churn.alert([Hit(ticket=name, opened_at=MONDAY) for name in "ab"], rule, None) is None


def test_two_in_thirty_days_are_one_alert_and_one_notice_to_the_csm(database: Database) -> None:
    first = opens(database, "1")
    assert alerts(database) == []
    second = opens(database, "2", 29 * DAY)

    assert alerts(database) == [("acme", MONDAY, [first.ticket.id, second.ticket.id])]
    assert told(database) == [("csm", "carol", said(first, second))]
    third = opens(database, "3", 29 * DAY + timedelta(hours=1))
    with database.session() as session:
        raised = session.scalars(select(ChurnAlertRow.raised_at)).one()
    assert raised == second.ticket.opened_at < third.ticket.opened_at, "it stays as it was first raised"


def test_a_third_updates_the_alert_and_the_notice_that_still_waits(database: Database) -> None:
    lives = [opens(database, str(day), day * DAY) for day in (0, 5, 10)]

    assert alerts(database) == [("acme", MONDAY, [one.ticket.id for one in lives])]
    assert [title for _, _, title in told(database)] == [said(*lives)]


def test_a_notice_that_was_sent_is_not_sent_again_in_its_window(database: Database) -> None:
    first, second = opens(database, "1"), opens(database, "2", DAY)
    with database.begin() as session:
        session.execute(update(OutboxRow).values(state="sent"))

    opens(database, "3", 2 * DAY)

    assert [title for _, _, title in told(database)] == [said(first, second)]
    assert len(alerts(database)[0][2]) == 3


def test_when_the_window_is_over_the_next_two_are_another_alert(database: Database) -> None:
    for name, day in (("1", 0), ("2", 10), ("3", 35)):
        opens(database, name, day * DAY)

    assert [start for _, start, _ in alerts(database)] == [MONDAY, MONDAY + 10 * DAY]
    assert len(told(database)) == 2


def test_tickets_that_are_too_far_apart_or_of_others_do_not_add_up(database: Database) -> None:
    opens(database, "1")
    opens(database, "2", timedelta(minutes=1), account="other")
    opens(database, "3", timedelta(minutes=2), priority="P2")
    opens(database, "4", 31 * DAY)

    assert alerts(database) == []


def test_two_of_one_incident_are_no_alert_and_two_of_two_are(database: Database) -> None:
    first, second = opens(database, "1", priority="P0"), opens(database, "2", priority="P0")
    assert alerts(database) == []

    joins(database, first, 1)
    joins(database, second, 1)
    assert alerts(database) == []

    third = opens(database, "3", priority="P0")
    joins(database, third, 2)
    assert alerts(database) == [("acme", MONDAY, [one.ticket.id for one in sorted(
        (first, second, third), key=lambda one: one.ticket.id)])]  # fmt: skip


def test_a_priority_that_is_raised_counts_from_then_on(database: Database) -> None:
    opens(database, "1")
    second = opens(database, "2", priority="P3")
    second.do("prioritise", timedelta(hours=1), priority="P1", reason="Nobody can pay.")
    record(database, second)

    assert len(alerts(database)) == 1


def test_an_account_that_nobody_watches_raises_none(database: Database) -> None:
    for name in "123":
        opens(database, name, plan=Plan.STANDARD, csm=None)
    assert alerts(database) == []


def test_two_that_arrive_at_once_do_not_miss_each_other(database: Database) -> None:
    barrier = threading.Barrier(6)

    def arrive(name: str) -> None:
        barrier.wait()
        opens(database, name)

    threads = [threading.Thread(target=arrive, args=(str(name),)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [len(tickets) for _, _, tickets in alerts(database)] == [6]
    assert len(told(database)) == 1


def test_f1_the_alert_names_account_tickets_arr_and_health(database: Database) -> None:
    first, second = opens(database, "1", arr=120_000), opens(database, "2", DAY, arr=120_000)

    assert [title for _, _, title in told(database)] == [said(first, second, arr="120,000")]


def test_f11_one_cancellation_is_enough_for_an_alert(database: Database) -> None:
    leaving = opens(database, "1", priority="P4", category="cancellation")
    title = f"Account at risk: acme, ARR unknown, health green: 1 cancellation since 2026-03-02: {leaving.ticket.id}"
    assert alerts(database) == [("acme", MONDAY, [leaving.ticket.id])]
    assert told(database) == [("csm", "carol", title)]
    urgent = opens(database, "2", DAY)
    assert (
        told(database)[0][2] == f"{title.replace('cancellation', 'cancellation, 1 P0/P1 ticket')}, {urgent.ticket.id}"
    )


def test_f11_a_ticket_that_is_found_to_be_a_cancellation_raises_the_alert(database: Database) -> None:
    one = opens(database, "1", priority="P4", category="billing")
    assert alerts(database) == []
    one.do("amend", timedelta(minutes=5), category="cancellation")
    record(database, one)
    assert alerts(database) == [("acme", MONDAY, [one.ticket.id])]


def test_f11_a_ticket_that_turns_out_to_be_no_cancellation_is_said_to_be_none(database: Database) -> None:
    one = opens(database, "1", priority="P3", category="cancellation")
    with database.begin() as session:
        session.execute(update(OutboxRow).values(state="sent"))
    record(database, one.do("amend", timedelta(minutes=5), category="billing"))
    title = "Account at risk: acme, ARR unknown, health green: 0 P0/P1 tickets since 2026-03-02: "
    assert told(database)[-1][2] == f"Corrected. {title}{one.ticket.id} (no cancellation)"


def test_f11_a_policy_may_say_that_a_cancellation_is_no_reason() -> None:
    leaving = life(priority="P4", category="cancellation").ticket
    assert churn.hit(leaving, ChurnRule(cancellations=False)) is None
    assert churn.hit(leaving, RULE) == Hit(ticket=leaving.id, opened_at=MONDAY, cancellation=True)


def lower(database: Database, one: Life) -> None:
    one.do("prioritise", timedelta(minutes=30), priority="P3", reason="One user only.")
    record(database, one)


def test_f1_a_ticket_that_is_lowered_is_marked_in_the_alert_that_waits(database: Database) -> None:
    first, second, third = (opens(database, name, int(name) * DAY) for name in "012")

    lower(database, third)

    assert alerts(database) == [("acme", MONDAY, [one.ticket.id for one in (first, second, third)])]
    assert [title for _, _, title in told(database)] == [f"{said(first, second)}, {third.ticket.id} (lowered to P3)"]


def test_f1_an_alert_that_was_sent_is_corrected_once(database: Database) -> None:
    first, second = opens(database, "1"), opens(database, "2", DAY)
    with database.begin() as session:
        session.execute(update(OutboxRow).values(state="sent"))

    lower(database, second)
    record(database, second)

    title = (
        "Corrected. Account at risk: acme, ARR unknown, health green: 1 P0/P1 ticket since 2026-03-02: "
        f"{first.ticket.id}, {second.ticket.id} (lowered to P3)"
    )
    assert [title for _, _, title in told(database)] == [said(first, second), title]


def test_f1_a_lowered_ticket_that_no_alert_names_tells_nobody(database: Database) -> None:
    lower(database, opens(database, "1"))

    assert (alerts(database), told(database)) == ([], [])


def test_f1_an_account_without_a_csm_of_its_own_has_the_team_that_its_plan_shares(database: Database) -> None:
    for name, given in (("shared", {}), ("own", {"csm": "carol"}), ("named", {"plan": Plan.ENTERPRISE})):
        opens(database, f"{name}-1", account=name, **{"csm": None, **given})
        opens(database, f"{name}-2", DAY, account=name, **{"csm": None, **given})
    found = {title.split(",")[0].rpartition(" ")[2]: recipient for _, recipient, title in told(database)}
    assert found == {"shared": "customer-success", "own": "carol", "named": None}
