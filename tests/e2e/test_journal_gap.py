"""A database that lost its last commits: the journal gets what it lacks from the workflow's own history."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, ResetReapplyExcludeType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client

from domain.core.enums import Status
from domain.core.refusal import Refused
from domain.incident.state import workflow_id as incident_workflow_id
from domain.ticket.state import workflow_id
from services import journal_repair
from services.intake.declaration import DeclareRequest
from services.security.codec import Codec, Keys, data_converter, new_key
from store.journal import INCIDENTS
from tests.support.journal_gaps import Behind
from tests.support.packages import RECORD, T2_PACKAGE, T3_PACKAGE
from tests.support.timeskipping import real_time
from tests.support.waiting import until
from tests.support.working_tierline import Tierline, a_tierline

pytestmark = pytest.mark.long

RENEWED_AFTER = 40
"""Events after which the server of some of these tests suggests to continue as new."""


@asynccontextmanager
async def kind_of_place(kind: str, client: Client, database_url: str) -> AsyncIterator[Tierline]:
    """A place whose payloads are `plain` or `encrypted`, or whose workflows are soon `renewed`."""
    if kind == "encrypted":
        client = Client(**client.config() | {"data_converter": _encrypting()})
    if kind != "renewed":
        async with a_tierline(client, database_url) as place:
            yield place
        return
    impatient = real_time(f"limit.historyCount.suggestContinueAsNew={RENEWED_AFTER}")
    async with impatient as client, a_tierline(client, database_url) as place:
        yield place


def _encrypting() -> Any:
    return data_converter(Codec(Keys.parse(new_key(datetime(2026, 1, 1, tzinfo=UTC)))))


async def renewed(place: Tierline, workflow: str, say: Callable[[int], Awaitable[object]]) -> None:
    """Say things until the workflow goes on as new."""
    first = await place.run_of(workflow)
    for number in range(RENEWED_AFTER):
        await say(number)
        if await place.run_of(workflow) != first:
            return
    raise AssertionError("it does not go on as new")


@pytest.mark.parametrize("kind", ["plain", "encrypted", "renewed"])
async def test_a_journal_that_lost_its_last_commits_is_caught_up_from_the_workflows_history(
    kind: str, temporal_dev: Client, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the workflow has gone on as new since; read a few events at a time."""
    monkeypatch.setattr(journal_repair, "PAGE", 7)
    monkeypatch.setattr(journal_repair, "MOST_EVENTS", 3)
    async with kind_of_place(kind, temporal_dev, database_url) as place:
        await asyncio.gather(_ticket(place, again=kind == "renewed"), _incident(place, again=kind == "renewed"))


async def _ticket(place: Tierline, *, again: bool) -> None:
    # Given a ticket whose last events the database has lost
    ticket = await place.open()
    behind = Behind(place.db, workflow_id(ticket))
    await place.give(ticket, "note", text="lost")
    if again:
        await renewed(place, workflow_id(ticket), lambda number: place.give(ticket, "note", text=f"{number}"))
    before = place.timeline(ticket)
    behind.take_over()
    assert len(place.timeline(ticket)) == behind.seq

    # When the next one comes
    seq = await place.give(ticket, "note", text="next")

    # Then the journal has all of them, as they were, and of one past
    assert place.timeline(ticket) == [*before, (seq, "noted", "next")]
    assert place.epochs(ticket) == {(1, False)}


async def _incident(place: Tierline, *, again: bool) -> None:
    # Given an incident whose last events the database has lost
    request = DeclareRequest.parse({"product_area": "API", "by": "ada"})
    number = (await place.incidents.declare(request, drill=uuid4().hex)).incident
    name = incident_workflow_id(number)

    async def appoint(who: object) -> int:
        answer = await place.incidents.handle(number, "communications", {"by": "ada", "to": f"{who}"})
        await place.journalled(name, answer.seq)
        return answer.seq

    await place.incidents.handle(number, "acknowledge", {"by": "ada"})
    await appoint("ada")
    behind = Behind(place.db, name)
    await appoint("ben")
    if again:
        await renewed(place, name, appoint)
    before = _told(place, number)
    behind.take_over()
    assert len(_told(place, number)) == behind.seq < len(before)

    # When the next one comes
    await appoint("cyd")

    # Then the journal has all of them, as they were
    after = _told(place, number)
    assert after[: len(before)] == before
    with place.db.session() as session:
        found = INCIDENTS.load(session, number)
    assert found is not None
    assert found.communications == "cyd"
    assert found.seq == len(after)


