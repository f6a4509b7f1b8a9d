"""The activities between tickets and incidents: joining once, telling everybody, and what has ended is normal."""

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import text, update
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, Interceptor, OutboundInterceptor, StartWorkflowInput, WorkflowHandle
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError
from temporalio.testing import ActivityEnvironment

import activities.incidents as incident_activities
from activities.incidents import IncidentActivities
from activities.journal import JournalActivities
from activities.support.signalling import NotRunning, deliver_to_ticket
from domain.core.enums import Priority, Role
from domain.incident.aggregate import declare
from domain.incident.commands import Declare, JoinTicket, TicketUpdate
from domain.incident.state import workflow_id
from domain.ticket.commands import IncidentUpdate, ReportDone
from integrations.pager.port import PagerConfig
from services.policy_file.load import resolve_incident_terms
from store import incidents, journal
from store.database import Database, DatabaseDown
from store.journal import INCIDENTS
from store.tables.incidents import IncidentTicketRow
from tests.support.journal_gaps import unmended
from tests.support.policy import POLICY
from tests.support.ticket_life import closed, life
from tests.support.waiting import PATIENCE
from workflows import ports
from workflows.incident.messages import FACTS


class JoinActivities:
    """The activities, with a database and a Temporal where no worker runs: what is sent stays in the history."""

    def __init__(self, client: Client, db: Database) -> None:
        self.client = client
        self.db = db
        self.activities = IncidentActivities(client, db, lambda area, at: resolve_incident_terms(POLICY, area, at))
        # Numbers of a database of one's own begin at 1, and the Temporal is everybody's.
        with db.begin() as session:
            base = int(uuid4().int % 10**8) + 10**8
            session.connection().exec_driver_sql(f"ALTER TABLE incidents ALTER number RESTART WITH {base}")
        self.started: set[int] = set()

    async def join(
        self,
        ticket: str,
        area: str = "API",
        *,
        effect: str = "incident:2",
        after: timedelta = timedelta(0),
        patience: timedelta | None = None,
        **more: Any,
    ) -> int | None:
        """One attempt, which begins `after` the effect was first to be carried out; `patience` is for all attempts."""
        key = f"ticket-{ticket}:{effect}"
        join = JoinTicket(by=f"ticket-{ticket}", role=Role.SYSTEM, ticket=ticket, effect_key=key,
                            since=datetime.now(UTC), priority=Priority.P0, version=2)  # fmt: skip
        request = ports.IncidentRequest(product_area=area, join=join, **more)
        env = ActivityEnvironment()
        env.info = replace(
            env.default_info(),
            start_to_close_timeout=ports.JOIN_INCIDENT.start_to_close,
            schedule_to_close_timeout=patience,
            started_time=env.default_info().scheduled_time + after,
        )
        result: ports.IncidentResult = await env.run(self.activities.join_incident, request)
        if result.number is not None:
            self.started.add(result.number)
        return result.number

    async def signals(self, workflow: str) -> list[str]:
        """The names of the facts that Signals brought, one at a time or as a list."""
        history = await self.client.get_workflow_handle(workflow).fetch_history()
        facts = []
        for event in history.events:
            if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
                signal = event.workflow_execution_signaled_event_attributes
                if signal.signal_name == FACTS:
                    (several,) = await self.client.data_converter.decode(signal.input.payloads)
                    facts += [fact["do"] for fact in several]
                else:
                    facts.append(signal.signal_name)
        return facts

    async def end(self, number: int) -> None:
        """The incident's workflow ends, whatever it knew."""
        await self.client.get_workflow_handle(workflow_id(number)).terminate()

    async def close(self) -> None:
        for number in self.started:
            try:
                await self.end(number)
            except RPCError:
                continue


class _Counted(Interceptor):
    """Counts the calls that start or signal a workflow, and how many were under way at once."""

    def __init__(self) -> None:
        self.calls = self.under_way = self.most = 0

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        counted = self

        class _Counting(OutboundInterceptor):
            async def start_workflow(self, input: StartWorkflowInput) -> WorkflowHandle[Any, Any]:
                counted.calls += 1
                counted.under_way += 1
                counted.most = max(counted.most, counted.under_way)
                try:
                    return await super().start_workflow(input)
                finally:
                    counted.under_way -= 1

        return _Counting(next)


