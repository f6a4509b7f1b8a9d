"""The effect runner of every noun: it has events journalled, and pending effects carried out as activities."""

import asyncio
from collections import Counter
from typing import Any, ClassVar, Generic, NamedTuple, Protocol, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    import workflows.journal_writer as journal_writer
    from domain.aggregate.command import Command
    from domain.aggregate.effect import Effect
    from domain.core.enums import Role

E = TypeVar("E", bound=Effect)


class Host(journal_writer.Host, Protocol):
    """The workflow that effects are run for."""

    state: Any

    def apply(self, command: Any) -> Any: ...
    def force_command(self) -> None: ...


class Lane(NamedTuple):
    """Effects of which only some are under way at once; the others wait in their order."""

    name: str
    at_once: int
    patch: str = ""
    """The patch that the bound came with: a history from before may have more under way."""


class EffectRunner(Generic[E]):
    """Activities under way for one workflow, which waits for none of them."""

    failed: ClassVar[type[Command]]
    """The command that reports an effect as refused for good."""
    lanes: ClassVar[dict[str, Lane]] = {}
    """Kind of effect -> its lane. Effects without one are begun at once."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._under_way: dict[str, tuple[Any, asyncio.Task[None]]] = {}
        """Key of an effect -> the effect as it was begun, and the task that is at it; the oldest first."""
        self.journal = journal_writer.JournalWriter(host, self._record)

    # -- What each noun adds -----------------------------------------------------------------------------------------

    async def _record(self, batch: tuple[Any, ...], summary: str) -> None:
        """Have a batch of events journalled."""
        raise NotImplementedError

    async def _outcome(self, effect: E) -> Command:
        """See an effect through, and return the report of it. Raises ActivityError if it is refused for good."""
        raise NotImplementedError

    def _ready(self, effect: E) -> bool:
        """Tell whether what an effect needs is there."""
        return True

    # -- Running -----------------------------------------------------------------------------------------------------

    def quiescent(self) -> bool:
        """Tell whether nothing is under way."""
        return not self._under_way and not self.journal.busy

    def finished(self) -> bool:
        """Tell whether nothing is under way, and all is journalled."""
        return self.quiescent() and not self._host.unrecorded

    def start(self) -> None:
        """Begin the pending effects that are not under way, that may begin, and that their lane has room for."""
        busy = Counter(self._lane_name(effect) for effect, _ in self._under_way.values())
        for effect in self._host.state.pending_effects:
            if effect.failed or effect.key in self._under_way or self._full(effect, busy) or not self._ready(effect):
                continue
            task = asyncio.create_task(self._carry_out(effect))
            self._under_way[effect.key] = (effect, task)
            self._host.watch(task)
            busy[self._lane_name(effect)] += 1

    def _lane_name(self, effect: E) -> str:
        lane = self.lanes.get(effect.kind)
        return lane.name if lane else ""

    def _full(self, effect: E, busy: Counter[str]) -> bool:
        lane = self.lanes.get(effect.kind)
        if lane is None or busy[lane.name] < lane.at_once:
            return False
        return not lane.patch or workflow.patched(lane.patch)

    async def _carry_out(self, effect: E) -> None:
        """See an effect through, and report it to the workflow; one that was called off is not reported."""
        report: Command | None = None
        try:
            report = await self._outcome(effect)
        except ActivityError as error:
            if not is_cancelled_exception(error):
                reason = getattr(error.cause, "message", "") or str(error.cause)
                report = self._report(self.failed, effect, reason=reason[:1000])
        del self._under_way[effect.key]
        if report:
            self._host.apply(report)
        self._host.force_command()

    def _report(self, kind: type[Command], effect: E, **found: Any) -> Command:
        """Make the command by which Tierline reports how an effect went, with what was found by it."""
        return kind.model_validate({"by": "tierline", "role": Role.SYSTEM, "key": effect.key, **found})
