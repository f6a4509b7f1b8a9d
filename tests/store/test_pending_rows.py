"""What is pending for too long or unanswered, of open tickets: found by lists, listed up to a bound, and counted."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import text

from domain.core.enums import Priority, Role
from domain.ticket import commands as c
from services.reading import board
from store import journal, pending
from store.database import Database
from tests.support.packages import BOTH_PACKAGES, T2_PACKAGE
from tests.support.ticket_life import MONDAY, RUN, Life, life

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
BERLIN = ZoneInfo("Europe/Berlin")


def keep(database: Database, *lives: Life) -> None:
    with database.begin() as session:
        for one in lives:
            journal.append(session, one.ticket.id, RUN, one.events)


def with_engineering(name: str) -> Life:
    """A ticket whose issue is still to be made."""
    one = life(name).do("take", MINUTE).do("escalate", MINUTE, fields=T2_PACKAGE)
    return one.do("take", by="ben").do("escalate", MINUTE, by="ben", fields=BOTH_PACKAGES)


def test_f5_what_was_refused_or_is_pending_for_too_long_is_found(database: Database) -> None:
    refused, late, fresh = with_engineering("1"), with_engineering("2"), with_engineering("3")
    key = refused.ticket.pending_effects[0].key
    refused.tell(c.ReportFailed(by="tierline", role=Role.SYSTEM, key=key, reason="No such field."))
    late.wait_until(late.ticket.as_of + timedelta(minutes=11))
    keep(database, refused, late, fresh)

    with database.session() as session:
        found, total = pending.late_effects(session, 50)
        assert [(one.about, one.key, one.refused) for one in found] == [
            (refused.ticket.id, key, True), (late.ticket.id, late.ticket.pending_effects[0].key, False),
        ]  # fmt: skip
        assert total == 2
        listed, total = pending.late_effects(session, 1)
        assert (len(listed), total) == (1, 2)


def test_g15_g18_a_question_and_a_request_for_attention_are_found_when_they_are_overdue(database: Database) -> None:
    asked = life("1", priority=Priority.P3).do("take", MINUTE).do("ask", MINUTE, to="billing", text="Sent twice?")
    wanted = life("2", priority=Priority.P3).do("attention", MINUTE, role="csm", reason="They are angry.")
    in_time = asked.fork()
    keep(database, asked, wanted)
    with database.session() as session:
        assert pending.unanswered(session, 50) == ([], 0)
    for one in (asked, wanted):
        before = len(one.events)
        one.wait_until(MONDAY + 3 * HOUR)
        one.events = one.events[before:]
    keep(database, asked, wanted)

    with database.session() as session:
        found, total = pending.unanswered(session, 50)
    assert total == 2
    assert {(one.ticket, one.who) for one in found} == {(asked.ticket.id, "billing"), (wanted.ticket.id, "")}
    assert not in_time.ticket.questions[0].overdue


def test_what_nothing_happened_to_for_two_weekdays_is_found_unless_it_is_stuck_or_with_others(
    database: Database,
) -> None:
    over_limit = life("1", priority=Priority.P3).do("take").wait_until(MONDAY + 2 * HOUR)
    customers = life("2").do("take").do("wait", question="Which browser?")
    nobodys = life("3")
    keep(database, over_limit, customers, nobodys)
    now = MONDAY + timedelta(days=9)
    last = MONDAY + timedelta(days=4)
    with database.begin() as session:
        session.execute(text("UPDATE tickets SET updated_at = :at"), {"at": last})

    def quiet(now: object) -> list[str]:
        since, stuck = board.weekdays_before(now, 2, BERLIN), board.stuck_since(now, BERLIN)  # type: ignore[arg-type]
        with database.session() as session:
            found, total = pending.quiet(session, since, stuck, 50)
        assert (total, {at for _, at in found}) == (len(found), {last} if found else set())
        return [line.id for line, _ in found]

    assert quiet(now) == [over_limit.ticket.id]  # nobody's is in the list of what waits for too long
    assert quiet(last + timedelta(days=1)) == []
