"""The durable shell of one incident. Not a child of a ticket: it serves many, and must outlive each of them.

What it shares with a ticket, the loop above all, is in `workflows.shell`; its effects are in
`workflows.incident.effects`.
"""

from collections.abc import Sequence

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    # By their full names: `from workflows import ports` would load them in the sandbox all the same.
    import workflows.incident.messages as m
    import workflows.incident.rendering as rendering
    from domain.incident.aggregate import INCIDENT, declare
    from domain.incident.events import IncidentEvent
    from domain.incident.state import Incident
    from workflows.handlers import takes_raw_payload
    from workflows.incident.effects import IncidentEffectRunner
    from workflows.search_attributes import Attributes
    from workflows.shell import DRAIN, Shell


@workflow.defn(name="IncidentWorkflow")
class IncidentWorkflow(m.IncidentHandlers, Shell[Incident, IncidentEvent, m.IncidentAnswer]):
    """One incident, from its declaration until it is cancelled, or reviewed, and everybody is notified of that."""

    aggregate = INCIDENT

    @workflow.init
    def __init__(self, start: m.IncidentStart) -> None:
        if carried := start.carried:
            super().__init__(carried.incident, carried=carried)
        elif start.declare:
            declared = declare(start.declare, workflow.now())
            super().__init__(declared.state, declared.events)
        else:
            raise ApplicationError("an incident starts with its declaration", non_retryable=True)
        self.effects: IncidentEffectRunner = IncidentEffectRunner(self)

    @workflow.run
    async def run(self, start: m.IncidentStart) -> m.IncidentEnd:
        await self.live()
        return m.IncidentEnd(incident=self.state.number, seq=self.state.seq, state=self.state.state)

    @workflow.query(name="incident", description="The incident as it stands.")
    def incident(self) -> Incident:
        return self.state

    @workflow.signal(
        name=m.FACTS, description="Take a list of facts, such as tickets that join, each as a Signal of its own."
    )
    @takes_raw_payload
    def facts(self, *payloads: RawValue) -> None:
        self.receive_facts(payloads)

    def answer(self, events: Sequence[IncidentEvent]) -> m.IncidentAnswer:
        return m.IncidentAnswer.of(self.state, events)

    def ui_state(self, state: Incident) -> tuple[Attributes, str]:
        return rendering.attributes(state), rendering.details(state)

    def successor(self) -> m.IncidentStart:
        return m.IncidentStart(carried=m.IncidentCarried(incident=self.state, **self.carried()))

    def may_pause(self) -> bool:
        """Return whether the workflow may pause: not while the next page is near, which would wait for the drain."""
        deadline = self.deadline()
        return deadline is None or deadline.at - workflow.now() >= 2 * DRAIN
