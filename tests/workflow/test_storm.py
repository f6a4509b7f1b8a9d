"""A storm of P0s of one area wakes each person once, whatever joining its incident costs (G6): on real servers."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text
from temporalio.client import Client
from temporalio.service import RPCError

import activities.incidents as incident_activities
from domain.core.enums import Plan
from domain.ticket.state import Account
from integrations.standins.common import Exchange
from integrations.standins.run import Running, running
from services.incidents import IncidentService
from services.intake.declaration import DeclareRequest
from services.intake.opening import opening_recording, start_ticket
from services.intake.request import OpenRequest
from services.tickets import TicketService
from store import accounts, database, incidents, journal
from store.database import Database, lock
from store.tables.incidents import IncidentTicketRow
from store.tables.integrations import OutboxRow
from tests.support.clients import clients
from tests.support.policy import POLICY
from tests.support.waiting import until
from workers.bootstrap import Clients
from workers.worker import running as workers_running
from workflows import ports

pytestmark = pytest.mark.long

MANY = 150


@pytest.fixture
def calls() -> list[Exchange]:
    """Every call to the pager."""
    return []


@pytest.fixture
def standins(calls: list[Exchange]) -> Iterator[Running]:
    with running(observe_pager=calls.append) as found:
        yield found


def outside(db: Database, standins: Running) -> Clients:
    return clients(db, standins)


async def open_p0(client: Client, area: str) -> None:
    account = Account(id="acme", plan=Plan.PREMIUM)
    form = {"external_id": uuid4().hex, "account": account, "priority": "P0", "product_area": area}
    request = OpenRequest.parse(form | {"by": "ada", "role": "agent"})
    events = opening_recording(POLICY, request, datetime.now(UTC), account).events

    async def started() -> bool:  # whoever is told that Temporal does not answer sends it again
        await start_ticket(client, events, recorded=False)
        return True

    await until(started, among=(RPCError,))


SOON = POLICY.model_copy(update={"limits": POLICY.limits.model_copy(update={"guess": timedelta(seconds=4)})})
"""The policy, but for the minutes in which a guessed P0 may be lowered: those are real time here."""


async def test_g6_whoever_has_a_token_pages_so_often_and_a_known_customer_at_once(
    temporal_dev: Client, db: Database, standins: Running
) -> None:
    """One integration, with 15 accounts that nobody knows and that say enterprise, and an invented area for each."""
    with db.begin() as session:
        accounts.save_accounts(session, [Account(id="initech", plan=Plan.ENTERPRISE)])
    desk = TicketService(temporal_dev, db, SOON)

    async def brings(number: int, account: str) -> str:
        form = {"source": "shop", "external_id": uuid4().hex, "priority": "P0", "product_area": f"area {number}"}
        said = {"account": {"id": account, "plan": "enterprise"}, "by": f"visitor-{number}", "role": "integration"}
        return (await desk.open(OpenRequest.parse(form | said))).ticket

    async with workers_running(temporal_dev, outside(db, standins)):
        strangers = [await brings(number, f"stranger-{number}") for number in range(8)]
        known = await brings(99, "initech")
        strangers += [await brings(number, f"stranger-{number}") for number in range(8, 15)]

        async def all_paged() -> bool:
            rows = await asyncio.to_thread(incidents_of, db, [*strangers, known])
            paged = {f"incident-{number}" for number in rows.values()}
            return len(rows) == len(strangers) + 1 and paged <= alerts(standins).keys()

        async def all_on_record() -> bool:
            return all(told(db, ticket) for ticket in strangers)

        await until(all_paged)
        await until(all_on_record)

    of_all = incidents_of(db, [*strangers, known])
    of_strangers = Counter(of_all[ticket] for ticket in strangers)
    assert sorted(of_strangers.values()) == [1, 1, 1, 12]  # three of their own, and what is too much together
    assert of_all[known] not in of_strangers
    assert alerts(standins) == Counter({f"incident-{number}": 1 for number in {*of_strangers, of_all[known]}})
    assert [told(db, one) for one in (known, *strangers)] == [[], *([["guess_stood"]] * 15)]
    surplus = of_strangers.most_common(1)[0][0]
    with db.session() as session:
        (words,) = session.scalars(
            select(OutboxRow.title).where(OutboxRow.key.startswith("integration_failing:incidents-by:"))
        )
    assert words.startswith("shop has opened 3 incidents within 10 min")
    assert f"incident-{surplus}" in words


def incidents_of(db: Database, tickets: list[str]) -> dict[str, int]:
    query = select(IncidentTicketRow.ticket_id, IncidentTicketRow.number)
    with db.session() as session:
        return {row[0]: row[1] for row in session.execute(query.where(IncidentTicketRow.ticket_id.in_(tickets)))}


def told(db: Database, ticket: str) -> list[str]:
    """What stands on a ticket's timeline of a guess."""
    with db.session() as session:
        types = [entry.event.body.type for entry in journal.timeline(session, ticket)]
    return [kind for kind in types if kind == "guess_stood"]


