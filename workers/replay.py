"""Recorded incidents through the real workflow, many side by side, each on a clock of its own.

A backtest: the tickets live on a server of their own, their events are kept in memory, Jira and the pager answer at
once, and nothing is left of it. `services.backtest` does the same by the core alone, in a thousandth of the time. That
both agree shows that the durable shell adds nothing to the rules and loses nothing of them.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from temporalio import activity
from temporalio.client import WorkflowUpdateFailedError
from temporalio.worker import Worker

from domain.clocks.terms import Terms
from domain.core.enums import Status
from domain.core.refusal import Refused
from domain.ticket.events import Event
from integrations.recorded.adapter import Script, Step
from services.backtest import Case, Outcome, opened, refusal
from services.commands import refused_by
from services.intake.opening import start_ticket
from workers.query_guard import QueryGuard
from workers.virtual_time import Handle, VirtualTime
from workflows import ports
from workflows.ticket.messages import Answer
from workflows.ticket.workflow import TicketWorkflow

SIDE_BY_SIDE = 50
"""Tickets at once. Each waits most of its time, but a command must get through before the next timer rings."""
ANSWERS_WITHIN = timedelta(minutes=1)
"""How long a command may take, in real time."""
LATE = timedelta(seconds=2)
"""A timer rings up to this long after its instant: so far a clock goes beyond the end, to hear of the last of them."""
TRIES = 3
"""How often a ticket is replayed whose clock did not wait for its commands."""

Report = Callable[[Outcome], None]
_log = logging.getLogger("tierline.replay")


async def replay_all(time: VirtualTime, cases: Iterable[Case], report: Report = lambda _: None) -> list[Outcome]:
    """Return the outcomes of cases that open in the future, in their order. Each is given to `report` as it comes."""
    room = asyncio.Semaphore(SIDE_BY_SIDE)
    async with _serving(time) as journals:

        async def one(case: Case) -> Outcome:
            async with room:
                outcome = await _replay(time, journals, case)
            report(outcome)
            return outcome

        tasks = [asyncio.create_task(one(case)) for case in cases]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()


async def _replay(time: VirtualTime, journals: "_Journals", case: Case) -> Outcome:
    """Return what became of one case.

    A clock goes on while a command is on its way, and now and then is moved too far. Where a deadline rang meanwhile
    that the command came before, it is the machine that was late and not the agent: the ticket is replayed again.
    """
    script, terms = case
    external_id = script.opening["external_id"]
    for attempt in range(1, TRIES + 1):
        other = external_id if attempt == 1 else f"{external_id} ({attempt})"  # an id is never used again
        again = replace(script, opening=script.opening | {"external_id": other})
        events, refusals = await _play(time, journals, again, terms)
        if not outran(events):
            break
    else:
        _log.warning("%s: in %d tries the machine was too busy for exact times", external_id, TRIES)
    return Outcome.of(script, [_under(external_id, event) for event in events], refusals)


def _under(external_id: str, event: Event) -> Event:
    """Return an event as it is of the recorded incident, whichever attempt it comes from."""
    if event.body.type != "opened":
        return event
    return event.model_copy(update={"body": event.body.model_copy(update={"external_id": external_id})})


def outran(events: Iterable[Event]) -> bool:
    """Return whether the clock was past a deadline, or far past, when a command came that was given before it."""
    lapsed: datetime | None = None
    for event in events:
        lapsed = getattr(event.body, "due", lapsed)
        if event.received and (event.at - event.received > LATE or (lapsed and lapsed >= event.received)):
            return True
    return False


async def _play(
    time: VirtualTime, journals: "_Journals", script: Script, terms: Terms
) -> tuple[Sequence[Event], Sequence[str]]:
    """Return the events and refusals of one script, from a workflow that has ended by then."""
    opening = opened(script, terms)
    handle = await start_ticket(time.client, opening.events, recorded=False)
    refusals: list[str] = []
    status = opening.state.status
    for step in script.steps:
        await time.advance_to(handle, step.at)
        try:
            status = (await _send(handle, step)).status
        except Refused as refused:
            refusals.append(refusal(step, refused.code))
    if status is Status.CLOSED:
        seq = (await handle.result()).seq
    else:
        await time.advance_to(handle, script.until + LATE)
        seq = (await handle.query(TicketWorkflow.ticket)).seq
    events = await journals.events_of(opening.state.id, seq)
    if status is not Status.CLOSED:
        await handle.terminate("the recorded incident goes no further")
    return events, refusals


async def _send(handle: Handle, step: Step) -> Answer:
    """Give one command as an Update, received at its recorded instant. Raises Refused."""
    try:
        answer: Answer = await handle.execute_update(
            step.payload["do"],
            step.payload | {"received": step.at.isoformat()},
            result_type=Answer,
            rpc_timeout=ANSWERS_WITHIN,
        )
    except WorkflowUpdateFailedError as failed:
        raise refused_by(failed) from failed
    return answer


class _Journals:
    """The activities of a backtest, and the events that they were given."""

    def __init__(self) -> None:
        self._events: defaultdict[str, list[Event]] = defaultdict(list)
        self._news: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def events_of(self, ticket: str, seq: int) -> list[Event]:
        """Return the ticket's events up to number `seq`, once they are all here. They are then forgotten."""
        while len(self._events[ticket]) < seq:
            self._news[ticket].clear()
            await self._news[ticket].wait()
        del self._news[ticket]
        return self._events.pop(ticket)[:seq]

    @activity.defn(name=ports.RECORD_EVENTS.name)
    async def record_events(self, request: ports.JournalRequest) -> ports.Nothing:
        known = self._events[request.ticket_id]
        known += [event for event in request.events if event.seq > len(known)]  # an attempt may be the second
        self._news[request.ticket_id].set()
        return ports.Nothing()

    @activity.defn(name=ports.CREATE_ISSUE.name)
    async def create_issue(self, request: ports.CreateIssueRequest) -> ports.IssueResult:
        return ports.IssueResult(key=f"REPLAY-{request.seq}", url="")

    @activity.defn(name=ports.JOIN_INCIDENT.name)
    async def join_incident(self, request: ports.IncidentRequest) -> ports.IncidentResult:
        return ports.IncidentResult(number=int(request.join.effect_key.rpartition(":")[2]))


@asynccontextmanager
async def _serving(time: VirtualTime) -> AsyncIterator[_Journals]:
    """Run workers for tickets whose activities are in memory, for as long as the block lasts."""
    journals = _Journals()

    def worker(queue: str, **serves: Any) -> Worker:
        # A bug must end the ticket: tried again for ever, it would look like patience.
        return Worker(time.client, task_queue=queue, workflow_failure_exception_types=[Exception], **serves)

    async with (
        worker(ports.TICKETS, workflows=[TicketWorkflow], plugins=[QueryGuard()], activities=[journals.record_events]),
        worker(ports.JOINS, activities=[journals.join_incident]),
        worker(ports.TRACKER, activities=[journals.create_issue]),
    ):
        yield journals
