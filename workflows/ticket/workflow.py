"""The durable shell of one ticket.

Time comes from `workflow.now()`, rules from `domain/`, effects from `activities/`. What it shares with an incident, the
loop above all, is in `workflows.shell`; its effects are in `workflows.ticket.effects`.
"""

from collections.abc import Sequence

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

# Pure modules, loaded once for the process and not once for every ticket.
with workflow.unsafe.imports_passed_through():
    # By its full name: `from workflows import rendering` would load it in the sandbox all the same.
    import workflows.ticket.rendering as rendering
    from domain.aggregate.deadline import Deadline
    from domain.ticket import commands as c
    from domain.ticket.aggregate import TICKET, next_timer
    from domain.ticket.derived import sla_state
    from domain.ticket.events import Event
    from domain.ticket.state import Ticket
    from workflows.handlers import takes_raw_payload
    from workflows.search_attributes import Attributes
    from workflows.shell import Shell
    from workflows.ticket.effects import TicketEffectRunner
    from workflows.ticket.messages import Answer, Carried, TicketEnd, TicketHandlers, TicketStart


@workflow.defn(name="TicketWorkflow")
class TicketWorkflow(TicketHandlers, Shell[Ticket, Event, Answer]):
    """One ticket, from its opening until it is closed and everything that it caused is done."""

    aggregate = TICKET

    @workflow.init
    def __init__(self, start: TicketStart) -> None:
        if carried := start.carried:
            super().__init__(carried.ticket, carried=carried)
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
    @takes_raw_payload
    def advance(self, *payloads: RawValue) -> None:
        self.receive(None, payloads)

    @workflow.query(name="ticket", description="The ticket as it stands, without its free text.")
    def ticket(self) -> Ticket:
        return self.state

    def check_room(self, command: c.Command) -> None:
        if isinstance(command, c.TellEngineering):
            self.effects.check_room_for_comment()

    def answer(self, events: Sequence[Event]) -> Answer:
        return Answer.of(self.state, events)

    def deadline(self) -> Deadline | None:
        return next_timer(self.state, effects=self.effects.alerts_by_timer)

    def ui_state(self, state: Ticket) -> tuple[Attributes, str]:
        return rendering.attributes(state), rendering.details(state)

    def successor(self) -> TicketStart:
        return TicketStart(carried=Carried(ticket=self.state, **self.carried()))