@pytest_asyncio.fixture
async def desk(temporal_dev: Client, db: Database) -> AsyncIterator[JoinActivities]:
    found = JoinActivities(temporal_dev, db)
    yield found
    await found.close()


async def test_g6_the_first_ticket_opens_what_the_next_ones_join(desk: JoinActivities) -> None:
    numbers = await asyncio.gather(*(desk.join(f"t{n}") for n in range(8)))

    assert len(set(numbers)) == 1
    assert await desk.signals(workflow_id(numbers[0] or 0)) == ["ticket_joined"] * 8


async def test_g6_tickets_that_join_at_the_same_time_signal_their_incident_one_after_the_other(
    temporal_dev: Client, db: Database
) -> None:
    """Where many are under way at once, each waits at Temporal for all others, and so does the commander. What waits
    meanwhile goes with the next one."""
    counted = _Counted()
    desk = JoinActivities(Client(**temporal_dev.config() | {"interceptors": [counted]}), db)
    try:
        (number, *_) = await asyncio.gather(*(desk.join(f"t{n}") for n in range(8)))
        assert await desk.signals(workflow_id(number or 0)) == ["ticket_joined"] * 8
    finally:
        await desk.close()
    assert counted.most == 1


async def test_g6_another_area_is_another_incident(desk: JoinActivities) -> None:
    assert await desk.join("t1", "API") != await desk.join("t2", "Billing")


async def test_an_effect_that_is_carried_out_twice_finds_the_same_incident(desk: JoinActivities) -> None:
    first = await desk.join("t1")
    with desk.db.begin() as session:
        incidents.close(session, first or 0, datetime.now(UTC))
    assert await desk.join("t1") == first
    assert await desk.join("t2") != first  # the incident no longer takes anybody in


async def test_only_if_open_opens_none(desk: JoinActivities) -> None:
    assert await desk.join("t1", only_if_open=True) is None
    number = await desk.join("t2")
    assert await desk.join("t1", only_if_open=True) == number


async def test_a_problem_of_its_own_joins_nothing_that_is_open(desk: JoinActivities) -> None:
    open_one = await desk.join("t1")
    own = await desk.join("t2", own=True)
    assert own != open_one
    assert await desk.join("t2", own=True) == own


async def test_one_that_ended_and_knew_of_the_ticket_is_what_it_joined(desk: JoinActivities) -> None:
    number = await desk.join("t1")
    with desk.db.begin() as session:
        session.execute(update(IncidentTicketRow).values(known=True))
    await desk.end(number or 0)
    assert await desk.join("t1") == number


async def test_one_that_ended_and_never_heard_of_the_ticket_leaves_its_problem_to_another(desk: JoinActivities) -> None:
    number = await desk.join("t1")
    await desk.end(number or 0)

    other = await desk.join("t1")

    assert other not in (None, number)
    assert await desk.signals(workflow_id(other or 0)) == ["ticket_joined"]


async def test_g6_an_attempt_that_is_out_of_time_begins_nothing_for_its_ticket_may_have_paged_alone(
    desk: JoinActivities, monkeypatch: pytest.MonkeyPatch
) -> None:
    allocate, slow, allocated = desk.activities._allocate, threading.Event(), threading.Event()

    def slowly(request: ports.IncidentRequest) -> int | None:
        slow.wait(PATIENCE)
        number = allocate(request)
        allocated.set()
        return number

    monkeypatch.setattr(desk.activities, "_allocate", slowly)
    with pytest.raises(ApplicationError, match="too slow for this attempt"):
        await desk.join("t1", after=timedelta(seconds=13.99), patience=timedelta(seconds=15))
    slow.set()
    assert await asyncio.to_thread(allocated.wait, PATIENCE)  # the abandoned attempt found its row, and stops at that

    monkeypatch.undo()
    number = await desk.join("t1", patience=timedelta(seconds=15))  # the next one finds the same row
    assert await desk.signals(workflow_id(number or 0)) == ["ticket_joined"]


def _request(ticket: str, area: str = "API") -> ports.IncidentRequest:
    key = f"ticket-{ticket}:incident:2"
    join = JoinTicket(by=f"ticket-{ticket}", role=Role.SYSTEM, ticket=ticket, effect_key=key,
                        since=datetime.now(UTC), priority=Priority.P0, version=2)  # fmt: skip
    return ports.IncidentRequest(product_area=area, join=join)