async def test_g6_areas_that_the_policy_does_not_list_share_one_incident(
    temporal_dev: Client, db: Database, standins: Running
) -> None:
    with db.begin() as session:
        accounts.save_accounts(session, [Account(id="initech", plan=Plan.ENTERPRISE)])
    rules = POLICY.incidents.model_copy(update={"areas": ("Checkout", "Search")})
    policy = POLICY.model_copy(update={"incidents": rules})
    desk = TicketService(temporal_dev, db, policy)

    async def brings(area: str) -> str:
        form = {"external_id": uuid4().hex, "priority": "P0", "product_area": area, "account": {"id": "initech"}}
        return (await desk.open(OpenRequest.parse(form))).ticket

    async with workers_running(temporal_dev, replace(outside(db, standins), policy=policy)):
        tickets = {area: await brings(area) for area in ("Checkout", "checkout ", "Search", "x1", "x2", "x3", "")}

        async def all_joined() -> bool:
            return len(await asyncio.to_thread(incidents_of, db, [*tickets.values()])) == len(tickets)

        await until(all_joined)
        by_hand = await IncidentService(temporal_dev, db, policy).declare(DeclareRequest(product_area="x4", by="ada"))

    found = incidents_of(db, [*tickets.values()])
    checkout, again, search, *others = (found[ticket] for ticket in tickets.values())
    assert checkout == again
    assert len({checkout, search, *others}) == 3
    assert (by_hand.incident, by_hand.created) == (others[0], False)
    with db.session() as session:
        assert [incidents.area_of(session, n) for n in (checkout, search, others[0])] == ["Checkout", "Search", ""]


def triggers(calls: list[Exchange]) -> int:
    return sum(b'"trigger"' in call.body for call in calls)


def alerts(standins: Running) -> Counter[str]:
    return Counter(alert["dedup_key"] for alert in standins.pager.see("alerts")["alerts"])


async def test_g6_a_storm_whose_joins_are_slow_wakes_each_person_once(
    temporal_dev: Client, db: Database, standins: Running, calls: list[Exchange]
) -> None:
    """The area's lock is held for longer than an attempt to join may take: that is slow, and not down."""
    area = "Checkout"

    began = datetime.now(UTC)

    async def slow_for_long() -> bool:
        return datetime.now(UTC) - began > timedelta(seconds=18)

    async def all_joined() -> bool:
        return await asyncio.to_thread(joined, db) == MANY

    async with workers_running(temporal_dev, outside(db, standins)):
        with ExitStack() as held:
            lock(held.enter_context(db.begin()), "incident", area, "")
            await asyncio.gather(*(open_p0(temporal_dev, area) for _ in range(MANY)))
            await until(slow_for_long)
        await until(all_joined)

        async def paged() -> bool:
            return bool(alerts(standins))

        await until(paged)

    found = alerts(standins)
    assert [(key[:9], count) for key, count in found.items()] == [("incident-", 1)]
    assert triggers(calls) <= 3


async def test_l16_joins_that_wait_for_their_area_keep_no_others_waiting_for_a_thread(
    temporal_dev: Client, database_url: str, standins: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Joins have threads of their own, and a task queue of their own with its own slots."""
    monkeypatch.setattr(database, "STATEMENT_SECONDS", 200)  # whoever waits for the lock does so until it is free
    db = Database(database_url, connections=100)
    threads = min(32, (os.cpu_count() or 1) + 4)  # as many as the event loop has of its own

    async def all_wait() -> bool:
        waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        with db.session() as session:
            return int(session.scalar(waiting) or 0) >= threads

    async with workers_running(temporal_dev, replace(outside(db, standins), threads=threads)):
        with ExitStack() as held:
            lock(held.enter_context(db.begin()), "incident", "Checkout", "")
            await asyncio.gather(*(open_p0(temporal_dev, "Checkout") for _ in range(2 * threads)))
            await until(all_wait)

            assert await asyncio.wait_for(asyncio.to_thread(lambda: "its turn"), 60) == "its turn"

    queues = {port.name: port.task_queue for port in vars(ports).values() if isinstance(port, ports.Port)}
    assert [name for name, queue in queues.items() if queue == queues["join_incident"]] == ["join_incident"]
    db.dispose()


def joined(db: Database) -> int:
    with db.session() as session:
        number = incidents.find_open(session, "Checkout", "")
        return len(incidents.tickets_of(session, number)) if number else 0


async def test_g6_with_the_database_down_a_storm_is_one_page_for_each_area(
    temporal_dev: Client, standins: Running, calls: list[Exchange], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(incident_activities, "DOWN", 1.0)
    db = Database("postgresql://nobody@127.0.0.1:1/nowhere")
    areas = ["Checkout"] * 40 + ["Search"]

    async with workers_running(temporal_dev, outside(db, standins)):
        await asyncio.gather(*(open_p0(temporal_dev, area) for area in areas))

        async def paged() -> bool:
            return len(alerts(standins)) == 2

        await until(paged)

        async def all_have_their_page() -> bool:
            tickets = [h.id async for h in temporal_dev.list_workflows("WorkflowType = 'TicketWorkflow'")]
            return all([await asked_for_page(temporal_dev, ticket) for ticket in tickets])

        await until(all_have_their_page)

    assert alerts(standins) == {"area-checkout": 1, "area-search": 1}
    assert triggers(calls) <= 4
    db.dispose()


async def asked_for_page(client: Client, ticket: str) -> bool:
    """Whether a ticket has the page of its area."""
    history = await client.get_workflow_handle(ticket).fetch_history()
    return any(
        event.activity_task_scheduled_event_attributes.activity_type.name == "page_area" for event in history.events
    )
