"""The durable shell of every noun, of tickets and of incidents: it endures, the core decides.

A workflow names its `Aggregate`, which says what a command leads to and what lapses. Updates and Signals only move the
state; `live` does what follows from it.

**Why an answer leaves a command behind.** When two workflow tasks in a row have led to no command and an Update comes
next, a worker that does not have the workflow in its cache takes the second for a heartbeat: it gets what that task
brought (the answer of an activity, the timer) together with the Update, and the Update first, since the SDK runs the
handlers of messages before all else. Every later replay gets them one after the other, as the accepted Update says
where it came (temporalio/sdk-rust issue 1146, seen with sdk-python 1.35). So the same history is played in two orders,
and both must come to the same commands and to the same events:

- An answer that moves the state leaves a command behind, whatever else follows (`force_command`): it is never taken
  for a heartbeat. Else the sequence of events, and with it the keys of effects, would depend on who plays.
- The answer of the journal decides nothing, and is spared that: one event for nearly every other would be dear. So what
  an Update leads to must not depend on whether it has come. Hence the order in `live`, with the journal last, and
  nothing begun before a drain; and an effect that need not wait does not even yield before its activity.

`tests/workflow/test_replayed_each_time.py` plays each of these in both orders.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

from temporalio import workflow
from temporalio.common import RawValue

with workflow.unsafe.imports_passed_through():
    from domain.aggregate.aggregate import Aggregate, Recording
    from domain.aggregate.command import Command
    from domain.aggregate.deadline import Deadline
    from domain.aggregate.event import Envelope, State
    from domain.core.refusal import Refused
    from domain.core.size import check_size
    from domain.core.values import Frozen
    from workflows.build_in_use import to_build_in_use
    from workflows.effect_runner import EffectRunner
    from workflows.handlers import decode, takes_raw_payload
    from workflows.known_ids import KnownIds
    from workflows.messages import AnyCarried
    from workflows.search_attributes import Attributes, changes
    from workflows.timer import RearmableTimer

DRAIN = timedelta(seconds=20)
"""How long continue-as-new waits for effects in flight; what is not done by then the successor takes up again."""
REMEMBERED = 32
"""How many answers are kept, so that a command that is sent again gets its first answer. Older ones the journal has."""
SIGNALS_AT_ONCE = 200
"""How many Signals one workflow task takes up. The SDK gives up a task whose code runs for two seconds without an end,
and would try the same again for ever. What is beyond waits for further tasks of its own."""
TURN = timedelta(milliseconds=1)
"""The timer that brings about the next of these tasks."""

S = TypeVar("S", bound=State)
Event = TypeVar("Event", bound=Envelope)
Answer = TypeVar("Answer", bound=Frozen)


class _Foreseen(NamedTuple, Generic[S]):
    """What the validator of an Update found, until it is carried out and shown.

    A replay runs no validators, and decides anew: the same, since a decision depends on nothing else than what is
    compared here.
    """

    before: S
    command: Command
    at: datetime
    recording: Recording[S]
    ui_state: tuple[Attributes, str]


class Shell(Generic[S, Event, Answer]):
    """One state and its events: moved by messages, answers and the timer, journalled, and carried from run to run."""

    aggregate: ClassVar[Aggregate[Any]]
    """What the workflow is of: it says what commands lead to, what lapses, and when all is over."""
    effects: EffectRunner[Any]

    def __init__(
        self, state: S, unrecorded: Sequence[Event] = (), carried: AnyCarried[Event, Answer] | None = None
    ) -> None:
        """`unrecorded` are events that the journal does not have yet, `carried` is what the previous run hands over."""
        self.state = state
        self.unrecorded = list(carried.unrecorded if carried else unrecorded)
        self.answers: dict[str, Answer] = dict(carried.answers) if carried else {}
        self.known_ids = KnownIds(carried.given if carried else "", self.answers)
        self._waiting: deque[Callable[[], None]] = deque()
        """Signals whose turn has not come, in their order."""
        self._task_and_signals = (-1, 0)
        """The length of the history in this workflow task, and how many Signals it has taken up."""
        self._published: S | None = None
        self._foreseen: _Foreseen[S] | None = None
        self._awake = True
        self._renew = False
        self._begun_at = state.seq
        self._draining = False
        self._asked_to_stop = False
        self._broken: BaseException | None = None
        self._timer = RearmableTimer(self._ring)

    # -- What each noun adds -----------------------------------------------------------------------------------------

    def answer(self, events: Sequence[Event]) -> Answer:
        """Return the answer to a command that led to `events`."""
        raise NotImplementedError

    def ui_state(self, state: S) -> tuple[Attributes, str]:
        """Return what ops see of `state` in the Temporal UI: search attributes and current details."""
        raise NotImplementedError

    def successor(self) -> Any:
        """Return the input of the next run."""
        raise NotImplementedError

    def carried(self) -> dict[str, Any]:
        """Return what is handed to the next run beside the state, by the fields of `AnyCarried`."""
        return {"unrecorded": tuple(self.unrecorded), "answers": self.answers, "given": self.known_ids.packed()}

    def deadline(self) -> Deadline | None:
        """Return the next deadline that needs the timer."""
        return self.aggregate.next_deadline(self.state)

    def may_pause(self) -> bool:
        """Tell whether now is a time for continue-as-new, which may take as long as the drain."""
        return True

    def check_room(self, command: Any) -> None:
        """Refuse a command that would add to more effects than may wait. Raises Refused."""

    # -- Living ------------------------------------------------------------------------------------------------------

    async def live(self) -> None:
        """Do what follows from the state, whenever it has moved, until all is over.

        A request to cancel the workflow, which is one click in the Temporal UI, is refused: what is on record would go
        on without its clocks, and pending effects would be lost.
        """
        while True:
            try:
                return await self._live()
            except asyncio.CancelledError:
                if self._asked_to_stop or workflow.cancellation_reason() is None:  # the worker lets go of it
                    raise
                self._asked_to_stop = True
                refused = Refused("does_not_fit", "cancelling the workflow ends nothing: commands do")
                self._refuse(refused, "cancel")
                self.force_command()

    async def _live(self) -> None:
        while True:
            self._awake = self._draining = False
            self._settle()
            self._publish()
            if self._due_for_renewal():
                await self._continue_as_new()
            deadline = self.deadline()
            self._timer.arm(deadline.at if deadline else None, deadline.summary if deadline else "")
            self.effects.start()
            self.effects.journal.start()  # last: it may have to wait, or not, and the order of commands is to be one
            if self._over() and not self._waiting:
                await workflow.wait_condition(workflow.all_handlers_finished)
                if not self._awake:
                    return
            await workflow.wait_condition(lambda: self._awake)
            if self._broken:  # a bug: it stops the workflow task, and heals when fixed code is deployed
                raise RuntimeError(f"an effect broke off: {self._broken!r}") from self._broken

    def wake(self) -> None:
        """Let `live` look at the state again."""
        self._awake = True

    def force_command(self) -> None:
        """Make sure that this workflow task emits a command; call it when an activity's result or the timer moved the
        state. So the task is never mistaken for a heartbeat: the module's docstring says why that matters.

        The next batch of the journal is a command, unless it must wait or there is none: then it is a memo.
        """
        if self.effects.journal.busy or self._draining or not self.unrecorded:
            workflow.upsert_memo({"answered": self.state.seq})
        self.wake()

    def watch(self, task: asyncio.Task[None]) -> None:
        """Have `live` raise what breaks `task` off. Nobody awaits an effect's task, so a bug in one would be lost, and
        what the task was to do with it."""
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            self._broken = error
            self.wake()

    def _ring(self) -> None:
        self._settle()
        self.force_command()

    def _settle(self) -> None:
        self._accept(self.aggregate.settle(self.state, workflow.now()))

    def _refuse(self, refused: Refused, what: str) -> None:
        """Put it on the timeline that the message `what`, which has no answer, was refused."""
        self._accept(self.aggregate.refuse(self.state, refused, what, workflow.now()))

    def _accept(self, recording: Recording[S]) -> None:
        if recording.events:
            self.state = recording.state
            self.unrecorded += recording.events
            self.wake()

    def _over(self) -> bool:
        """Tell whether nothing can happen any more, and everything that was caused is done."""
        return self.aggregate.ended(self.state) and self.effects.finished()

    def _publish(self) -> None:
        """Show the state in the UI: one upsert for everything that changed; current details cost nothing."""
        if self._published is self.state:
            return
        self._published = self.state
        foreseen, self._foreseen = self._foreseen, None
        if foreseen and foreseen.recording.state is self.state:
            attributes, details = foreseen.ui_state
        else:
            attributes, details = self.ui_state(self.state)
        if updates := changes(workflow.info().typed_search_attributes, attributes):
            workflow.upsert_search_attributes(updates)
        workflow.set_current_details(details)

    def _due_for_renewal(self) -> bool:
        wanted = self._renew or workflow.info().is_continue_as_new_suggested() or self._may_move()
        return (
            wanted and not self._over() and not self._waiting and self.effects.journal.portable() and self.may_pause()
        )

    def _may_move(self) -> bool:
        """Tell whether another build of the workers is in use, and now is a quiet moment to move there.

        Once for each run, and only after something has happened in it: where Temporal keeps the workflow on its build
        all the same, it does not start anew for ever.
        """
        return (
            workflow.info().is_target_worker_deployment_version_changed()
            and self.effects.finished()
            and self.state.seq > self._begun_at
        )

    async def _continue_as_new(self) -> None:
        """Drain for a bounded time, then hand everything over. Effects keep their keys, so a repeat is harmless.

        Nothing is begun before: what has just come about is the successor's, not journalled events included.
        """
        self._draining = True
        with suppress(TimeoutError):
            await workflow.wait_condition(
                self.effects.quiescent, timeout=DRAIN, timeout_summary="Drain before continuing as new"
            )
        await workflow.wait_condition(workflow.all_handlers_finished)
        if not self._waiting and self.effects.journal.portable():
            workflow.continue_as_new(self.successor(), initial_versioning_behavior=to_build_in_use())
        self._draining = False

    # -- Messages ----------------------------------------------------------------------------------------------------

    @workflow.signal(name="renew", description="Go on as a new run, with an empty history, as soon as that fits.")
    @takes_raw_payload
    def renew(self, *_payloads: RawValue) -> None:
        self._renew = True
        self.wake()

    @workflow.signal(dynamic=True)
    def unknown_signal(self, name: str, _payloads: Sequence[RawValue]) -> None:
        unknown = Refused("unknown_command", f"no signal {name[:40]!r}")
        self._in_turn(lambda: self._refuse(unknown, name))

    def command(self, payload: Any, name: str | None) -> Command:
        """Return the command in a payload; an Update's own id is the command's, if it brings none. Raises Refused."""
        command = self.aggregate.parse(payload, name, recorded=True)
        update = workflow.current_update_info()
        if command.id is None and update is not None:
            command = command.model_copy(update={"id": update.id})
        return command

    def validate(self, payload: Any, name: str | None) -> None:
        """Refuse an Update that is not admitted, and do all that `apply` would, on a copy. Raises Refused."""
        check_size(payload)
        command = self.command(payload, name)
        self.admit(command)
        if command.id not in self.answers:
            recording = self._decide(command)
            ui_state = self.ui_state(recording.state)
            self._foreseen = _Foreseen(self.state, command, workflow.now(), recording, ui_state)

    def admit(self, command: Command) -> None:
        """Refuse a command that came before under its id, or that there is no room for. Raises Refused.

        This comes before a command is recorded, and nothing that is in a history depends on it: what was admitted once
        is carried out whenever it is replayed.
        """
        if self.known_ids.differs(command):
            raise Refused("conflict", "this id came with another command before: give each command an id of its own")
        if command.id in self.answers:
            return
        if self.known_ids.knows(command):
            raise Refused("given_before", "this was carried out before: the journal has what it did")
        self.check_room(command)

    def _decide(self, command: Command) -> Recording[S]:
        """Return what a command leads to; what was just decided of the same in `validate` is not decided twice."""
        foreseen, now = self._foreseen, workflow.now()
        if foreseen and foreseen.before is self.state and foreseen.at == now and foreseen.command == command:
            return foreseen.recording
        return self.aggregate.decide(self.state, command, now)

    def apply(self, command: Command) -> Answer:
        """Carry out a command; one that came before under its id gets its first answer. Raises Refused."""
        if command.id in self.answers:
            return self.answers[command.id]
        recording = self._decide(command)
        self._accept(recording)
        answer = self.answer(recording.events)
        if command.id is not None:
            self.known_ids.add(command)
            self.answers[command.id] = answer
            while len(self.answers) > REMEMBERED:
                del self.answers[next(iter(self.answers))]
        return answer

    def receive(self, name: str | None, payloads: tuple[RawValue, ...]) -> None:
        """Take a Signal. It has no answer: what cannot be read or does not fit stands on the timeline."""
        self._in_turn(lambda: self._apply_signal(name, lambda: decode(payloads)))

    def receive_facts(self, payloads: tuple[RawValue, ...]) -> None:
        """Take a Signal that brings a list of facts, each as a Signal of its own under its name would bring it."""
        try:
            facts = decode(payloads)
            if not isinstance(facts, list):
                raise Refused("malformed", f"a list of facts is expected, not {type(facts).__name__}")
        except Refused as refused:
            self._in_turn(partial(self._refuse, refused, "facts"))
            return
        for fact in facts:
            self._in_turn(partial(self._apply_fact, fact))

    def _apply_fact(self, fact: Any) -> None:
        name = fact.get("do") if isinstance(fact, dict) else None
        if name in self.aggregate.facts:
            self._apply_signal(name, lambda: fact)
        else:
            self._refuse(Refused("unknown_command", f"no fact {str(name)[:40]!r}"), "facts")

    def _apply_signal(self, name: str | None, read: Callable[[], Any]) -> None:
        try:
            payload = read()
            command = self.command(payload, name)
            # What Tierline's own parts report, each under a name, repeats its id with news.
            refused = self._not_admitted(payload, command) if name is None else None
            if refused and workflow.patched("signals-admitted"):  # before, such Signals were carried out
                if refused.code == "given_before":
                    return
                raise refused
            self.apply(command)
        except Refused as refused:
            self._refuse(refused, name or "advance")

    def _not_admitted(self, payload: Any, command: Command) -> Refused | None:
        try:
            check_size(payload)
            self.admit(command)
        except Refused as refused:
            return refused
        return None

    def _in_turn(self, take_up: Callable[[], None]) -> None:
        """Take up a Signal at once, or after those that wait already, where this workflow task has had its share.

        Signals keep their order among themselves. An Update does not wait for them: whoever gave it needs an answer.
        """
        length = workflow.info().get_current_history_length()
        task, signals = self._task_and_signals
        signals = signals + 1 if task == length else 1
        self._task_and_signals = (length, signals)
        if self._waiting or (signals > SIGNALS_AT_ONCE and workflow.patched("signals-in-turn")):
            self._waiting.append(take_up)
            if len(self._waiting) == 1:
                self.watch(asyncio.create_task(self._catch_up()))
        else:
            take_up()

    async def _catch_up(self) -> None:
        """Take up the Signals that wait, some in each workflow task. (Whoever is taken up still counts as waiting, so
        that one that comes meanwhile stays behind.)"""
        while self._waiting:
            await workflow.sleep(TURN, summary=f"{len(self._waiting)} Signals wait for their turn")
            for _ in range(min(SIGNALS_AT_ONCE, len(self._waiting))):
                self._waiting[0]()
                self._waiting.popleft()
            self.force_command()