async def test_g6_an_area_is_paged_once_and_not_where_its_incident_is_open(desk: JoinActivities) -> None:
    page = desk.activities.page_area
    env = ActivityEnvironment()
    assert [(await env.run(page, _request(ticket))).key for ticket in ("t1", "t2")] == ["area-api"] * 2
    started = await desk.client.get_workflow_handle("area-api").describe()
    number = await desk.join("t1")

    assert (await env.run(page, _request("t3"))).key == ""

    await env.run(desk.activities.close_incident, ports.CloseIncidentRequest(number=number or 0, at=datetime.now(UTC)))
    assert await desk.signals("area-api") == ["incident_closed"]  # the next problem of the area pages again
    assert (await desk.client.get_workflow_handle("area-api").describe()).run_id == started.run_id


@pytest.mark.parametrize(("down", "error"), [(0.0, ApplicationError), (1000.0, DatabaseDown)])
async def test_g6_a_database_that_is_out_of_reach_for_long_is_said_to_be_down(
    temporal_dev: Client, monkeypatch: pytest.MonkeyPatch, down: float, error: type[Exception]
) -> None:
    """A mere restart is not: then the attempt is repeated."""
    monkeypatch.setattr(incident_activities, "DOWN", down)
    db = Database("postgresql://nobody@127.0.0.1:1/nowhere")
    activities = IncidentActivities(temporal_dev, db, lambda area, at: resolve_incident_terms(POLICY, area, at))
    env = ActivityEnvironment()
    minute = timedelta(minutes=1)
    env.info = replace(env.default_info(), start_to_close_timeout=minute, schedule_to_close_timeout=None)
    with pytest.raises(error) as failed:
        await env.run(activities.join_incident, _request("t1"))
    assert getattr(failed.value, "type", "") == (ports.DATABASE_DOWN if down == 0 else "")
    assert (await ActivityEnvironment().run(activities.page_area, _request("t1"))).key == "area-api"
    db.dispose()


async def test_a_database_that_is_too_slow_is_not_out_of_reach(desk: JoinActivities) -> None:
    def sleep() -> None:
        with desk.db.begin() as session:
            session.execute(text("SET LOCAL statement_timeout = '20ms'"))
            session.execute(text("SELECT pg_sleep(30)"))

    with pytest.raises(DatabaseDown) as failed:
        sleep()
    assert failed.value.slow


def test_a_lost_attempt_to_wake_somebody_costs_no_more_than_ten_seconds() -> None:
    known = PagerConfig.model_fields
    pager = timedelta(seconds=known["connect_timeout"].default + known["read_timeout"].default)
    for port in (ports.JOIN_INCIDENT, ports.PAGE):
        assert port.start_to_close == timedelta(seconds=10)
    assert pager < ports.PAGE.start_to_close
    assert 2 * pager < ports.PAGE_ELSEWHERE.start_to_close  # the second channel, and the pager again