def _told(place: Tierline, number: int) -> list[Any]:
    with place.db.session() as session:
        return [entry.event for entry in INCIDENTS.timeline(session, number)]


async def test_jira_issues_that_wait_for_a_lost_event_come_in_the_end(temporal_dev: Client, database_url: str) -> None:
    """No further event follows that could bring it: who waits for it has it looked for."""
    async with a_tierline(temporal_dev, database_url) as place:
        # Given an escalation, journalled, while Jira is down
        ticket = await place.open(account={"id": "acme", "plan": "enterprise"}, priority="P2", category="bug")
        behind = Behind(place.db, workflow_id(ticket))
        place.outside.jira.fault("rate_limited", seconds=1)
        fields = T2_PACKAGE | T3_PACKAGE
        seq = await place.give(ticket, "escalate", to="T3", fields=fields)
        handle = place.client.get_workflow_handle(workflow_id(ticket))

        async def waits() -> bool:
            pending = (await handle.describe()).raw_description.pending_activities
            return any(one.activity_type.name == "create_jira_issue" and one.attempt > 1 for one in pending)

        await until(waits)
        # When its commit is lost, and Jira is there again
        behind.take_over()
        assert place.stands_at(workflow_id(ticket)) < seq
        place.outside.jira.clear()
        # Then the issue is made, once
        linked = await place.seen(ticket, lambda known: known.issue)
        assert linked.issue is not None
        assert [issue["key"] for issue in place.outside.jira.see("issues")["issues"]] == [linked.issue.key]
        assert place.epochs(ticket) == {(1, False)}


async def test_a_gap_that_no_history_fills_is_told_to_ops_once_and_ends_with_the_rows(
    temporal_dev: Client, database_url: str
) -> None:
    async with a_tierline(temporal_dev, database_url, gap_patience=timedelta(0)) as place:
        # Given a ticket that goes on from its journal, and whose earlier run Temporal has forgotten
        ticket = await place.open()
        name = workflow_id(ticket)
        behind = Behind(place.db, name)
        await place.give(ticket, "note", text="lost")
        first = await place.run_of(name)
        handle = place.client.get_workflow_handle(name)
        await handle.terminate("by hand")
        await place.give(ticket, "note", text="next")
        await place.forget(name, first)
        # When an event is lost that stands in that run's history alone
        now = Behind(place.db, name)
        with place.db.begin() as session:
            for table in ("ticket_events", "texts"):
                later = f"SELECT * FROM {table} WHERE ticket_id = '{ticket}' AND seq > {behind.seq}"
                session.execute(text(f"CREATE TABLE aside_{table} AS {later}"))
        behind.take_over()
        answer = await place.tickets.handle(ticket, "note", {"by": "ada", "text": "last"})

        async def tried() -> bool:
            pending = (await handle.describe()).raw_description.pending_activities
            return any(one.attempt > 3 for one in pending)

        await until(tried)
        # Then ops hear of it once, whatever number of attempts there are
        [told] = place.notices()
        assert told.startswith(f"The journal of {name} stands at event {behind.seq}: ")
        assert place.stands_at(name) == behind.seq
        # And it goes on by itself as soon as the rows are back
        with place.db.begin() as session:
            for table in ("ticket_events", "texts"):
                session.execute(text(f"INSERT INTO {table} SELECT * FROM aside_{table}"))
        now.take_over()
        await place.journalled(name, answer.seq)
        assert [words for *_, words in place.timeline(ticket)][-3:] == ["lost", "next", "last"]
        assert len(place.notices()) == 1


