"""The durable shell of one incident. Not a child of a ticket: it serves many, and must outlive each of them.

What it shares with a ticket, the loop above all, is in `workflows.shell`; what it has others do, in
`workflows.incident.effects`.
"""

from collections.abc import Sequence
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    # By their full names: `from workflows import ports` would load them in the sandbox all the same.
    import workflows.incident.rendering as rendering
    from domain.aggregate.aggregate import Recording
    from domain.aggregate.deadline import Deadline
    from domain.core.refusal import Refused
    from domain.incident import commands as c
    from domain.incident.aggregate import INCIDENT, declare
    from domain.incident.events import IncidentEvent, MessageRefused
    from domain.incident.state import Incident
    from workflows.incident.effects import IncidentEffectRunner
    from workflows.incident.messages import IncidentAnswer, IncidentCarried, IncidentEnd, IncidentStart
    from workflows.shell import DRAIN, Moved, Shell
    from workflows.ticket.rendering import Attributes
    from workflows.updates import command_update, loose


class IncidentUpdates:
    """Every command as an Update. A class of its own, so that it is built once and not once for every incident."""

    acknowledge = command_update(c.Acknowledge, IncidentAnswer)
    mitigate = command_update(c.Mitigate, IncidentAnswer)
    update = command_update(c.PostUpdate, IncidentAnswer)
    approve = command_update(c.Approve, IncidentAnswer)
    hand_over = command_update(c.HandOver, IncidentAnswer)
    communications = command_update(c.AssignCommunications, IncidentAnswer)
    join = command_update(c.Join, IncidentAnswer)
    leave = command_update(c.Leave, IncidentAnswer)
    severity = command_update(c.ChangeSeverity, IncidentAnswer)
    resolve = command_update(c.Resolve, IncidentAnswer)
    cancel = command_update(c.Cancel, IncidentAnswer)
    action = command_update(c.AddAction, IncidentAnswer)
    review_done = command_update(c.ReviewDone, IncidentAnswer)
    retry = command_update(c.Retry, IncidentAnswer)


@workflow.defn(name="IncidentWorkflow")
class IncidentWorkflow(IncidentUpdates, Shell[Incident, IncidentEvent, IncidentAnswer]):
    """One incident, from its declaration until it is cancelled, or reviewed, and everybody has heard so."""

    @workflow.init
    def __init__(self, start: IncidentStart) -> None:
        if carried := start.carried:
            super().__init__(carried.incident, carried.unrecorded, carried.answers, carried.given)
        elif start.declare:
            declared = declare(start.declare, workflow.now())
            super().__init__(declared.state, declared.events)
        else:
            raise ApplicationError("an incident starts with its declaration", non_retryable=True)
        self.effects: IncidentEffectRunner = IncidentEffectRunner(self)

    @workflow.run
    async def run(self, start: IncidentStart) -> IncidentEnd:
        await self.live()
        return IncidentEnd(incident=self.state.number, seq=self.state.seq, state=self.state.state)

    @workflow.signal(name="ticket_joined", description="A ticket says: it is part of this incident.")
    @loose
    def ticket_joined(self, *payloads: RawValue) -> None:
        self.receive("ticket_joined", payloads)

    @workflow.signal(name="ticket_changed", description="A ticket says: what it owes, its priority or bug changed.")
    @loose
    def ticket_changed(self, *payloads: RawValue) -> None:
        self.receive("ticket_changed", payloads)

    @workflow.signal(name="page_acknowledged", description="The pager says: somebody took the page.")
    @loose
    def page_acknowledged(self, *payloads: RawValue) -> None:
        self.receive("page_acknowledged", payloads)

    @workflow.signal(name="pager_acted", description="The pager says: something befell a page; nobody took it.")
    @loose
    def pager_acted(self, *payloads: RawValue) -> None:
        self.receive("pager_acted", payloads)

    @workflow.query(name="incident", description="The incident as it stands.")
    def incident(self) -> Incident:
        return self.state

    def parse(self, payload: Any, name: str | None) -> c.Command:
        return c.parse(payload, name, recorded=True)

    def decide(self, command: c.Command) -> Moved[Incident, IncidentEvent]:
        return _moved(INCIDENT.decide(self.state, command, workflow.now()))

    def settled(self) -> Moved[Incident, IncidentEvent]:
        recording = Recording(INCIDENT, self.state, workflow.now(), workflow.now())
        recording.settle(workflow.now())
        return _moved(recording)

    def refuse(self, refused: Refused, what: str) -> Moved[Incident, IncidentEvent]:
        recording = Recording(INCIDENT, self.state, max(self.state.as_of, workflow.now()), workflow.now())
        recording.settle(recording.at, inclusive=False)
        recording.record(MessageRefused(code=refused.code, what=what[:100]), texts={"message": refused.message[:1000]})
        return _moved(recording)

    def answer(self, events: Sequence[IncidentEvent]) -> IncidentAnswer:
        return IncidentAnswer(
            incident=self.state.number,
            seq=self.state.seq,
            did=tuple(event.body.type for event in events),
            state=self.state.state,
            version=self.state.version,
            commander=self.state.commander,
        )

    def deadline(self) -> Deadline | None:
        return INCIDENT.next_deadline(self.state)

    def ended(self) -> bool:
        return self.state.ended

    def shown(self, state: Incident) -> tuple[Attributes, str]:
        return rendering.attributes(state), rendering.details(state)

    def successor(self) -> IncidentStart:
        carried = IncidentCarried(
            incident=self.state,
            unrecorded=tuple(self.unrecorded),
            answers=self.answers,
            given=self.given.packed(),
        )
        return IncidentStart(carried=carried)

    def may_pause(self) -> bool:
        """Not while the next page is near: it would wait for the drain."""
        deadline = self.deadline()
        return deadline is None or deadline.at - workflow.now() >= 2 * DRAIN


def _moved(recording: Recording[Incident]) -> Moved[Incident, IncidentEvent]:
    return Moved(recording.state, recording.events)
