"""What is open in the journal and has no running workflow is found, goes on from there, and is told to ops once."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update
from temporalio.client import (
    Client,
    Interceptor,
    ListWorkflowsInput,
    OutboundInterceptor,
    WorkflowExecutionAsyncIterator,
)

from activities.support.signalling import NotRunning, deliver_to_ticket
from domain.core.enums import Role
from domain.incident.state import workflow_id as incident_workflow
from domain.ticket.commands import IncidentUpdate
from domain.ticket.rules.sla import Lapsed
from domain.ticket.state import workflow_id
from services import comparison, reconciliation
from services.health import workflows_check
from services.incidents import resume_incident
from services.intake.declaration import DeclareRequest
from services.intake.opening import opening_recording
from services.reading import running
from services.reconciliation import Found, Reconciler
from services.webhooks.deliveries import Delivery
from services.webhooks.pager import PagerHook
from store import incidents, journal
from store.journal import INCIDENTS
from store.tables.integrations import OutboxRow, ReconciliationRow
from tests.support.packages import RECORD
from tests.support.policy import POLICY
from tests.support.waiting import until
from tests.support.working_tierline import Tierline, form, worked_on
from workers.recovery import keep_reconciling

pytestmark = pytest.mark.long

AREA = "Reports"


def an_hour_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


def reconciler(place: Tierline) -> Reconciler:
    """One that leaves nothing out for being young."""
    return Reconciler(place.client, place.db, POLICY, quiet=timedelta(0))


async def found(place: Tierline) -> Found:
    """What the first round finds that finds anything: Temporal's list is behind."""

    async def any_found() -> Found | None:
        seen = await reconciler(place).reconcile()
        return seen if any(seen) else None

    seen: Found = await until(any_found)
    return seen


async def unlisted(place: Tierline, workflow: str) -> None:
    """Wait until Temporal's list has it no more among those that run: it is behind by a moment."""

    async def gone() -> bool:
        query = f"WorkflowId = '{workflow}' AND ExecutionStatus = 'Running'"
        return not [one async for one in place.client.list_workflows(query)]

    await until(gone)


def told(place: Tierline) -> list[str]:
    """What ops were told of workflows that did not run."""
    with place.db.session() as session:
        query = select(OutboxRow.title).where(OutboxRow.key.contains(":no-workflow:")).order_by(OutboxRow.id)
        return list(session.scalars(query))


async def status(place: Tierline, workflow: str) -> str:
    described = await place.client.get_workflow_handle(workflow).describe()
    return described.status.name if described.status else ""


def pages(place: Tierline, number: int) -> list[str]:
    """The keys of the alerts that the pager has of an incident: it merges what has the key of an open one."""
    keys = [alert["dedup_key"] for alert in place.outside.pager.see("alerts")["alerts"]]
    return [key for key in keys if key.partition(":")[0] == incident_workflow(number)]


def issues(place: Tierline, number: int) -> list[str]:
    found = place.outside.jira.see("issues")["issues"]
    return [issue["key"] for issue in found if incident_workflow(number) in issue["labels"]]


# -- Tickets -------------------------------------------------------------------------------------------------


async def test_a_ticket_whose_workflow_was_ended_goes_on_and_ops_hear_of_it_once(place: Tierline) -> None:
    gone = await worked_on(place)
    running = (await place.tickets.open(form())).ticket
    over = (await place.tickets.open(form())).ticket
    await place.tickets.handle(over, "resolve", {"by": "ada", **RECORD})
    await place.tickets.handle(over, "close", {"by": "ada"})
    await place.seen(over, lambda known: known.closed)
    await place.end(gone.id, delete=False)

    first = await found(place)
    again = await asyncio.gather(*(reconciler(place).reconcile() for _ in range(3)))

    assert (first, set(again)) == (Found(tickets=1), {Found()})
    assert [await status(place, workflow_id(one)) for one in (gone.id, running)] == ["RUNNING"] * 2
    assert told(place) == [f"ticket {gone.id} had no running workflow (terminated): it goes on from its journal"]
    answer = await place.tickets.handle(gone.id, "note", {"by": "ada", "text": "What now?"})
    assert answer.seq == gone.seq + 1
    assert place.epochs(gone.id) == {(1, False)}