class TestTelling:
    FACT = IncidentUpdate(by="incident-7", role=Role.SYSTEM, number=7, state="acknowledged", version=2)

    @pytest.fixture
    def told(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """Who was told, in order. `bad` cannot be told while it stands in `broken`."""
        heard: list[str] = []

        async def tell(_client: Client, _db: Database, ticket: str, _fact: IncidentUpdate) -> None:
            if ticket in self.broken:
                raise RuntimeError("it cannot be told now")
            heard.append(ticket)

        self.broken = {"bad"}
        monkeypatch.setattr(incident_activities, "deliver_to_ticket", tell)
        return heard

    async def run(self, desk: JoinActivities, tickets: tuple[str, ...], left: list[str] | None = None) -> list[Any]:
        """One attempt, after one that left these. Returns the heartbeats."""
        beats: list[Any] = []
        env = ActivityEnvironment()
        env.on_heartbeat = lambda *details: beats.append(list(details[0]))
        if left is not None:
            env.info = env.default_info()
            env.info = type(env.info)(**{**vars(env.info), "heartbeat_details": [left]})
        await env.run(desk.activities.notify_tickets, ports.NotifyRequest(fact=self.FACT, tickets=tickets))
        return beats

    async def test_forty_tickets_are_told_once_each(self, desk: JoinActivities, told: list[str]) -> None:
        tickets = tuple(f"t{n}" for n in range(40))
        beats = await self.run(desk, tickets)
        assert told == list(tickets)
        assert beats[-1] == []

    async def test_after_a_crash_it_goes_on_with_those_that_are_left(
        self, desk: JoinActivities, told: list[str]
    ) -> None:
        await self.run(desk, ("t1", "t2", "t3"), left=["t3"])
        assert told == ["t3"]

    async def test_one_that_cannot_be_told_holds_up_nobody(self, desk: JoinActivities, told: list[str]) -> None:
        with pytest.raises(ApplicationError, match="1 tickets were not notified") as failed:
            await self.run(desk, ("t1", "bad", "t2"))
        assert (failed.value.type, failed.value.details) == (ports.NOT_NOTIFIED, (["bad"],))
        assert told == ["t1", "t2"]
        self.broken = set()
        await self.run(desk, ("t1", "bad", "t2"), left=["bad"])
        assert told == ["t1", "t2", "bad"]


async def test_a_closed_ticket_is_told_through_the_journal_and_one_that_there_is_not_is_normal(
    desk: JoinActivities,
) -> None:
    one = life("closed-1", priority=Priority.P0)
    (effect,) = [effect for effect in one.ticket.pending_effects if effect.kind == "incident"]
    one.tell(ReportDone(by="tierline", role=Role.SYSTEM, key=effect.key, incident=7))
    closed(one)
    with desk.db.begin() as session:
        journal.append(session, one.ticket.id, "run-1", one.events)

    for _ in range(2):
        told = ports.NotifyRequest(fact=TestTelling.FACT, tickets=(one.ticket.id, "0000-0000-0000"))
        await ActivityEnvironment().run(desk.activities.notify_tickets, told)

    with desk.db.session() as session:
        entries = journal.timeline(session, one.ticket.id)
    heard = [(entry.event.body.type, entry.run_id) for entry in entries if entry.event.actor.id == "incident-7"]
    assert heard == [("incident_changed", journal.CLOSED)]  # once, for all that it was told twice


async def test_a_ticket_tells_its_incident_and_one_that_has_ended_is_normal(desk: JoinActivities) -> None:
    number = await desk.join("t1")
    news = TicketUpdate(
        by="ticket-t1", role=Role.SYSTEM, number=number or 0, ticket="t1", priority=Priority.P2, version=3
    )
    await ActivityEnvironment().run(desk.activities.notify_incident, news)
    assert await desk.signals(workflow_id(number or 0)) == ["ticket_joined", "ticket_changed"]

    with desk.db.begin() as session:
        incidents.close(session, number or 0, datetime.now(UTC))
    await desk.end(number or 0)
    await ActivityEnvironment().run(desk.activities.notify_incident, news)
    unknown = news.model_copy(update={"number": 999_999_999})
    await ActivityEnvironment().run(desk.activities.notify_incident, unknown)


async def test_what_is_open_on_record_and_has_no_workflow_is_told_later(desk: JoinActivities) -> None:
    number = await desk.join("t1") or 0
    await desk.end(number)  # from outside: nobody has closed the incident
    news = TicketUpdate(by="ticket-t1", role=Role.SYSTEM, number=number, ticket="t1", priority=Priority.P2, version=3)
    with pytest.raises(NotRunning):
        await ActivityEnvironment().run(desk.activities.notify_incident, news)

    one = life("open-1")
    with desk.db.begin() as session:
        journal.append(session, one.ticket.id, "run-1", one.events)
    with pytest.raises(NotRunning):
        await deliver_to_ticket(desk.client, desk.db, one.ticket.id, TestTelling.FACT)


async def test_the_journal_keeps_what_an_incident_decided_once(desk: JoinActivities) -> None:
    now = datetime.now(UTC)
    with desk.db.begin() as session:
        number, _ = incidents.declare(session, "API", "", now)
    terms = resolve_incident_terms(POLICY, "API", now)
    events = declare(Declare(number=number, product_area="API", priority=Priority.P0, terms=terms), now).events
    request = ports.IncidentJournalRequest(number=number, run_id="r", events=tuple(events))
    writer = JournalActivities(desk.db, POLICY.churn_rule(), unmended(desk.db), lambda *_: None)
    for _ in range(2):
        ActivityEnvironment().run(writer.record_incident, request)
    with desk.db.session() as session:
        assert [entry.event for entry in INCIDENTS.timeline(session, number)] == list(events)
