"""A recorded incident, turned into the commands that would have led a ticket along the same way.

What was recorded becomes a command, and nothing else does. Where a gate needs words that the log does not have (a
hand-off package, a question, the record of a resolution), they are given at the recorded hand-over only, inside that
very command, and say `NOT_RECORDED`. The choices:

- **Priority** from the impact. Major is P1 and not P0: these incidents were handled by hand, and a P0 would page
  and leave Tier 1 by itself (G6).
- **Line changes** are `escalate` and `return`. A ticket begins in Tier 1, so one that the log begins higher goes
  up in its first instant. 3 to 1 is two returns; 1 to 3 goes by way of Tier 2 in the same instant where G5 does
  not allow it directly. A team whose line the log does not say keeps the ticket's tier.
- **On Free** every hand-over is a lead's, with the reason not recorded: otherwise it would end at the first (G7).
- **In Progress** by somebody else than the holder is `take`. The automatic account takes nothing.
- **Wait - User** is `wait`; leaving it is the customer's `reply`, unless it is completed: then `resolve` ends the
  waiting, and no reply is made up. The other waits are not on the customer and stop nothing (C6).
- **Completed** is `resolve`, the first of a row (the log closes days after it resolves); Cancelled is won't fix.
  What is not completed after that is `reopen`, and a change of line meanwhile comes with it.
- **Closed** is `close` only where the log ends with it: it reopens closed incidents, Tierline never does (C10).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from domain.core.enums import Plan, Priority, Tier
from integrations.recorded.log import Impact, Recorded, RecordedEvent, State

SOURCE = "recorded"
"""The source of the tickets: with the incident's id it makes the ticket's."""
NOT_RECORDED = "not recorded in the source log"
AUTOMATIC = "system"
"""The log's automatic account."""

PRIORITIES = {
    Impact.MAJOR: Priority.P1,
    Impact.HIGH: Priority.P1,
    Impact.MEDIUM: Priority.P2,
    Impact.LOW: Priority.P3,
}

_FOR_T2: dict[str, Any] = dict.fromkeys(
    ("steps_taken", "customer_impact", "reproduction_steps", "logs_or_screenshots"), NOT_RECORDED
)
_FOR_T3: dict[str, Any] = {
    # That the code must change is what handing it to the third line says.
    "bug_report": dict.fromkeys(("summary", "steps", "expected", "actual", "environment", "frequency"), NOT_RECORDED)
    | {"code_change": True},
    "business_impact": {"text": NOT_RECORDED, "arr": "unknown"},
    "workaround_status": NOT_RECORDED,
    "communication_plan": NOT_RECORDED,
}
_SOLVED = {"resolution": "solved"} | dict.fromkeys(
    ("message", "what_was_done", "root_cause", "kb_reason"), NOT_RECORDED
)
_CANCELLED = {"resolution": "wont_fix", "customer_reason": NOT_RECORDED, "message": NOT_RECORDED}

_TIERS = {1: Tier.T1, 2: Tier.T2, 3: Tier.T3}
_LINES = {tier: line for line, tier in _TIERS.items()}


class Step(NamedTuple):
    """One command, as the loose payload that every way in takes, and when it was given."""

    at: datetime
    payload: dict[str, Any]


@dataclass(frozen=True)
class Script:
    """A recorded incident as commands. How it is run, and on which clock, is for others."""

    opening: dict[str, Any]
    """The ticket's opening, as the loose payload that the service takes."""
    opened_at: datetime
    steps: tuple[Step, ...]
    """In order of time; those of one instant in the order in which they happen."""
    until: datetime
    """The last recorded instant. What becomes of a ticket after it is not known."""


def commands(recorded: Recorded, plan: Plan, shift: timedelta = timedelta(0)) -> Script:
    """Return the incident as commands for a customer on `plan`, every time moved by `shift`."""
    writer = _Writer(recorded, plan, shift)
    for event in recorded.events:
        writer.add(event)
    writer.close()
    return Script(
        opening=_opening(recorded, plan),
        opened_at=recorded.opened_at + shift,
        steps=tuple(writer.steps),
        until=(recorded.closed_at or recorded.events[-1].at) + shift,
    )