async def test_a_second_end_is_told_again(place: Tierline) -> None:
    ticket = (await place.tickets.open(form())).ticket
    for _ in range(2):
        await place.end(ticket, delete=False)
        assert await found(place) == Found(tickets=1)
    assert len(told(place)) == 2


async def test_what_fell_due_while_no_workflow_ran_stands_at_its_own_instant(place: Tierline) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    story = opening_recording(POLICY, form(priority="P0", opened_at=now - timedelta(days=20)), now - timedelta(days=20))
    with place.db.begin() as session:
        journal.open_once(session, story.state.id, story.events)

    assert (await found(place)).tickets == 1

    await place.seen(story.state.id, lambda known: known.seq > story.state.seq)
    with place.db.session() as session:
        events = [entry.event for entry in journal.timeline(session, story.state.id)]
    lapsed = [event for event in events if isinstance(event.body, Lapsed)]
    assert {event.body.metric for event in lapsed} >= {"first_response", "resolution"}
    assert all(event.at == event.body.due < now <= event.detected for event in lapsed)


async def test_open_tickets_that_run_cost_lists_and_no_call_each(
    place: Tierline, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[str] = []

    async def counted(connect: Any, workflow: str) -> Any:
        looked_at.append(workflow)
        return await running.describe(connect, workflow)

    monkeypatch.setattr(comparison, "PAGE", 7)  # so that 20 of them are three pages
    monkeypatch.setattr(reconciliation, "describe", counted)
    await asyncio.gather(*(place.tickets.open(form()) for _ in range(20)))

    async def listed() -> bool:
        looked_at.clear()
        assert await reconciler(place).reconcile() == Found()
        return not looked_at

    await until(listed)


class Behind(Interceptor):
    """Temporal's list, which lacks some workflows, as it does for a moment after each has begun."""

    def __init__(self, *missing: str) -> None:
        self._missing = missing

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _Behind(next, self._missing)


class _Behind(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, missing: Sequence[str]) -> None:
        super().__init__(next)
        self._missing = missing

    def list_workflows(self, input: ListWorkflowsInput) -> WorkflowExecutionAsyncIterator:
        input.query = " AND ".join([input.query or "", *(f"WorkflowId != '{one}'" for one in self._missing)])
        return super().list_workflows(input)


async def test_what_runs_and_is_not_in_temporals_list_yet_is_left_alone(place: Tierline) -> None:
    ticket = (await place.tickets.open(form())).ticket
    number = await declared(place)
    names = [workflow_id(ticket), incident_workflow(number)]
    before = [await run_id(place, name) for name in names]
    config = place.client.config()
    behind = Client(**config | {"interceptors": [*config["interceptors"], Behind(*names)]})

    assert await Reconciler(behind, place.db, POLICY, quiet=timedelta(0)).reconcile() == Found()

    assert told(place) == []
    assert [await run_id(place, name) for name in names] == before


async def run_id(place: Tierline, workflow: str) -> str:
    return str((await place.client.get_workflow_handle(workflow).describe()).run_id)


async def test_processes_take_turns_and_health_says_what_the_last_round_found(place: Tierline) -> None:
    assert workflows_check(place.db).detail == "nobody has looked yet"
    ticket = (await place.tickets.open(form())).ticket
    await place.end(ticket, delete=True)
    await unlisted(place, workflow_id(ticket))
    two = [reconciler(place) for _ in range(2)]

    rounds = await asyncio.gather(*(one.reconcile_if_due(timedelta(hours=1)) for one in two))

    assert sorted(one is None for one in rounds) == [False, True]
    check = workflows_check(place.db)
    assert (check.ok, check.stops) == (True, False)
    assert check.detail.startswith("1 open tickets and 0 open incidents had no running workflow at 20")
    with place.db.begin() as session:
        session.execute(update(ReconciliationRow).values(begun_at=an_hour_ago(), ended_at=an_hour_ago()))
    check = workflows_check(place.db)
    assert (check.ok, "nobody has looked since" in check.detail) == (False, True)
    assert await two[0].reconcile_if_due(timedelta(minutes=30)) == Found()


async def test_one_that_has_completed_while_the_journal_was_restored_from_before_that_is_caught_up(
    place: Tierline,
) -> None:
    ticket = (await place.tickets.open(form())).ticket
    before = await place.seen(ticket, lambda _: True)
    await place.tickets.handle(ticket, "resolve", {"by": "ada", **RECORD})
    await place.tickets.handle(ticket, "close", {"by": "ada"})
    await place.client.get_workflow_handle(workflow_id(ticket)).result()
    await unlisted(place, workflow_id(ticket))
    with place.db.begin() as session:
        for table in ("outbox", "feed", "kb_articles"):  # they were lost with the events
            session.execute(text(f"DELETE FROM {table} WHERE ticket_id = :t"), {"t": ticket})
        for table in ("texts", "ticket_events"):
            session.execute(
                text(f"DELETE FROM {table} WHERE ticket_id = :t AND seq > :s"), {"t": ticket, "s": before.seq}
            )
        state = before.model_dump_json(exclude={"terms"})
        session.execute(
            text("UPDATE tickets SET seq = :s, status = 'new', state = cast(:x AS jsonb) WHERE id = :t"),
            {"t": ticket, "s": before.seq, "x": state},
        )

    assert await reconciler(place).reconcile() == Found(tickets=1)

    await place.seen(ticket, lambda known: known.closed)
    (said,) = told(place)
    assert "its workflow has completed" in said


async def test_the_look_goes_on_while_temporal_is_away(place: Tierline, caplog: pytest.LogCaptureFixture) -> None:
    away = await Client.connect("127.0.0.1:1", lazy=True)
    await place.tickets.open(form())
    looking = asyncio.create_task(
        keep_reconciling(Reconciler(away, place.db, POLICY, quiet=timedelta(0)), timedelta(microseconds=4))
    )

    async def warned() -> bool:
        return sum("could not be compared" in message for message in caplog.messages) >= 2

    with caplog.at_level(logging.WARNING, "tierline"):
        await until(warned)
    assert not looking.done()
    looking.cancel()


# -- Incidents -----------------------------------------------------------------------------------------------


async def declared(place: Tierline) -> int:
    """A declared incident whose page and issue the pager and Jira have taken."""
    receipt = await place.incidents.declare(DeclareRequest(product_area=AREA, by="ada"))
    number = receipt.incident
    await place.incident(number, lambda known: known.pages[0].state == "accepted" and known.issue_key)
    return number


async def test_an_incident_that_was_ended_after_its_page_pages_nobody_twice(place: Tierline) -> None:
    number = await declared(place)
    before = await place.incident(number, lambda _: True)
    assert pages(place, number) == [incident_workflow(number)]
    await place.end_incident(number, upto=2)  # declared and paged: that the pager took it was never recorded

    assert await found(place) == Found(incidents=1)

    after = await place.incident(number, lambda known: known.pages[0].state == "accepted" and known.issue_key)
    assert pages(place, number) == [incident_workflow(number)]
    assert issues(place, number) == [before.issue_key]  # nor is there a second issue
    assert after.issue_key == before.issue_key
    assert told(place) == [
        f"incident-{number} had no running workflow (Temporal does not know it): it goes on from its journal"
    ]


async def test_an_issue_in_doubt_is_not_made_twice(place: Tierline) -> None:
    """Jira makes it, and its answer is lost; then the incident's workflow is ended."""
    place.outside.jira.fault("commit_then_drop", method="POST", path="/rest/api/3/issue", times=1)
    receipt = await place.incidents.declare(DeclareRequest(product_area=AREA, by="ada"))
    number = receipt.incident

    async def made() -> bool:
        return bool(issues(place, number))

    await until(made)
    before = await place.incident(number, lambda known: known.pages[0].state == "accepted")
    await place.end_incident(number, upto=before.seq)
    place.outside.jira.clear()

    assert await found(place) == Found(incidents=1)

    after = await place.incident(number, lambda known: known.issue_key)
    assert issues(place, number) == [after.issue_key]


async def test_words_that_were_not_told_yet_are_told_by_the_run_that_goes_on(place: Tierline) -> None:
    """The stored state has no words: they come from the journal."""
    number = await declared(place)
    words = {"status": "We found it.", "impact": "No exports.", "doing": "Rolling back.", "workaround": "None."}
    posted = await place.incidents.handle(number, "update", {"by": "ada", "role": "lead", "id": "update-1", **words})
    await place.incident(number, lambda known: known.seq >= posted.seq)
    await place.end_incident(number, upto=posted.seq)

    assert await resume_incident(place.client, place.db, number)

    live = await place.client.get_workflow_handle(incident_workflow(number)).query("incident")
    assert "No exports." in live["updates"][-1]["text"]
    again = await place.incidents.handle(number, "update", {"by": "ada", "role": "lead", "id": "update-1", **words})
    assert again.did == posted.did
    with place.db.session() as session:
        types = [entry.event.body.type for entry in INCIDENTS.timeline(session, number)]
    assert types.count("update_posted") == 1


async def test_a_command_to_an_incident_whose_workflow_is_gone_resumes_it(place: Tierline) -> None:
    number = await declared(place)
    await place.client.get_workflow_handle(incident_workflow(number)).terminate("by hand")

    answer = await place.incidents.handle(number, "acknowledge", {"by": "ada"})

    assert (answer.state, await status(place, incident_workflow(number))) == ("acknowledged", "RUNNING")
    assert (await place.incidents.declare(DeclareRequest(product_area=AREA, by="ben"))).incident == number


async def test_g6_a_ticket_joins_an_incident_whose_workflow_was_ended_and_wakes_nobody_again(place: Tierline) -> None:
    number = await declared(place)
    await place.client.get_workflow_handle(incident_workflow(number)).terminate("by hand")

    ticket = (await place.tickets.open(form(priority="P0", product_area=AREA, by="ada", role="agent"))).ticket

    known = await place.seen(ticket, lambda known: known.incident)
    assert known.incident.number == number
    await place.incident(number, lambda incident: [one.ticket for one in incident.tickets] == [ticket])
    assert pages(place, number) == [incident_workflow(number)]


async def test_what_a_ticket_and_the_pager_say_to_an_incident_that_was_ended_is_not_lost(place: Tierline) -> None:
    number = await declared(place)
    ticket = (await place.tickets.open(form(priority="P0", product_area=AREA, by="ada", role="agent"))).ticket
    joined = await place.incident(number, lambda known: known.tickets)
    handle = place.client.get_workflow_handle(incident_workflow(number))

    await handle.terminate("by hand")
    await place.tickets.handle(ticket, "prioritise", {"by": "ada", "role": "lead", "priority": "P1", "reason": "Less."})
    after = await place.incident(number, lambda known: known.tickets[0].priority == "P1")
    assert after.tickets[0].version > joined.tickets[0].version

    await handle.terminate("by hand")
    page = {"act": "acknowledged", "key": incident_workflow(number), "in_title": False, "incident": "",
            "by": "ada", "by_person": True, "at": None, "received": datetime.now(UTC).isoformat()}  # fmt: skip
    await PagerHook(place.client, place.db, "pagerduty", []).act(Delivery(id="took-1", payload=page))
    await place.incident(number, lambda known: known.state == "acknowledged")


async def test_a_fact_for_a_ticket_that_was_ended_is_not_taken_for_told(place: Tierline) -> None:
    ticket = (await place.tickets.open(form())).ticket
    await place.end(ticket, delete=False)
    fact = IncidentUpdate(by="incident-7", role=Role.SYSTEM, number=7, state="declared", version=1)

    with pytest.raises(NotRunning):  # so the activity tries again
        await deliver_to_ticket(place.client, place.db, ticket, fact)
    assert (await found(place)).tickets == 1

    await deliver_to_ticket(place.client, place.db, ticket, fact)


async def test_an_incident_of_which_nothing_was_ever_recorded_is_told(place: Tierline) -> None:
    with place.db.begin() as session:
        incidents.find_or_allocate(session, AREA, "", an_hour_ago(), "t1", "ticket-t1:incident:2")

    assert await reconciler(place).reconcile_if_due() == Found(incidents=1, not_resumed=1)

    check = workflows_check(place.db)
    assert (check.ok, check.stops) == (False, False)
    (said,) = told(place)
    assert "never began" in said
