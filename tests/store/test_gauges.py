"""What ops watch, as numbers: tickets by state, breaches, and what waits to go out."""

from datetime import timedelta

from sqlalchemy import text

from domain.core.enums import Metric, Plan, Role, SlaState, Status, Tier, WaitsOn
from services.security.auth import create_token
from store import inbox, journal, outbox
from store.database import Database
from store.gauges import Gauges, read_gauges
from tests.support.durations import HOUR
from tests.support.ticket_life import MONDAY, RUN, Life, opened


def keep(db: Database, *lives: Life) -> None:
    with db.begin() as session:
        for life in lives:
            journal.append(session, life.ticket.id, RUN, life.events)


def counted(db: Database, after: timedelta = HOUR) -> Gauges:
    with db.session() as session:
        return read_gauges(session, MONDAY + after)


def test_every_state_is_there_also_where_there_is_no_ticket(db: Database) -> None:
    found = counted(db)
    not_closed = set(Status) - {Status.CLOSED}
    assert set(found.tickets) == {(status, tier) for status in not_closed for tier in Tier}
    assert (set(found.sla), set(found.waits_on)) == (set(SlaState), set(WaitsOn))
    assert set(found.backlogs) == {"notices", "deliveries", "webhooks"}
    assert {*found.tickets.values(), *found.sla.values(), *found.waits_on.values(), *found.breaches.values()} == {0}
    assert set(found.breaches) == {(plan, metric) for plan in Plan for metric in Metric}


def test_tickets_are_counted_by_status_and_tier_and_by_what_holds_them_up(db: Database) -> None:
    fresh, taken = Life(opened("1")), Life(opened("2")).do("take")
    pending = Life(opened("3")).do("take").do("wait", question="Which browser?")
    keep(db, fresh, taken, pending)
    found = counted(db)
    assert {place: number for place, number in found.tickets.items() if number} == {
        (Status.NEW, Tier.T1): 1,
        (Status.OPEN, Tier.T1): 1,
        (Status.PENDING, Tier.T1): 1,
    }
    assert {what: number for what, number in found.waits_on.items() if number} == {
        WaitsOn.AGENT: 2,
        WaitsOn.CUSTOMER: 1,
    }
    assert sum(found.sla.values()) == 3


def test_a_breach_of_the_contract_counts_for_a_day_and_a_missed_target_never(db: Database) -> None:
    life = Life(opened("1")).wait_until(MONDAY + 5 * HOUR)  # Premium: 4 h to the first response; P2's target too
    keep(db, life)
    sides = [event.body.side for event in life.events if event.body.type == "lapsed"]
    assert sorted(sides) == ["contract", "target"]
    breached_at = MONDAY + 4 * HOUR
    recorded = {which: number for which, number in counted(db, after=6 * HOUR).breaches.items() if number}
    assert recorded == {(Plan.PREMIUM, Metric.FIRST_RESPONSE): 1}
    assert not any(counted(db, after=breached_at - MONDAY + timedelta(days=1)).breaches.values())
    assert counted(db, after=6 * HOUR).sla[SlaState.BREACHED] == 1


def test_what_could_go_out_now_is_overdue_and_what_is_to_wait_is_not(db: Database) -> None:
    with db.begin() as session:
        first = inbox.keep(session, "mail", "1", {}, MONDAY)
        assert first is not None
        inbox.keep(session, "mail", "2", {}, MONDAY + HOUR / 2)
    assert (counted(db).backlogs["deliveries"].waiting, counted(db).backlogs["deliveries"].overdue) == (2, 3600)
    with db.begin() as session:
        inbox.QUEUE.done(session, first, MONDAY)
    assert (counted(db).backlogs["deliveries"].waiting, counted(db).backlogs["deliveries"].overdue) == (1, 1800)


def test_a_notice_in_quiet_hours_waits_and_is_not_overdue(db: Database) -> None:
    keep(db, Life(opened("1")).wait_until(MONDAY + 5 * HOUR))  # its misses are noticed
    far = timedelta(days=3650)  # rows carry the database's own time of today
    waiting = counted(db, far).backlogs["notices"].waiting
    assert waiting >= 1
    assert counted(db, far).backlogs["notices"].overdue > 0
    with db.begin() as session:
        for row in outbox.QUEUE.claim(session, MONDAY + far, HOUR, 100):
            outbox.QUEUE.postpone(session, row, MONDAY + far + HOUR, None, tried=False)
    held = counted(db, far).backlogs["notices"]
    assert (held.waiting, held.overdue) == (waiting, 0)
    assert counted(db, far + HOUR + timedelta(minutes=1)).backlogs["notices"].overdue == 60


def test_a_breach_counts_as_unacknowledged_until_one_of_us_does_something(db: Database) -> None:
    life = Life(opened("1")).wait_until(MONDAY + 5 * HOUR)
    keep(db, life)
    assert counted(db, after=6 * HOUR).unacknowledged == 1
    life.do("note", text="I look at it.")
    keep(db, life)
    assert counted(db, after=6 * HOUR).unacknowledged == 0


def test_tokens_count_that_expire_within_two_weeks(db: Database) -> None:
    for days in (1, 14, 15):
        create_token(db, f"shop-{days}", Role.AGENT, timedelta(days=days), MONDAY)
    assert counted(db, after=timedelta(0)).expiring_tokens == 2
    assert counted(db, after=timedelta(days=2)).expiring_tokens == 2  # one is over, one has come


def test_an_effect_is_late_once_ops_were_alerted_to_it(db: Database) -> None:
    life = Life(opened("1")).do("take")
    keep(db, life)
    assert counted(db).late_effects == 0
    with db.begin() as session:
        late = '{"undone": [{"kind": "jira_bug", "alerted": true, "failed": false}]}'
        session.execute(text("UPDATE tickets SET state = state || CAST(:late AS jsonb)"), {"late": late})
    assert counted(db).late_effects == 1
