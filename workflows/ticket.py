"""The durable shell of one ticket: it endures, the core decides.

Time comes from `workflow.now()`, rules from `domain/`, effects from `activities/`. Updates and Signals only move the
state; `run` does what follows from it.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

# Pure modules, loaded once for the process and not once for every ticket.
with workflow.unsafe.imports_passed_through():
    # By its full name: `from workflows import rendering` would load it in the sandbox all the same.
    import workflows.rendering as rendering
    from domain import commands as c
    from domain.decide import decide
    from domain.events import Event, MessageRefused
    from domain.evolve import fold
    from domain.refusal import Refused
    from domain.settle import next_timer, settle
    from domain.standing import sla_state
    from domain.story import Story
    from domain.ticket import Ticket
    from workflows.errands import Errands
    from workflows.messages import Answer, Carried, TicketEnd, TicketStart
    from workflows.rearm import RearmableTimer
    from workflows.updates import CommandUpdates, loose, read


DRAIN = timedelta(seconds=20)
"""How long continue-as-new waits for effects in flight; what is not done by then the successor takes up again."""
REMEMBERED = 32
"""How many answers are kept, so that a command that is sent again gets its first answer."""


@workflow.defn(name="TicketWorkflow")
class TicketWorkflow(CommandUpdates):
    """One ticket, from its opening until it is closed and everything that it caused is done."""

    @workflow.init
    def __init__(self, start: TicketStart) -> None:
        self._answers: dict[str, Answer] = {}
        self.unrecorded: list[Event] = []
        if start.carried:
            self.state = start.carried.ticket
            self.unrecorded = list(start.carried.unrecorded)
            self._answers = dict(start.carried.answers)
        else:
            if not start.opening:
                raise ApplicationError("a ticket starts with its opening events", non_retryable=True)
            self.state = fold(start.opening)
            self.unrecorded = [] if start.recorded else list(start.opening)
        self._published: Ticket | None = None
        self._awake = True
        self._renew = False
        self._timer = RearmableTimer(self.wake)
        self._errands = Errands(self)

    @workflow.run
    async def run(self, start: TicketStart) -> TicketEnd:
        while True:
            self._awake = False
            self._settle()
            self._publish()
            deadline = next_timer(self.state, effects=self._errands.alerts_by_timer)
            self._timer.arm(deadline.at if deadline else None, deadline.summary if deadline else "")
            self._errands.start()
            if self.state.closed and self._errands.idle():
                await workflow.wait_condition(workflow.all_handlers_finished)
                if not self._awake:
                    break
            if (self._renew or workflow.info().is_continue_as_new_suggested()) and self._errands.portable():
                await self._continue_as_new()
            await workflow.wait_condition(lambda: self._awake)
        sla = sla_state(self.state)
        return TicketEnd(ticket=self.state.id, seq=self.state.seq, status=self.state.status, sla=sla)

    @workflow.signal(
        name="advance",
        description='Any command as a Signal, for webhooks and bulk tools: {"do": "take", "by": "ada"}. '
        "What is refused stands on the timeline.",
    )
    @loose
    def advance(self, *payloads: RawValue) -> None:
        self._receive(None, payloads)

    @workflow.signal(name="jira_changed", description="Jira says: the linked issue changed.")
    @loose
    def jira_changed(self, *payloads: RawValue) -> None:
        self._receive("jira_changed", payloads)

    @workflow.signal(name="incident_changed", description="The incident says: its state changed.")
    @loose
    def incident_changed(self, *payloads: RawValue) -> None:
        self._receive("incident_changed", payloads)

    @workflow.signal(name="match_account", description="The ticket's account became known: its terms from now on.")
    @loose
    def match_account(self, *payloads: RawValue) -> None:
        self._receive("match_account", payloads)

    @workflow.signal(name="renew", description="Go on as a new run, with an empty history, as soon as that fits.")
    @loose
    def renew(self, *_payloads: RawValue) -> None:
        self._renew = True
        self.wake()

    @workflow.signal(dynamic=True)
    def unknown_signal(self, name: str, _payloads: Sequence[RawValue]) -> None:
        self._note_refusal(Refused("unknown_command", f"no signal {name[:40]!r}"), name)

    @workflow.query(name="ticket", description="The ticket as it stands, without its free text.")
    def ticket(self) -> Ticket:
        return self.state

    def command(self, payload: Any, name: str | None) -> c.Command:
        """The command in a payload; an Update's own id is the command's, if it brings none."""
        command = c.parse(payload, name)
        update = workflow.current_update_info()
        if command.id is None and update is not None:
            command = command.model_copy(update={"id": update.id})
        return command

    def rehearse(self, command: c.Command) -> None:
        """Do all that `give` would, on a copy."""
        if command.id not in self._answers:
            story = decide(self.state, command, workflow.now())
            rendering.attributes(story.ticket)
            rendering.details(story.ticket)

    def give(self, command: c.Command) -> Answer:
        """Carry out a command; one that was given before gets its first answer."""
        if command.id in self._answers:
            return self._answers[command.id]
        story = decide(self.state, command, workflow.now())
        self._accept(story)
        answer = Answer(
            ticket=self.state.id,
            seq=self.state.seq,
            did=tuple(event.body.type for event in story.events),
            status=self.state.status,
            tier=self.state.tier,
            assignee=self.state.assignee,
            waits_on=self.state.waits_on,
            sla=sla_state(self.state),
        )
        if command.id is not None:
            self._answers[command.id] = answer
            while len(self._answers) > REMEMBERED:
                del self._answers[next(iter(self._answers))]
        return answer

    def _receive(self, name: str | None, payloads: tuple[RawValue, ...]) -> None:
        """A Signal has no answer: what cannot be read or does not fit stands on the timeline."""
        try:
            self.give(self.command(read(payloads), name))
        except Refused as refused:
            self._note_refusal(refused, name or "advance")

    def _note_refusal(self, refused: Refused, what: str) -> None:
        story = Story(self.state, max(self.state.as_of, workflow.now()), workflow.now())
        settle(story, story.at, inclusive=False)
        body = MessageRefused(code=refused.code, what=what[:100], missing=tuple(refused.missing))
        story.record(body, texts={"message": refused.message[:1000]})
        self._accept(story)

    def _accept(self, story: Story) -> None:
        if story.events:
            self.state = story.ticket
            self.unrecorded += story.events
            self.wake()

    def wake(self) -> None:
        self._awake = True

    def _settle(self) -> None:
        story = Story(self.state, workflow.now(), workflow.now())
        settle(story, workflow.now())
        self._accept(story)

    def _publish(self) -> None:
        """One upsert for everything that changed; current details cost nothing."""
        if self._published is self.state:
            return
        self._published = self.state
        known = workflow.info().typed_search_attributes
        if changes := rendering.changes(known, rendering.attributes(self.state)):
            workflow.upsert_search_attributes(changes)
        workflow.set_current_details(rendering.details(self.state))

    async def _continue_as_new(self) -> None:
        """Drain for a bounded time, then hand everything over. Effects keep their keys, so a repeat is harmless."""
        with suppress(TimeoutError):
            await workflow.wait_condition(
                self._errands.at_rest,
                timeout=DRAIN,
                timeout_summary="Drain before continuing as new",
            )
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._errands.portable():
            carried = Carried(ticket=self.state, unrecorded=tuple(self.unrecorded), answers=self._answers)
            workflow.continue_as_new(TicketStart(carried=carried))
