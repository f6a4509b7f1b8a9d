"""`tierline ops stuck`: ops see what does not go on by itself, with why, and with what to type."""

import json
from asyncio import to_thread
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from temporalio import workflow
from temporalio.worker import Worker

from cli.main import run
from cli.output import Code
from domain.core.enums import Plan, Priority
from services.stuck import Found, find
from store import journal
from store.database import Database
from tests.support.ticket_life import life
from tests.support.timeskipping import way_to
from tests.support.waiting import until
from tests.support.working_tierline import Tierline, form

pytestmark = pytest.mark.long

FRIDAY = datetime(2026, 3, 6, 12, tzinfo=UTC)
WEDNESDAY_BEFORE = datetime(2026, 3, 4, 12, tzinfo=UTC)


@workflow.defn(name="TicketWorkflow", sandboxed=False)
class BrokenTicket:
    """A ticket's workflow with a bug."""

    @workflow.run
    async def run(self) -> None:
        raise KeyError("a bug")


async def looked(place: Tierline, limit: int = 50) -> Found:
    return await find(place.client, place.db, datetime.now(UTC), ZoneInfo("Europe/Berlin"), limit)


async def test_a_ticket_whose_workflow_was_ended_is_listed_and_nothing_is_changed(
    place: Tierline, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given one ticket that runs, and one whose workflow somebody has terminated
    await place.tickets.open(form())
    gone = (await place.tickets.open(form())).ticket
    assert (await looked(place)).stuck == []
    await place.end(gone, delete=False)
    with place.db.begin() as session:  # the command leaves out what was written to within a minute
        session.connection().exec_driver_sql("UPDATE tickets SET updated_at = updated_at - interval '2 minutes'")

    async def listed() -> Found | None:  # Temporal's list is behind by a moment
        found = await looked(place)
        return found if found.stuck else None

    (one,) = (await until(listed)).stuck

    # Then it is listed with its reason, and is as it was
    assert (one.kind, one.about) == ("no_workflow", gone)
    assert one.why == "it is open in the journal, and its workflow does not run (terminated)"
    described = await place.client.get_workflow_handle(f"ticket-{gone}").describe()
    assert described.status is not None
    assert described.status.name == "TERMINATED"

    # And the command prints the same
    for name, value in {"DATABASE_URL": database_url, **way_to(place.client)}.items():
        monkeypatch.setenv(name, value)
    assert await to_thread(run, ["ops", "stuck"]) == Code.DONE
    printed = capsys.readouterr().out
    assert f"{gone}: {one.why}" in printed
    assert one.do in printed
    assert await to_thread(run, ["ops", "stuck", "--json"]) == Code.DONE
    assert json.loads(capsys.readouterr().out) == {"stuck": [one._asdict()], "more": 0}


async def test_what_waits_for_too_long_is_listed_with_what_to_type_and_the_rest_is_counted(place: Tierline) -> None:
    # Given three tickets that nobody has taken for two weekdays, and one from this morning
    begun = [life(str(number), at=WEDNESDAY_BEFORE + timedelta(minutes=number)) for number in range(3)]
    fresh = life("fresh", at=FRIDAY - timedelta(hours=1))
    for one in (*begun, fresh):
        with place.db.begin() as session:
            journal.append(session, one.ticket.id, "run-1", one.events)

    found = await find(place.client, place.db, FRIDAY, ZoneInfo("Europe/Berlin"), 2)

    # Then the two that have waited the longest are listed, and one more is counted
    waits = [one for one in found.stuck if one.kind == "waits"]
    assert [one.about for one in waits] == [one.ticket.id for one in begun[:2]]
    assert {(one.why, one.do) for one in waits} == {
        ("nobody has taken it", f"tierline assign {one.ticket.id}") for one in begun[:2]
    }
    assert found.more == 1

    # And the journal alone says the same, where Temporal is not asked
    assert (await find(None, place.db, FRIDAY, ZoneInfo("Europe/Berlin"), 2)) == found._replace(stuck=waits)


async def test_a_ticket_whose_journal_lacks_what_its_workflow_decided_is_listed_with_both_events(
    place: Tierline,
) -> None:
    # Given a ticket that was taken, whose database was restored from before that
    ticket = (await place.tickets.open(form())).ticket
    before = await place.seen(ticket, lambda _: True)
    taken = await place.give(ticket, "take")
    after = await place.give(ticket, "wait", question="Which browser?")
    with place.db.begin() as session:
        for table in ("texts", "ticket_events"):
            session.execute(text(f"DELETE FROM {table} WHERE ticket_id = :t AND seq > :s"), {"t": ticket, "s": taken})
        known = journal.fold(session, ticket)
        assert known is not None
        state = known.model_dump_json(exclude={"terms"})
        session.execute(
            text(
                "UPDATE tickets SET seq = :s, status = 'open', waits_on = 'agent', state = cast(:x AS jsonb), "
                "updated_at = now() - interval '2 minutes' WHERE id = :t"
            ),
            {"t": ticket, "s": taken, "x": state},
        )

    async def listed() -> Found | None:  # Temporal's list is behind by a moment
        found = await looked(place)
        return found if found.stuck else None

    (one,) = (await until(listed)).stuck

    assert before.seq < taken < after
    assert (one.kind, one.about) == ("journal_behind", ticket)
    assert one.why == f"the journal is at event {taken}, and its workflow has decided event {after}"


async def test_what_is_breached_and_at_risk_is_printed_with_its_total(
    database_url: str, db: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    missed = life("1", plan=Plan.ENTERPRISE, priority=Priority.P1)
    missed.wait_until(missed.ticket.as_of + timedelta(hours=2))
    with db.begin() as session:
        journal.append(session, missed.ticket.id, "run-1", missed.events)
    monkeypatch.setenv("DATABASE_URL", database_url)

    assert await to_thread(run, ["ops", "breached"]) == Code.DONE
    printed = capsys.readouterr().out
    assert f"{missed.ticket.id} P1 acme: the first response was missed" in printed
    assert f"    tierline assign {missed.ticket.id}\n1 in all\n" in printed
    assert await to_thread(run, ["ops", "breached", "--json"]) == Code.DONE
    found = json.loads(capsys.readouterr().out)
    assert (found["total"], [one["about"] for one in found["breached"]]) == (1, [missed.ticket.id])
    assert await to_thread(run, ["ops", "at-risk", "--within", "5"]) == Code.DONE
    assert capsys.readouterr().out == "nothing is at risk\n"


FAILS = "its workflow task fails (WorkflowTaskFailedCauseWorkflowWorkerUnhandledFailure)"


async def test_a_ticket_whose_workflow_task_fails_is_listed_first_with_the_cause(place: Tierline) -> None:
    async with Worker(place.client, task_queue="broken", workflows=[BrokenTicket]):
        await place.client.start_workflow("TicketWorkflow", id="ticket-4k7m-3q9x-tbd2", task_queue="broken")

        async def listed() -> Found | None:
            found = await looked(place)
            # On a busy machine an attempt may also be too late, which is another cause.
            return found if found.stuck and found.stuck[0].why == FAILS else None

        one = (await until(listed)).stuck[0]
    assert (one.kind, one.about) == ("workflow_fails", "4k7m-3q9x-tbd2")
