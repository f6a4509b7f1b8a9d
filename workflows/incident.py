"""The durable shell of one incident: it endures, the core decides.

Not a child of a ticket: it serves many, and must outlive each of them. As in `workflows.ticket`, Updates and Signals
only move the state; `run` does what follows from it.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    # By their full names: `from workflows import ports` would load them in the sandbox all the same.
    import workflows.incident_rendering as rendering
    from domain import incident_commands as c
    from domain.commands import parse
    from domain.incident import Incident
    from domain.incident_decide import decide, declare
    from domain.incident_events import IncidentEvent, MessageRefused
    from domain.incident_settle import next_deadline, settle
    from domain.incident_story import IncidentStory
    from domain.refusal import Refused
    from workflows.incident_errands import IncidentErrands
    from workflows.incident_messages import IncidentAnswer, IncidentCarried, IncidentEnd, IncidentStart
    from workflows.rearm import RearmableTimer
    from workflows.rendering import changes
    from workflows.updates import command_update, loose, read

DRAIN = timedelta(seconds=20)
"""How long continue-as-new waits for what is under way; what is not done by then the successor takes up again."""
REMEMBERED = 32
"""How many answers are kept, so that a command that is sent again gets its first answer."""


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
class IncidentWorkflow(IncidentUpdates):
    """One incident, from its declaration until it is cancelled, or reviewed, and everybody has heard so."""

    @workflow.init
    def __init__(self, start: IncidentStart) -> None:
        self._answers: dict[str, IncidentAnswer] = {}
        self.unrecorded: list[IncidentEvent] = []
        if start.carried:
            self.state = start.carried.incident
            self.unrecorded = list(start.carried.unrecorded)
            self._answers = dict(start.carried.answers)
        else:
            if not start.declare:
                raise ApplicationError("an incident starts with its declaration", non_retryable=True)
            story = declare(start.declare, workflow.now())
            self.state, self.unrecorded = story.incident, list(story.events)
        self._published: Incident | None = None
        self._awake = True
        self._renew = False
        self._timer = RearmableTimer(self.wake)
        self._errands = IncidentErrands(self)

    @workflow.run
    async def run(self, start: IncidentStart) -> IncidentEnd:
        while True:
            self._awake = False
            self._settle()
            self._publish()
            deadline = next_deadline(self.state)
            self._timer.arm(deadline.at if deadline else None, deadline.summary if deadline else "")
            self._errands.start()
            if self.state.ended and self._errands.idle():
                await workflow.wait_condition(workflow.all_handlers_finished)
                if not self._awake:
                    break
            if (self._renew or workflow.info().is_continue_as_new_suggested()) and self._errands.portable():
                await self._continue_as_new()
            await workflow.wait_condition(lambda: self._awake)
        return IncidentEnd(incident=self.state.number, seq=self.state.seq, state=self.state.state)

    @workflow.signal(name="ticket_joined", description="A ticket says: it is part of this incident.")
    @loose
    def ticket_joined(self, *payloads: RawValue) -> None:
        self._receive("ticket_joined", payloads)

    @workflow.signal(name="ticket_changed", description="A ticket says: what it owes, its priority or bug changed.")
    @loose
    def ticket_changed(self, *payloads: RawValue) -> None:
        self._receive("ticket_changed", payloads)

    @workflow.signal(name="page_acknowledged", description="The pager says: somebody took the page.")
    @loose
    def page_acknowledged(self, *payloads: RawValue) -> None:
        self._receive("page_acknowledged", payloads)

    @workflow.signal(name="renew", description="Go on as a new run, with an empty history, as soon as that fits.")
    @loose
    def renew(self, *_payloads: RawValue) -> None:
        self._renew = True
        self.wake()

    @workflow.signal(dynamic=True)
    def unknown_signal(self, name: str, _payloads: Sequence[RawValue]) -> None:
        self._note_refusal(Refused("unknown_command", f"no signal {name[:40]!r}"), name)

    @workflow.query(name="incident", description="The incident as it stands.")
    def incident(self) -> Incident:
        return self.state

    def command(self, payload: Any, name: str | None) -> c.Command:
        """The command in a payload; an Update's own id is the command's, if it brings none."""
        command = parse(payload, name, c.BY_NAME)
        update = workflow.current_update_info()
        if command.id is None and update is not None:
            command = command.model_copy(update={"id": update.id})
        return command

    def rehearse(self, command: c.Command) -> None:
        """Do all that `give` would, on a copy."""
        if command.id not in self._answers:
            story = decide(self.state, command, workflow.now())
            rendering.attributes(story.incident)
            rendering.details(story.incident)

    def give(self, command: c.Command) -> IncidentAnswer:
        """Carry out a command; one that was given before gets its first answer."""
        if command.id in self._answers:
            return self._answers[command.id]
        story = decide(self.state, command, workflow.now())
        self._accept(story)
        answer = IncidentAnswer(
            incident=self.state.number,
            seq=self.state.seq,
            did=tuple(event.body.type for event in story.events),
            state=self.state.state,
            version=self.state.version,
            commander=self.state.commander,
        )
        if command.id is not None:
            self._answers[command.id] = answer
            while len(self._answers) > REMEMBERED:
                del self._answers[next(iter(self._answers))]
        return answer

    def _receive(self, name: str, payloads: tuple[RawValue, ...]) -> None:
        """A Signal has no answer: what cannot be read or does not fit stands on the timeline."""
        try:
            self.give(self.command(read(payloads), name))
        except Refused as refused:
            self._note_refusal(refused, name)

    def _note_refusal(self, refused: Refused, what: str) -> None:
        now = workflow.now()
        story = IncidentStory(self.state, max(self.state.as_of, now), now)
        settle(story, story.at, inclusive=False)
        story.record(MessageRefused(code=refused.code, what=what[:100]), texts={"message": refused.message[:1000]})
        self._accept(story)

    def _accept(self, story: IncidentStory) -> None:
        if story.events:
            self.state = story.incident
            self.unrecorded += story.events
            self.wake()

    def wake(self) -> None:
        self._awake = True

    def _settle(self) -> None:
        now = workflow.now()
        story = IncidentStory(self.state, now, now)
        settle(story, now)
        self._accept(story)

    def _publish(self) -> None:
        """One upsert for everything that changed; current details cost nothing."""
        if self._published is self.state:
            return
        self._published = self.state
        if updates := changes(workflow.info().typed_search_attributes, rendering.attributes(self.state)):
            workflow.upsert_search_attributes(updates)
        workflow.set_current_details(rendering.details(self.state))

    async def _continue_as_new(self) -> None:
        """Drain for a bounded time, then hand everything over. Effects keep their keys, so a repeat is harmless.

        Not while the next page is near: it would wait for the drain.
        """
        deadline = next_deadline(self.state)
        if deadline and deadline.at - workflow.now() < 2 * DRAIN:
            return
        with suppress(TimeoutError):
            await workflow.wait_condition(
                self._errands.at_rest, timeout=DRAIN, timeout_summary="Drain before continuing as new"
            )
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._errands.portable():
            carried = IncidentCarried(incident=self.state, unrecorded=tuple(self.unrecorded), answers=self._answers)
            workflow.continue_as_new(IncidentStart(carried=carried))
