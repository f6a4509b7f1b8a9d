"""The durable shell of one incident: it pages, follows the response, and tells its tickets.

Not a child of a ticket: it serves many, and must outlive each of them.
"""

import asyncio
from typing import Annotated, Any

from pydantic import StringConstraints, ValidationError
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    # By their full names: `from workflows import ports` would load them in the sandbox all the same.
    import workflows.ports as ports
    import workflows.rendering as rendering
    import workflows.search_attributes as sa
    from domain.base import Frozen
    from domain.incident import FOLLOWS, LEADS_TO, Incident, Joined, workflow_id
    from domain.refusal import Refused
    from domain.words import Priority
    from workflows.updates import loose, read, register


class Join(Frozen):
    """A ticket joins. Sent with the start, so that the first ticket opens what the next ones join."""

    ticket: str
    effect_key: str
    priority: Priority


class Respond(Frozen):
    """A responder's act, with a word for the tickets."""

    by: Annotated[str, StringConstraints(min_length=1, max_length=100)] = "unknown"
    comment: Annotated[str, StringConstraints(max_length=20_000)] = ""


class IncidentStart(Frozen):
    incident: Incident


def response(command: str, description: str) -> Any:
    """An Update for one act of the response; what does not fit the state is refused and leaves no history."""

    def update(self: "IncidentWorkflow", act: Respond) -> Incident:
        return self.move(command, act)

    def validate(self: "IncidentWorkflow", act: Respond) -> None:
        self.check(command)

    return register(command, description, update, validate)


@workflow.defn(name="IncidentWorkflow")
class IncidentWorkflow:
    """One incident, from its declaration until it is over and every ticket has heard so."""

    @workflow.init
    def __init__(self, start: IncidentStart) -> None:
        now = workflow.now()
        declared = start.incident.declared_at or now
        self._incident = start.incident.model_copy(
            update={"declared_at": declared, "state_since": start.incident.state_since or now}
        )
        self._paging: asyncio.Task[None] | None = None

    @workflow.run
    async def run(self, start: IncidentStart) -> Incident:
        while True:
            self._publish()
            if self._incident.tickets and not self._incident.paged and self._paging is None:
                self._paging = asyncio.create_task(self._wake_people())
            if self._incident.told < self._incident.version:
                await self._tell()
            elif self._incident.over:
                break
            elif workflow.info().is_continue_as_new_suggested():
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(IncidentStart(incident=self._incident))
            else:
                await self._change_of(self._incident)
        await self._end_page()
        request = ports.CloseIncidentRequest(number=self._incident.number, at=workflow.now())
        await ports.CLOSE_INCIDENT(request, "Let the next problem open a new incident")
        while self._incident.told < self._incident.version:  # tickets that joined while it ended
            await self._tell()
        await workflow.wait_condition(workflow.all_handlers_finished)
        return self._incident

    acknowledge = response("acknowledge", "Somebody has it: no further page.")
    mitigate = response("mitigate", "The customers' pain is gone; the cause may not be.")
    resolve = response("resolve", "It is over: the page ends and every ticket comes back to its agent.")
    cancel = response("cancel", "It was none: the page ends and every ticket comes back to its agent.")

    @workflow.signal(name="join", description="A ticket joins the incident.")
    @loose
    def join(self, *payloads: RawValue) -> None:
        try:
            join = Join.model_validate(read(payloads))
        except (Refused, ValidationError) as error:
            workflow.logger.warning("an unreadable join was dropped: %s", type(error).__name__)
            return
        if any(joined.ticket == join.ticket for joined in self._incident.tickets):
            return  # an effect that was carried out twice
        joined = Joined(ticket=join.ticket, effect_key=join.effect_key, at=workflow.now())
        self._change(tickets=(*self._incident.tickets, joined), told=0)

    @workflow.query(name="incident", description="The incident as it stands.")
    def incident(self) -> Incident:
        return self._incident

    def check(self, command: str) -> None:
        """Raise if `command` does not fit the state; says what would."""
        if self._incident.state not in FOLLOWS[command]:
            fitting = [name for name, states in FOLLOWS.items() if self._incident.state in states]
            message = f"{command} does not fit: the incident is {self._incident.state}"
            raise ApplicationError(message, {"would_fit": fitting}, type="does_not_fit", non_retryable=True)

    def move(self, command: str, act: Respond) -> Incident:
        """Carry out one act of the response."""
        self.check(command)
        self._change(
            state=LEADS_TO[command],
            state_since=workflow.now(),
            version=self._incident.version + 1,
            comment=act.comment,
        )
        return self._incident

    async def _wake_people(self) -> None:
        """The page goes its own way: with the pager down, tickets are told and responders heard all the same."""
        try:
            await ports.PAGE(self._page(), f"Page for incident-{self._incident.number}")
            self._change(paged=True)
        except ActivityError as error:
            if not is_cancelled_exception(error):  # refused for good; WaitsOn goes on saying `pager`
                workflow.logger.error("incident-%s was not paged: %s", self._incident.number, error.cause)

    async def _end_page(self) -> None:
        """End the page, and one that is still on its way. What the pager refuses does not keep the incident open."""
        if self._paging:
            self._paging.cancel()
        try:
            await ports.END_PAGE(self._page(), f"End the page of incident-{self._incident.number}")
        except ActivityError as error:
            workflow.logger.error("the page of incident-%s did not end: %s", self._incident.number, error.cause)

    def _change(self, **update: object) -> None:
        self._incident = self._incident.model_copy(update=update)

    async def _change_of(self, known: Incident) -> None:
        await workflow.wait_condition(lambda: self._incident is not known)

    async def _tell(self) -> None:
        incident = self._incident
        request = ports.TellRequest(
            number=incident.number,
            state=incident.state,
            version=incident.version,
            comment=incident.comment,
            at=workflow.now(),
            tickets=tuple(joined.ticket for joined in incident.tickets),
        )
        await ports.TELL_TICKETS(request, f"Tell {len(incident.tickets)} tickets: {incident.state}")
        if self._incident.tickets == incident.tickets:  # one that joined meanwhile is told too
            self._change(told=incident.version)

    def _page(self) -> ports.PageRequest:
        incident = self._incident
        area = incident.product_area or "the service"
        return ports.PageRequest(
            dedup_key=workflow_id(incident.number),
            summary=f"{incident.priority} in {area}: incident-{incident.number}",
            severity="critical" if incident.priority is Priority.P0 else "error",
            tickets=tuple(joined.ticket for joined in incident.tickets),
        )

    def _publish(self) -> None:
        incident = self._incident
        values: rendering.Attributes = {
            sa.STATUS: incident.state,
            sa.PRIORITY: incident.priority.value,
            sa.WAITS_ON: "pager" if not incident.paged else "nobody" if incident.over else "responders",
            sa.WAITS_SINCE: incident.state_since,
            sa.REFS: [workflow_id(incident.number)],
        }
        if updates := rendering.changes(workflow.info().typed_search_attributes, values):
            workflow.upsert_search_attributes(updates)
        lines = [f"### incident-{incident.number} · {incident.state}", f"- **Area** {incident.product_area or '-'}"]
        lines += [f"- ticket-{joined.ticket}" for joined in incident.tickets[:100]]
        workflow.set_current_details("\n".join(lines))
