"""The durable shell of one ticket.

Time comes from `workflow.now()`, rules from `domain/`, effects from `activities/`. What it shares with an incident, the
loop above all, is in `workflows.shell`; what it has others do, in `workflows.ticket.effects`.
"""

from collections.abc import Sequence
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

# Pure modules, loaded once for the process and not once for every ticket.
with workflow.unsafe.imports_passed_through():
    # By its full name: `from workflows import rendering` would load it in the sandbox all the same.
    import workflows.ticket.rendering as rendering
    from domain.aggregate.aggregate import Recording
    from domain.aggregate.deadline import Deadline
    from domain.core.refusal import Refused
    from domain.ticket import commands as c
    from domain.ticket.aggregate import TICKET, next_timer
    from domain.ticket.derived import sla_state
    from domain.ticket.events import Event, MessageRefused
    from domain.ticket.state import Ticket
    from workflows.shell import Moved, Shell
    from workflows.ticket.effects import TicketEffectRunner
    from workflows.ticket.messages import Answer, Carried, TicketEnd, TicketStart
    from workflows.updates import CommandUpdates, loose


@workflow.defn(name="TicketWorkflow")
class TicketWorkflow(CommandUpdates, Shell[Ticket, Event, Answer]):
    """One ticket, from its opening until it is closed and everything that it caused is done."""

    @workflow.init
    def __init__(self, start: TicketStart) -> None:
        if carried := start.carried:
            super().__init__(carried.ticket, carried.unrecorded, carried.answers, carried.given)
        elif start.opening:
            super().__init__(TICKET.fold(start.opening), () if start.recorded else start.opening)
        else:
            raise ApplicationError("a ticket starts with its opening events", non_retryable=True)
        self.effects: TicketEffectRunner = TicketEffectRunner(self)

    @workflow.run
    async def run(self, start: TicketStart) -> TicketEnd:
        await self.live()
        sla = sla_state(self.state)
        return TicketEnd(ticket=self.state.id, seq=self.state.seq, status=self.state.status, sla=sla)

    @workflow.signal(
        name="advance",
        description='Any command as a Signal, for webhooks and bulk tools: {"do": "take", "by": "ada"}. '
        "What is refused stands on the timeline.",
    )
    @loose
    def advance(self, *payloads: RawValue) -> None:
        self.receive(None, payloads)

    @workflow.signal(name="jira_changed", description="Jira says: the linked issue changed.")
    @loose
    def jira_changed(self, *payloads: RawValue) -> None:
        self.receive("jira_changed", payloads)

    @workflow.signal(name="incident_changed", description="The incident says: its state changed.")
    @loose
    def incident_changed(self, *payloads: RawValue) -> None:
        self.receive("incident_changed", payloads)

    @workflow.signal(name="match_account", description="The ticket's account became known: its terms from now on.")
    @loose
    def match_account(self, *payloads: RawValue) -> None:
        self.receive("match_account", payloads)

    @workflow.query(name="ticket", description="The ticket as it stands, without its free text.")
    def ticket(self) -> Ticket:
        return self.state

    def parse(self, payload: Any, name: str | None) -> c.Command:
        return c.parse(payload, name, recorded=True)

    def decide(self, command: c.Command) -> Moved[Ticket, Event]:
        return _moved(TICKET.decide(self.state, command, workflow.now()))

    def see_that_there_is_room(self, command: c.Command) -> None:
        if isinstance(command, c.TellEngineering):
            self.effects.see_that_a_comment_may_wait()

    def settled(self) -> Moved[Ticket, Event]:
        recording = Recording(TICKET, self.state, workflow.now(), workflow.now())
        recording.settle(workflow.now())
        return _moved(recording)

    def refuse(self, refused: Refused, what: str) -> Moved[Ticket, Event]:
        recording = Recording(TICKET, self.state, max(self.state.as_of, workflow.now()), workflow.now())
        recording.settle(recording.at, inclusive=False)
        body = MessageRefused(code=refused.code, what=what[:100], missing=tuple(refused.missing))
        recording.record(body, texts={"message": refused.message[:1000]})
        return _moved(recording)

    def answer(self, events: Sequence[Event]) -> Answer:
        return Answer(
            ticket=self.state.id,
            seq=self.state.seq,
            did=tuple(event.body.type for event in events),
            status=self.state.status,
            tier=self.state.tier,
            assignee=self.state.assignee,
            waits_on=self.state.waits_on,
            sla=sla_state(self.state),
        )

    def deadline(self) -> Deadline | None:
        return next_timer(self.state, effects=self.effects.alerts_by_timer)

    def ended(self) -> bool:
        return self.state.closed

    def shown(self, state: Ticket) -> tuple[rendering.Attributes, str]:
        return rendering.attributes(state), rendering.details(state)

    def successor(self) -> TicketStart:
        carried = Carried(
            ticket=self.state,
            unrecorded=tuple(self.unrecorded),
            answers=self.answers,
            given=self.given.packed(),
        )
        return TicketStart(carried=carried)


def _moved(recording: Recording[Ticket]) -> Moved[Ticket, Event]:
    return Moved(recording.state, recording.events)