def weeks_until(at: datetime, now: datetime) -> timedelta:
    """Return the whole weeks by which `at` is moved to the first such instant at or after `now`.

    Weekday and time of day, in UTC, stay as they were: support hours see the same load. By local time it may be
    an hour off, where the two dates lie on different sides of a change to summer time.
    """
    week = timedelta(weeks=1)
    return -((at - now) // week) * week


def _opening(recorded: Recorded, plan: Plan) -> dict[str, Any]:
    country = recorded.country.lower()
    return {
        "source": SOURCE,
        "external_id": recorded.id,
        "channel": "phone" if State.IN_CALL in {event.state for event in recorded.events} else "email",
        "account": {"id": SOURCE, "plan": plan.value},
        "category": "bug",
        "priority": PRIORITIES[recorded.impact].value,
        "product_area": recorded.product,
        "tags": [f"country:{country}"] if country.isalpha() else [],
        "subject": f"Recorded incident {recorded.id}",
        "description": NOT_RECORDED,
    }


@dataclass
class _Writer:
    """Follows one incident, and keeps where the ticket stands by then."""

    recorded: Recorded
    plan: Plan
    shift: timedelta
    steps: list[Step] = field(default_factory=list)
    tier: Tier = Tier.T1
    holder: str | None = None
    waiting: bool = False
    resolved: bool = False

    def add(self, event: RecordedEvent) -> None:
        if self.resolved and event.state.completed:
            return  # resolved once; Closed, and what follows it, is for `close`
        if self.waiting and not event.state.completed and event.state is not State.WAIT_USER:
            self._add(event, "reply", by="customer", role="customer", text=NOT_RECORDED)
            self.waiting = False
        if self.resolved:
            self._add(event, "reopen", reason=NOT_RECORDED)
            self.resolved = False
        self._move(event)
        if event.state is State.IN_PROGRESS:
            self._take(event)
        elif event.state is State.WAIT_USER and not self.waiting:
            self._add(event, "wait", question=NOT_RECORDED)
            self.waiting = True
        elif event.state.completed:
            self._add(event, "resolve", **(_CANCELLED if event.state is State.CANCELLED else _SOLVED))
            self.resolved, self.waiting = True, False

    def close(self) -> None:
        last, closed_at = self.recorded.events[-1], self.recorded.closed_at
        if self.resolved and closed_at:
            self._add(last.model_copy(update={"at": closed_at}), "close")

    def _take(self, event: RecordedEvent) -> None:
        if event.actor in (AUTOMATIC, self.holder):
            return
        self._add(event, "take", **({"over": True} if self.holder else {}))
        self.holder = event.actor

    def _move(self, event: RecordedEvent) -> None:
        """Bring the ticket to the event's line, a tier at a time unless it may skip one."""
        line = event.tier or _LINES[self.tier]
        while line < _LINES[self.tier]:
            self._add(event, "return", reason=NOT_RECORDED)
            self._arrive(_LINES[self.tier] - 1)
        while line > _LINES[self.tier]:
            to = line if self._may_skip() else _LINES[self.tier] + 1
            self._escalate(event, _TIERS[to])
            self._arrive(to)
            self.waiting = False  # handing it up ends the waiting; handing it back does not

    def _arrive(self, line: int) -> None:
        self.tier, self.holder = _TIERS[line], None

    def _may_skip(self) -> bool:
        """Return whether the ticket may go straight from Tier 1 to Tier 3 (G5). A wrong guess would be refused, not
        pass."""
        urgent = PRIORITIES[self.recorded.impact] is Priority.P1 and self.plan is not Plan.FREE
        return self.plan is Plan.ENTERPRISE or urgent

    def _escalate(self, event: RecordedEvent, to: Tier) -> None:
        package = (_FOR_T2 if self.tier is Tier.T1 else {}) | (_FOR_T3 if to is Tier.T3 else {})
        lead = {"role": "lead", "override": True, "reason": NOT_RECORDED} if self.plan is Plan.FREE else {}
        self._add(event, "escalate", to=to.value, fields=package, **lead)

    def _add(self, event: RecordedEvent, do: str, **payload: Any) -> None:
        by: dict[str, Any] = {"by": event.actor, "role": "ops" if event.actor == AUTOMATIC else "agent"}
        self.steps.append(Step(event.at + self.shift, {"do": do} | by | payload))
