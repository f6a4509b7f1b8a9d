"""The durable shell of one ticket: it endures, the core decides.

Time comes from `workflow.now()`, rules from `domain/`, effects from `activities/`. Updates and Signals only move the
state; `run` does what follows from it.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import accumulate
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError, ApplicationError

# Pure modules, loaded once for the process and not once for every ticket.
with workflow.unsafe.imports_passed_through():
    # By their full names: `from workflows import ports` would load them in the sandbox all the same.
    import workflows.ports as ports
    import workflows.rendering as rendering
    from domain import commands as c
    from domain.decide import decide
    from domain.events import Event, MessageRefused
    from domain.evolve import fold
    from domain.refusal import Refused
    from domain.settle import next_timer, settle
    from domain.standing import sla_state
    from domain.story import Story
    from domain.ticket import Effect, Ticket
    from domain.words import Role
    from workflows.messages import Answer, Carried, TicketEnd, TicketStart
    from workflows.rearm import RearmableTimer
    from workflows.updates import CommandUpdates, loose, read


DRAIN = timedelta(seconds=20)
"""How long continue-as-new waits for effects in flight; what is not done by then the successor takes up again."""
REMEMBERED = 32
"""How many answers are kept, so that a command that is sent again gets its first answer."""
BATCH = 250_000
"""Characters that are journalled, or carried over, at once. Temporal stops a workflow at a payload of 2 MB, and a
character may take six bytes of JSON."""
AN_EVENT = 5_000
"""What an event counts for without its texts."""


@workflow.defn(name="TicketWorkflow")
class TicketWorkflow(CommandUpdates):
    """One ticket, from its opening until it is closed and everything that it caused is done."""

    @workflow.init
    def __init__(self, start: TicketStart) -> None:
        self._answers: dict[str, Answer] = {}
        self._unrecorded: list[Event] = []
        if start.carried:
            self._ticket = start.carried.ticket
            self._unrecorded = list(start.carried.unrecorded)
            self._answers = dict(start.carried.answers)
        else:
            if not start.opening:
                raise ApplicationError("a ticket starts with its opening events", non_retryable=True)
            self._ticket = fold(start.opening)
            self._unrecorded = [] if start.recorded else list(start.opening)
        self._published: Ticket | None = None
        self._awake = True
        self._timer = RearmableTimer(self._wake)
        self._effects: dict[str, asyncio.Task[None]] = {}
        self._recording: asyncio.Task[None] | None = None
        self._alerts_by_timer = False

    @workflow.run
    async def run(self, start: TicketStart) -> TicketEnd:
        while True:
            self._awake = False
            self._settle()
            self._publish()
            self._start_effects()
            if self._ticket.closed and self._idle():
                await workflow.wait_condition(workflow.all_handlers_finished)
                if not self._awake:
                    break
            if workflow.info().is_continue_as_new_suggested() and self._portable():
                await self._continue_as_new()
            deadline = next_timer(self._ticket, effects=self._alerts_by_timer)
            self._timer.arm(deadline.at if deadline else None, deadline.summary if deadline else "")
            await workflow.wait_condition(lambda: self._awake)
        sla = sla_state(self._ticket)
        return TicketEnd(ticket=self._ticket.id, seq=self._ticket.seq, status=self._ticket.status, sla=sla)

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

    @workflow.signal(dynamic=True)
    def unknown_signal(self, name: str, _payloads: Sequence[RawValue]) -> None:
        self._note_refusal(Refused("unknown_command", f"no signal {name[:40]!r}"), name)

    @workflow.query(name="ticket", description="The ticket as it stands, without its free text.")
    def ticket(self) -> Ticket:
        return self._ticket

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
            story = decide(self._ticket, command, workflow.now())
            rendering.attributes(story.ticket)
            rendering.details(story.ticket)

    def give(self, command: c.Command) -> Answer:
        """Carry out a command; one that was given before gets its first answer."""
        if command.id in self._answers:
            return self._answers[command.id]
        story = decide(self._ticket, command, workflow.now())
        self._accept(story)
        answer = Answer(
            ticket=self._ticket.id,
            seq=self._ticket.seq,
            did=tuple(event.body.type for event in story.events),
            status=self._ticket.status,
            tier=self._ticket.tier,
            assignee=self._ticket.assignee,
            waits_on=self._ticket.waits_on,
            sla=sla_state(self._ticket),
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
        story = Story(self._ticket, max(self._ticket.as_of, workflow.now()), workflow.now())
        settle(story, story.at, inclusive=False)
        body = MessageRefused(code=refused.code, what=what[:100], missing=tuple(refused.missing))
        story.record(body, texts={"message": refused.message[:1000]})
        self._accept(story)

    def _accept(self, story: Story) -> None:
        if story.events:
            self._ticket = story.ticket
            self._unrecorded += story.events
            self._wake()

    def _wake(self) -> None:
        self._awake = True

    def _settle(self) -> None:
        story = Story(self._ticket, workflow.now(), workflow.now())
        settle(story, workflow.now())
        self._accept(story)

    def _publish(self) -> None:
        """One upsert for everything that changed; current details cost nothing."""
        if self._published is self._ticket:
            return
        self._published = self._ticket
        known = workflow.info().typed_search_attributes
        if changes := rendering.changes(known, rendering.attributes(self._ticket)):
            workflow.upsert_search_attributes(changes)
        workflow.set_current_details(rendering.details(self._ticket))

    def _start_effects(self) -> None:
        """Start what is outstanding and not under way. Nothing here is waited for: effects never block a ticket."""
        if self._unrecorded and self._recording is None:
            self._recording = asyncio.create_task(self._record())
        for effect in self._ticket.undone:
            if not effect.failed and effect.key not in self._effects:
                self._effects[effect.key] = asyncio.create_task(self._carry_out(effect))

    def _batch(self) -> tuple[Event, ...]:
        """As many of the oldest events as fit together; one always does."""
        sizes = (AN_EVENT + sum(map(len, event.texts.values())) for event in self._unrecorded)
        fitting = sum(total <= BATCH for total in accumulate(sizes))
        return tuple(self._unrecorded[: max(1, fitting)])

    async def _record(self) -> None:
        batch = self._batch()
        request = ports.JournalRequest(ticket_id=self._ticket.id, run_id=workflow.info().run_id, events=batch)
        summary = f"Journal {', '.join(event.body.type for event in batch)}"
        await self._until_done(ports.RECORD_EVENTS, request, summary[:200])
        del self._unrecorded[: len(batch)]
        self._recording = None
        self._wake()

    async def _carry_out(self, effect: Effect) -> None:
        """See an effect through, and tell the ticket."""
        done: c.Command
        try:
            done = await self._outcome(effect)
        except ActivityError as error:
            reason = getattr(error.cause, "message", "")[:1000]
            done = c.EffectFailed(by="tierline", role=Role.SYSTEM, key=effect.key, reason=reason)
        del self._effects[effect.key]
        self.give(done)
        self._wake()

    async def _until_done(
        self, port: ports.Port[ports.Request, ports.Result], request: ports.Request, summary: str
    ) -> ports.Result:
        """An activity that is tried until it is done. Raises ActivityError if the other side refuses it for good.

        F5: that an effect is outstanding for too long is noticed by the time-out of the activity that it waits for,
        which costs nothing: a timer would be armed and cancelled for every effect that goes well. But Temporal gives
        up as soon as the next attempt would come too late. From then on the one timer rings for effects as well.
        """
        while True:
            try:
                return await port(request, summary, None if self._alerts_by_timer else self._until_alert())
            except ActivityError as error:
                if isinstance(error.cause, ApplicationError) and error.cause.non_retryable:
                    raise
                self._alerts_by_timer = True
                self._wake()

    def _until_alert(self) -> timedelta | None:
        """How long from now until ops must be told that an effect is outstanding, at the earliest: one may come about
        right now, and wait for the journal. None if that instant has passed."""
        since = (effect.since for effect in self._ticket.undone if not effect.alerted and not effect.failed)
        left = min(since, default=workflow.now()) + self._ticket.terms.limits.effect_alert - workflow.now()
        return left if left > timedelta(0) else None

    async def _outcome(self, effect: Effect) -> c.EffectDone:
        ticket = self._ticket
        if effect.kind in ("jira_bug", "jira_request"):
            # The report is built from the journal, so the escalation must stand there first.
            await workflow.wait_condition(lambda: not self._unrecorded or self._unrecorded[0].seq > effect.seq)
            kind = "bug" if effect.kind == "jira_bug" else "request"
            issue = await self._until_done(
                ports.CREATE_JIRA_ISSUE,
                ports.JiraRequest(ticket_id=ticket.id, effect_key=effect.key, kind=kind, seq=effect.seq),
                f"Jira {kind} for {ticket.id}",
            )
            return c.EffectDone(by="tierline", role=Role.SYSTEM, key=effect.key, jira_key=issue.key, jira_url=issue.url)
        if effect.kind == "terms":
            renewal = ports.RenewRequest(account=ticket.account, at=workflow.now())
            renewed = await self._until_done(ports.RENEW_CALENDAR, renewal, "Look further ahead in the calendar")
            return c.EffectDone(by="tierline", role=Role.SYSTEM, key=effect.key, calendar=renewed.calendar)
        request = ports.IncidentRequest(
            ticket_id=ticket.id,
            effect_key=effect.key,
            product_area=ticket.product_area,
            priority=ticket.priority,
            only_if_open=effect.kind == "incident_if_open",
        )
        area = ticket.product_area or "the service"
        joined = await self._until_done(ports.JOIN_INCIDENT, request, f"Open or join the incident in {area}")
        return c.EffectDone(by="tierline", role=Role.SYSTEM, key=effect.key, incident=joined.number)

    def _idle(self) -> bool:
        return not self._unrecorded and not self._effects and self._recording is None

    async def _continue_as_new(self) -> None:
        """Drain for a bounded time, then hand everything over. Effects keep their keys, so a repeat is harmless."""
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: not self._effects and self._recording is None,
                timeout=DRAIN,
                timeout_summary="Drain before continuing as new",
            )
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._portable():
            carried = Carried(ticket=self._ticket, unrecorded=tuple(self._unrecorded), answers=self._answers)
            workflow.continue_as_new(TicketStart(carried=carried))

    def _portable(self) -> bool:
        """Whether all that is not journalled yet fits into what is handed over. If not, the journal comes first."""
        return len(self._batch()) == len(self._unrecorded)
