"""What ops see as breached and as at risk: each with why and what to type, in a bounded list with its total."""

from datetime import timedelta

from sqlalchemy import text

from domain.core.enums import Plan, Priority
from services.reading import lapses
from services.reading.lapses import Lapse
from store import journal
from store.database import Database
from store.journal import INCIDENTS
from tests.support.incident_case import UPDATE, declared
from tests.support.ticket_case import at
from tests.support.ticket_life import MONDAY, RUN, Life, life

HOUR = timedelta(hours=1)


def keep(database: Database, *lives: Life) -> None:
    with database.begin() as session:
        for one in lives:
            journal.append(session, one.ticket.id, RUN, one.events)


def enterprise(name: str, **more: object) -> Life:
    """A ticket with a first response due 30 minutes after its opening, and a resolution 4 hours after it."""
    return life(name, plan=Plan.ENTERPRISE, priority=Priority.P1, **more)  # type: ignore[arg-type]


def contract_due(one: Life, metric: str) -> object:
    (found,) = [c for c in one.ticket.clocks if c.metric == metric and c.side == "contract"]
    return found.breach.due if found.breach else found.due


def by_id(found: lapses.Lapses) -> dict[str, Lapse]:
    return {one.about: one for one in found.listed}


def test_c8_what_missed_the_contract_is_listed_until_it_is_waived(database: Database) -> None:
    untaken = enterprise("1").wait_until(MONDAY + 2 * HOUR)
    held = enterprise("2").do("take", timedelta(minutes=1)).wait_until(MONDAY + 2 * HOUR)
    late = enterprise("3").do("take").wait_until(MONDAY + 2 * HOUR).do("respond", text="We look at it.")
    waived = enterprise("4").wait_until(MONDAY + 2 * HOUR)
    waived.do("waive", role="lead", metric="first_response", reason="Agreed.")
    in_time = enterprise("5").do("take").do("respond", timedelta(minutes=1), text="We look at it.")
    keep(database, untaken, held, late, waived, in_time)

    found = lapses.breached(database, MONDAY + 2 * HOUR, 50)

    assert found.total == 3
    listed = by_id(found)
    assert set(listed) == {one.ticket.id for one in (untaken, held, late)}
    assert listed[untaken.ticket.id] == Lapse(
        untaken.ticket.id, "P1", "acme", contract_due(untaken, "first_response"),  # type: ignore[arg-type]
        "the first response was missed, and is not done yet: nobody has taken it",
        f"tierline assign {untaken.ticket.id}",
    )  # fmt: skip
    assert listed[held.ticket.id].do == f"tierline respond {held.ticket.id}"
    assert listed[late.ticket.id].why == "the first response came late: it is past the Tier 1 limit"
    assert listed[late.ticket.id].do.startswith(f"tierline waive {late.ticket.id} --metric first_response")


def test_what_was_due_and_no_workflow_noticed_is_listed(database: Database) -> None:
    one = enterprise("1")
    keep(database, one)
    due = one.ticket.clocks[0].due
    assert due is not None
    first = min(clock.due for clock in one.ticket.clocks if clock.due)

    assert lapses.breached(database, first + timedelta(seconds=59), 50).total == 0
    (found,) = lapses.breached(database, first + timedelta(seconds=61), 50).listed

    assert (found.due, found.do) == (first, "tierline ops stuck")


def test_what_lapses_within_the_time_asked_for_is_at_risk(database: Database) -> None:
    one = enterprise("1").do("take", timedelta(minutes=1))
    calm = life("2", plan=Plan.STANDARD, priority=Priority.P4)
    keep(database, one, calm)
    first = min(clock.due for clock in one.ticket.clocks if clock.due)

    assert lapses.at_risk(database, MONDAY, first - MONDAY - timedelta(seconds=1), 50).total == 0
    found = lapses.at_risk(database, MONDAY, first - MONDAY, 50)

    (listed,) = found.listed
    assert (found.total, listed.about, listed.due) == (1, one.ticket.id, first)
    assert listed.why.endswith("lapses: ada has it")
    assert listed.do == f"tierline respond {one.ticket.id}"


def test_no_more_are_listed_than_asked_for_and_all_are_counted(database: Database) -> None:
    lives = [enterprise(str(number), at=MONDAY + timedelta(minutes=number)) for number in range(4)]
    keep(database, *(one.wait_until(MONDAY + 2 * HOUR) for one in lives))
    found = lapses.breached(database, MONDAY + 2 * HOUR, 3)
    assert ([one.about for one in found.listed], found.total) == ([one.ticket.id for one in lives[:3]], 4)


def test_an_incident_is_listed_by_its_ladder_its_updates_and_its_review(database: Database) -> None:
    outage = declared("P0")
    number = outage.incident.number
    with database.begin() as session:
        row = "INSERT INTO incidents (number, area, fingerprint, opened_at) OVERRIDING SYSTEM VALUE"
        session.execute(text(f"{row} VALUES (:n, 'API', '', now())"), {"n": number})

    def listed(moment: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        with database.begin() as session:
            INCIDENTS.append(session, number, RUN, outage.events)
        now = at(moment)
        return tuple(
            [(one.why.split(";")[0], one.do) for one in found.listed]
            for found in (lapses.breached(database, now, 50), lapses.at_risk(database, now, 10 * HOUR, 50))
        )  # type: ignore[return-value]

    missed, near = listed("09:01")
    assert (missed, near[0]) == (
        [], ("nobody has taken it: the next of the ladder is paged", f"tierline incident ack {number}")
    )  # fmt: skip
    outage.do("acknowledge", "09:02")
    outage.do("update", "09:03", **UPDATE)
    missed, near = listed("09:03")
    assert (missed, near) == ([], [("the next update is due", f"tierline incident update {number}")])
    due = outage.incident.update_due
    assert due is not None
    (late,) = lapses.breached(database, due + timedelta(seconds=1), 50).listed
    assert (late.due, late.do) == (due, f"tierline incident update {number}")