async def test_a_ticket_whose_workflow_ended_is_caught_up_before_it_is_given_a_command(
    temporal_dev: Client, database_url: str
) -> None:
    async with a_tierline(temporal_dev, database_url) as place:
        # A workflow that was terminated: what it had journalled is not said again, and not decided otherwise
        ticket = await place.open()
        behind = Behind(place.db, workflow_id(ticket))
        await place.give(ticket, "note", text="lost", id="note-1")
        await place.client.get_workflow_handle(workflow_id(ticket)).terminate("by hand")
        behind.take_over()
        await place.give(ticket, "note", text="next")
        assert await place.give(ticket, "note", text="lost", id="note-1") == behind.seq + 1  # known: nothing happens
        assert [words for *_, words in place.timeline(ticket)][-2:] == ["lost", "next"]
        assert place.epochs(ticket) == {(1, False)}

        # A workflow that has completed, whose ticket looks open
        ticket = await place.open()
        await place.give(ticket, "resolve", **RECORD)
        behind = Behind(place.db, workflow_id(ticket))
        await place.give(ticket, "close")
        await place.client.get_workflow_handle(workflow_id(ticket)).result()
        behind.take_over()
        answer = await place.tickets.handle(ticket, "rate", {"by": "acme", "role": "customer", "csat": 4})
        assert (answer.did, answer.status) == (("rated",), Status.CLOSED)
        assert place.epochs(ticket) == {(1, False)}

        # An incident that is over, and does not look so
        request = DeclareRequest.parse({"product_area": "API", "by": "ada"})
        number = (await place.incidents.declare(request, drill=uuid4().hex)).incident
        name = incident_workflow_id(number)
        answered = await place.incidents.handle(number, "acknowledge", {"by": "ada"})
        await place.journalled(name, answered.seq)
        behind = Behind(place.db, name)
        await place.incidents.handle(number, "cancel", {"by": "ada", "reason": "A mistake."})
        await place.client.get_workflow_handle(name).result()
        behind.take_over()
        with pytest.raises(Refused, match=f"{name} is cancelled"):
            await place.incidents.handle(number, "acknowledge", {"by": "ada"})


async def test_what_was_erased_does_not_come_back_with_a_lost_event(temporal_dev: Client, database_url: str) -> None:
    async with a_tierline(temporal_dev, database_url) as place:
        ticket = await place.open()
        behind = Behind(place.db, workflow_id(ticket))
        await place.give(ticket, "note", text="a secret")
        behind.take_over()
        with place.db.begin() as session:  # as `tierline erase` leaves it
            session.execute(text("UPDATE tickets SET erased_at = clock_timestamp() WHERE id = :t"), {"t": ticket})
        await place.give(ticket, "note", text="next")
        assert [words for *_, words in place.timeline(ticket)][-2:] == ["", "next"]


async def test_after_a_reset_it_is_the_new_past_that_is_caught_up(temporal_dev: Client, database_url: str) -> None:
    async with a_tierline(temporal_dev, database_url) as place:
        # Given a ticket that was reset to its start, and has another past since
        ticket = await place.open()
        name = workflow_id(ticket)
        await place.give(ticket, "note", text="of the old past")
        handle = place.client.get_workflow_handle(name)
        history = await handle.fetch_history()
        task = next(e for e in history.events if e.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
        await place.client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=place.client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=name, run_id=await place.run_of(name)),
                reason="A test.",
                workflow_task_finish_event_id=task.event_id,
                request_id=uuid4().hex,
                reset_reapply_exclude_types=[
                    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL,
                    ResetReapplyExcludeType.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE,
                ],
            )
        )
        await place.give(ticket, "take", by="ben")
        await place.seen(ticket, lambda known: known.assignee == "ben")
        assert place.epochs(ticket) == {(1, False), (1, True), (2, False)}
        # When the last commit of the new past is lost
        behind = Behind(place.db, name)
        await place.give(ticket, "note", text="lost")
        with_all = place.timeline(ticket)
        behind.take_over()
        await place.give(ticket, "note", text="next")
        # Then it is that past which is caught up, under its epoch
        assert place.timeline(ticket)[:-1] == with_all
        assert place.epochs(ticket) == {(1, False), (1, True), (2, False)}
