"""What the lead board and the home page count, on a small known history."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.core.enums import Metric, Priority, Role, Tier, WaitsOn
from domain.ticket import commands as c
from services.reading import board as reading
from services.reading import home
from services.reading.board import Board, week_edges, weekdays_before
from services.security.auth import Caller
from store import board, erasure, journal
from store.database import Database
from tests.support.ticket_case import Case, at, in_jira
from tests.support.ticket_life import MONDAY, RUN, Life, closed, life, resolved

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
NOW = MONDAY + 2 * DAY
"""A Wednesday."""
VIENNA = ZoneInfo("Europe/Vienna")


def keep(database: Database, *lives: Life | Case) -> None:
    with database.begin() as session:
        for one in lives:
            journal.append(session, one.ticket.id, RUN, one.events)


def seen(database: Database, now: datetime = NOW) -> Board:
    return reading.read(database, now, UTC)


def taken(external_id: str, by: str = "ada", **more: object) -> Life:
    return life(external_id, **more).do("take", timedelta(minutes=1), by=by)  # type: ignore[arg-type]


def in_tier_2(external_id: str) -> Life:
    """A ticket in Tier 2, which nobody has taken."""
    one = taken(external_id)
    one.do("escalate", timedelta(minutes=1), role="lead", force=True, reason="They know this customer.")
    return one


def test_what_has_waited_for_long_is_stuck_and_says_why(database: Database) -> None:
    nobody, theirs = life("1", priority=Priority.P4), in_tier_2("2").do("take", timedelta(minutes=1), by="ben")
    asked = in_tier_2("3").do("ask", timedelta(minutes=5), to="billing", text="Sent twice?")
    customers = in_tier_2("4").do("wait", timedelta(minutes=5), question="Which browser?")
    fresh = life("5", at=NOW - timedelta(hours=1))
    keep(database, nobody, theirs, asked, customers, fresh)
    why = {one.line.id: text for one, text in seen(database).stuck}
    assert why == {
        nobody.ticket.id: "nobody has taken it",
        theirs.ticket.id: "ben has it",
        asked.ticket.id: "a question to a colleague has no answer",
    }
    assert seen(database).stuck_tickets == 3
    later = {one.line.id: text for one, text in seen(database, MONDAY + 4 * DAY).stuck}
    assert later[customers.ticket.id] == "the customer has not answered"


@pytest.mark.parametrize(
    ("now", "days", "then"),
    [
        ("2026-03-04T10:00", 1, "2026-03-03T10:00"),  # from a Wednesday
        ("2026-03-02T10:00", 1, "2026-02-27T10:00"),  # over a weekend
        ("2026-03-01T10:00", 1, "2026-02-27T00:00"),  # from a Sunday: all of Friday, and no more
        ("2026-03-13T10:00", 10, "2026-02-27T10:00"),
        ("2026-03-30T10:00", 1, "2026-03-27T10:00"),  # the clocks were changed between them
    ],
)
def test_a_weekday_before_leaves_saturdays_and_sundays_out(now: str, days: int, then: str) -> None:
    here = datetime.fromisoformat(now).replace(tzinfo=VIENNA)
    assert weekdays_before(here.astimezone(UTC), days, VIENNA) == datetime.fromisoformat(then).replace(tzinfo=VIENNA)


def test_g2_a_ticket_past_its_limit_is_listed_until_it_moves(database: Database) -> None:
    over = taken("1").wait_until(MONDAY + timedelta(hours=2))
    moved = taken("2").wait_until(MONDAY + timedelta(hours=2))
    moved.do("escalate", role="lead", force=True, reason="They wait.")
    keep(database, over, moved)
    found = seen(database)
    assert [(one.line.id, one.reached, one.stays) for one in found.overruns] == [
        (over.ticket.id, MONDAY + timedelta(minutes=16), 1)
    ]
    assert found.overrun_tickets == 1
    assert found.weeks[-1].overruns == 2
    assert over.ticket.id not in [one.line.id for one, _ in found.stuck]


def test_g18_attention_is_listed_until_a_lead_has_looked(database: Database) -> None:
    asked = life("1").do("attention", timedelta(minutes=3), by="carla", role="csm", reason="They leave.")
    late = life("2").do("attention", timedelta(minutes=2), by="carla", role="csm", reason="They leave.")
    late.wait_until(NOW)
    given = life("3").do("attention", timedelta(minutes=2), by="carla", role="csm", reason="They leave.")
    given.do("attend", role="lead", by="lea", text="Called them.")
    keep(database, asked, late, given)
    rows = [(one.line.id, one.by, one.since, one.overdue) for one in seen(database).attention]
    assert rows == [
        (late.ticket.id, "carla", MONDAY + timedelta(minutes=2), True),
        (asked.ticket.id, "carla", MONDAY + timedelta(minutes=3), False),
    ]


def test_g8_hand_backs_are_counted_by_reason(database: Database) -> None:
    reasons = ["Wrong log.", "wrong log", "Not a bug."]
    lives = [in_tier_2(str(number)) for number in range(3)]
    for place, (one, reason) in enumerate(zip(lives, reasons, strict=True)):
        one.do("return", timedelta(hours=1 + place), role="lead", reason=reason)
    keep(database, *lives)
    rows = [(one.reason, one.times, one.frm, one.to, one.ticket) for one in seen(database).handed_back]
    assert rows == [("wrong log", 2, "T2", "T1", lives[1].ticket.id), ("Not a bug.", 1, "T2", "T1", lives[2].ticket.id)]
    assert seen(database).weeks[-1].handed_back == 3
    assert seen(database, MONDAY + 5 * WEEK).handed_back == []


def test_g8_the_reason_of_an_erased_person_is_gone(database: Database) -> None:
    one = in_tier_2("1").do("return", timedelta(hours=1), role="lead", reason="Jane is wrong.")
    keep(database, one)
    with database.begin() as session:
        erasure.erase(session, one.ticket.id, at=NOW, actor="olga", reason="request 7", scope="ticket")
    assert [(row.reason, row.times) for row in seen(database).handed_back] == [("", 1)]


def test_c8_a_breach_is_listed_until_it_is_waived_or_withdrawn(database: Database) -> None:
    upheld, waived = (life(str(number)).wait_until(NOW) for number in range(2))
    waived.tell(c.parse({"do": "waive", "by": "lea", "role": "lead", "metric": "resolution", "reason": "Agreed."}))
    stamped = (MONDAY + timedelta(minutes=5)).isoformat()
    withdrawn = life("9").wait_until(MONDAY + DAY)
    withdrawn.tell(c.parse({"do": "respond", "by": "lea", "role": "lead", "text": "Called.", "occurred": stamped}))
    keep(database, upheld, waived, withdrawn)
    found = {(one.line.id, one.metric) for one in seen(database).breaches}
    assert (upheld.ticket.id, Metric.RESOLUTION) in found
    assert (waived.ticket.id, Metric.RESOLUTION) not in found
    assert (waived.ticket.id, Metric.FIRST_RESPONSE) in found
    assert (withdrawn.ticket.id, Metric.FIRST_RESPONSE) not in found
    assert seen(database).weeks[-1].breached == 5  # each that was recorded


def test_g17_each_persons_active_tickets_are_counted(database: Database) -> None:
    keep(database, taken("1"), taken("2"), taken("3", by="ben"), resolved(life("4")), life("5"))
    rows = [(one.person, one.tickets) for one in seen(database, MONDAY + timedelta(minutes=5)).held]
    assert rows == [("ada", 2), ("ben", 1)]


def test_weeks_add_up_to_the_backlog(database: Database) -> None:
    """Two of three tickets of the week before last are still open; one of last week ended in this week."""
    before_last = [life(str(number), at=MONDAY - 2 * WEEK) for number in range(2)]
    ended_then = closed(life("2", at=MONDAY - 2 * WEEK))
    last = resolved(life("3", at=MONDAY - WEEK).do("note", WEEK, text="Still here."))
    keep(database, *before_last, ended_then, last, life("4", at=MONDAY))
    weeks = seen(database).weeks
    assert len(weeks) == reading.WEEKS + 1
    assert [(one.opened, one.ended, one.backlog) for one in weeks[-4:]] == [(0, 0, 0), (3, 1, 2), (1, 0, 3), (1, 1, 3)]


def test_days_to_clear_are_the_backlog_at_the_pace_of_four_weeks(database: Database) -> None:
    ended = [resolved(life(f"e{number}", at=MONDAY - number * DAY)) for number in range(2)]
    keep(database, *ended, *(life(str(number)) for number in range(3)), in_tier_2("t2"))
    paces = {one.tier: one for one in seen(database).paces}
    assert (paces[None].backlog, paces[None].days) == (4, 4 * 28 / 2)
    assert (paces[Tier.T1].backlog, paces[Tier.T1].days) == (3, 3 * 28 / 2)
    assert paces[Tier.T2].days is None


def test_a_week_begins_on_monday_in_the_readers_zone() -> None:
    edges = week_edges(datetime(2026, 4, 1, 12, tzinfo=UTC), VIENNA)
    assert [edge.astimezone(UTC).hour for edge in edges[-3:-1]] == [23, 22]  # the clocks were changed between them
    assert edges[-1] == datetime(2026, 4, 1, 12, tzinfo=UTC)
    assert {edge.weekday() for edge in edges[:-1]} == {0}


def test_an_empty_board_is_empty(database: Database) -> None:
    found = seen(database)
    assert (found.stuck, found.overruns, found.breaches, found.held, found.handed_back) == ([], [], [], [], [])
    assert {one.days for one in found.paces} == {None}


def home_of(database: Database, actor: str, role: Role = Role.AGENT) -> home.Home:
    return home.read(database, Caller(token_id="t", actor=actor, role=role), NOW, NOW + DAY, UTC)


def test_the_next_ticket_is_ones_own_that_waits_on_an_agent_else_the_next_to_take(database: Database) -> None:
    waits = taken("1").do("wait", timedelta(minutes=1), question="Which browser?")
    keep(database, waits, life("2", priority=Priority.P4), life("3", priority=Priority.P1))
    first = home_of(database, "ada")
    assert first.next is not None
    assert (first.next.assignee, first.next.priority) == (None, Priority.P1)
    assert [line.id for line in first.mine] == [waits.ticket.id]
    own = taken("4", priority=Priority.P4)
    keep(database, own)
    assert home_of(database, "ada").next.id == own.ticket.id  # type: ignore[union-attr]
    assert home_of(database, "carla", Role.CSM).next is None


def test_g15_g16_home_has_what_is_asked_of_me_and_what_i_promised_until_tonight(database: Database) -> None:
    asked = life("1").do("ask", timedelta(minutes=1), to="ada", text="Sent twice?")
    soon, far = (NOW + timedelta(hours=hours) for hours in (5, 30))
    mine = life("2").do("promise", timedelta(minutes=1), text="An update.", due=soon)
    later = life("3").do("promise", timedelta(minutes=1), text="An update.", due=far)
    of_another = life("4").do("promise", timedelta(minutes=1), text="An update.", due=soon, by="ben")
    held = taken("5").do("promise", timedelta(minutes=1), text="An update.", due=soon, by="ben")
    keep(database, asked, mine, later, of_another, held)
    found = home_of(database, "ada")
    assert [line.id for line in found.asked] == [asked.ticket.id]
    assert {(one.line.id, one.due) for one in found.promised} == {(mine.ticket.id, soon), (held.ticket.id, soon)}


def test_f10_home_has_a_promise_at_risk_however_far_away_it_is_due(database: Database) -> None:
    case = in_jira()
    case.do("promise", at="09:20", by="ada", text="Fixed by Friday.", due=at("Fri 17:00"), fix=True)
    case.jira("10:00", "new", status="To Do", fix_versions=["4.13"], release_date="2026-11-30")
    keep(database, case)
    assert [(one.line.id, one.due, one.at_risk) for one in home_of(database, "ada").promised] == [
        (case.ticket.id, at("Fri 17:00"), True)
    ]


def test_a_lead_sees_breaches_attention_and_what_is_stuck_at_home(database: Database) -> None:
    keep(database, life("1").wait_until(NOW), taken("2").wait_until(MONDAY + timedelta(hours=2)))
    keep(database, life("3").do("attention", timedelta(minutes=3), by="carla", role="csm", reason="They leave."))
    lead = home_of(database, "lea", Role.LEAD).lead
    assert lead is not None
    assert (lead.breached_tickets, lead.attention_tickets, lead.stuck_tickets, lead.overrun_tickets) == (1, 1, 2, 1)
    assert len(lead.breached) == len(lead.attention) == 1
    assert home_of(database, "ada").lead is None


def test_the_kinds_of_waiting_that_can_be_stuck_are_all_but_two() -> None:
    assert set(WaitsOn) - set(reading.STUCK_AFTER) == {WaitsOn.NOBODY, WaitsOn.ESCALATION}
    assert board.HAS_ATTENTION.text == "tickets.flags @> '{attention}'"
