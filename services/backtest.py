"""Recorded incidents through the core: what the rules would have counted, had they been there.

A ticket replayed on its own times, in memory, by the core alone: no Temporal, no database, thousands
in seconds. `workers.replay` runs the same scripts through the real workflow; both make an `Outcome` of the events
that come of it, so both are counted alike.
"""

import gc
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from domain.aggregate.aggregate import Recording
from domain.clocks.terms import LONGEST, Terms, intern_terms
from domain.core.actor import SYSTEM, Actor
from domain.core.enums import Plan, Role, Status
from domain.core.refusal import Refused
from domain.core.values import Frozen
from domain.policy.policy import Policy
from domain.ticket import events as e
from domain.ticket.aggregate import TICKET, open_ticket
from domain.ticket.outside_world import done_at_once
from domain.ticket.state import Account, Ticket
from integrations.recorded.adapter import SOURCE, Script, Step, commands, weeks_until
from integrations.recorded.log import Recorded
from services.policy_file.load import resolve_terms

TRACKER = "REPLAY"
"""What the issues of a replayed ticket are called by."""

Acts = Literal["kept", "refused"]
"""What becomes of an act that a policy would not have allowed: it is `kept`, as if people had found a way (the Tier 1
limit only counts, and a hand-off has what the gate asks for); or it is `refused`, and left out."""


class Case(NamedTuple):
    """A recorded incident, and what its ticket is promised."""

    script: Script
    terms: Terms


class Promises:
    """What recorded tickets of one plan are promised by a policy: those of one year share one object."""

    def __init__(self, policy: Policy, plan: Plan, acts: Acts = "kept") -> None:
        self._policy, self._plan, self._acts = policy, plan, acts
        self._of_year: dict[int, Terms] = {}

    def at(self, opened: datetime) -> Terms:
        """Return the terms of a ticket that opens then."""
        terms = self._of_year.get(opened.year)
        if terms is None:
            start = datetime(opened.year, 1, 1, tzinfo=UTC)
            resolved = resolve_terms(self._policy, Account(id=SOURCE, plan=self._plan), start)
            terms = self._of_year[opened.year] = intern_terms(as_recorded(resolved, acts=self._acts))
        return terms

    def prepare(self, recorded: Recorded, start: datetime) -> Case:
        """Return an incident, moved by whole weeks so that it opens at `start` or soon after."""
        script = commands(recorded, self._plan, weeks_until(recorded.opened_at, start))
        return Case(script, self.at(script.opened_at))

    def of(self, script: Script) -> Case:
        """Return an incident that was made a script of before."""
        return Case(script, self.at(script.opened_at))


def prepare(recorded: Recorded, plan: Plan, policy: Policy, start: datetime, *, acts: Acts = "kept") -> Case:
    """Return the incident of a customer on `plan`, moved by whole weeks so that it opens at `start` or soon after."""
    return Promises(policy, plan, acts).prepare(recorded, start)


def as_recorded(terms: Terms, *, acts: Acts = "kept") -> Terms:
    """Return the terms, for tickets whose ways were recorded in another system.

    Where acts are `kept`, the T1 limit counts overruns and moves nothing: people did not know of it. When a ticket
    closed stands in the log: the quiet period after which it would close by itself is as long as one may be.
    """
    update: dict[str, Any] = {"quiet": LONGEST} | ({"t1_mode": "observe"} if acts == "kept" else {})
    return terms.model_copy(update={"limits": terms.limits.model_copy(update=update)})


def assumed(acts: Acts, of_journal: bool) -> str:
    """Return what a backtest takes for granted, in a line for people."""
    if acts == "kept":
        gates = ", and hand-offs pass the gates that they passed then" if of_journal else ""
        return f"assumed: people act as they did; the Tier 1 limit only counts{gates}"
    return "assumed: people act as they did, and what the policy forbids is left out; the limit acts"


@dataclass(frozen=True)
class Outcome:
    """What became of one recorded incident."""

    external_id: str
    status: Status
    """At the last recorded instant."""
    events: tuple[e.Event, ...]
    refusals: tuple[str, ...] = ()
    """`<command>: <code>` for each command that was refused."""
    kept: tuple[str, ...] = ()
    """`<side>.<metric>` of each clock that was met in time."""

    @classmethod
    def of(
        cls, script: Script, events: Sequence[e.Event], refusals: Sequence[str], ticket: Ticket | None = None
    ) -> "Outcome":
        """Return what `events`, from the opening on, made of the ticket. What falls due after the script's end is
        left out. `ticket` is as the events leave it, where that is known."""
        until, after = script.until, ticket or TICKET.fold(events)
        known = tuple(event for event in events if event.body.__dict__.get("due", until) <= until)
        return cls(script.opening["external_id"], after.status, known, tuple(refusals), clocks_kept(after))

    def count(self, *kinds: type[Frozen]) -> int:
        """Return how many events are of these kinds."""
        return sum(isinstance(event.body, kinds) for event in self.events)

    @property
    def tier_changes(self) -> int:
        return self.count(e.Escalated, e.Returned, e.Answered)

    @property
    def pauses(self) -> int:
        return self.count(e.WaitStarted)

    @property
    def reopenings(self) -> int:
        return self.count(e.Reopened)

    @property
    def t1_overruns(self) -> int:
        """Return how many stays in Tier 1 used up the limit (G2)."""
        return self.count(e.LimitReached)

    @property
    def warnings(self) -> int:
        return self.count(e.Warned)

    @property
    def breaches(self) -> tuple[str, ...]:
        """Return `<side>.<metric>` for each due instant that passed unmet (C1)."""
        return tuple(f"{body.side}.{body.metric}" for ev in self.events if isinstance(body := ev.body, e.Lapsed))


def clocks_kept(ticket: Ticket) -> tuple[str, ...]:
    """Return `<side>.<metric>` of each clock that was met in time (C1)."""
    return tuple(f"{k.side}.{k.metric}" for k in ticket.clocks if k.met_at is not None and not k.lapsed)


@dataclass(frozen=True)
class Summary:
    """The counts over many tickets."""

    tickets: int = 0
    tier_changes: int = 0
    pauses: int = 0
    reopenings: int = 0
    t1_overruns: int = 0
    warnings: int = 0
    breaches: dict[str, int] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    by_status: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


COUNTED = ("tier_changes", "pauses", "reopenings", "t1_overruns", "warnings")
"""What is counted of a ticket, by the names of `Outcome`."""


def summary(outcomes: Iterable[Outcome]) -> Summary:
    """Return the counts of all outcomes, which may be a stream."""
    numbers: Counter[str] = Counter()
    breaches: Counter[str] = Counter()
    refusals: Counter[str] = Counter()
    by_status: Counter[str] = Counter()
    for outcome in outcomes:
        numbers.update({name: getattr(outcome, name) for name in COUNTED})
        numbers["tickets"] += 1
        breaches.update(outcome.breaches)
        refusals.update(outcome.refusals)
        by_status[outcome.status.value] += 1
    return Summary(
        **{name: numbers[name] for name in ("tickets", *COUNTED)},
        breaches=dict(sorted(breaches.items())),
        refusals=dict(sorted(refusals.items())),
        by_status=dict(sorted(by_status.items())),
    )


def replay(script: Script, terms: Terms) -> Outcome:
    """Return the script through the core, under `terms` as they are (see `as_recorded`).

    A refused command changes nothing and the script goes on. Jira and the pager answer at once. `terms` must know
    their calendar for the script's times.
    """
    recording = _carried_out(opened(script, terms))
    ticket, events = recording.state, list(recording.events)
    refusals: list[str] = []
    for step in script.steps:
        try:
            command = TICKET.parse(step.payload, recorded=True)  # it was read from a log: its size was looked at then
            outcome = _carried_out(TICKET.decide(ticket, command, step.at))
        except Refused as refused:
            refusals.append(refusal(step, refused.code))
            continue
        ticket = outcome.state
        events += outcome.events
    rest = Recording(TICKET, ticket, max(ticket.as_of, script.until), script.until)
    rest.settle(script.until)
    events += rest.events
    return Outcome.of(script, events, refusals, rest.state)


@contextmanager
def few_collections() -> Iterator[None]:
    """Let Python search for cycles of objects rarely while a backtest runs: it makes many values and hardly a cycle.

    Each search would go through all that was imported; what lives already is left out of it meanwhile.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def refusal(step: Step, code: str) -> str:
    """Return the words with which an outcome counts a command that was refused."""
    return f"{step.payload['do']}: {code}"


def opened(script: Script, terms: Terms) -> Recording[Ticket]:
    """Return the opening of the script's ticket, at its recorded instant."""
    opening = dict(script.opening)
    texts = {name: opening.pop(name, "") for name in ("subject", "description")}
    body = e.Opened.model_validate(opening | {"terms": terms})
    at: datetime = script.opened_at
    return open_ticket(body, at, at, Actor(id="customer", role=Role.CUSTOMER), texts)


def _carried_out(recording: Recording[Ticket]) -> Recording[Ticket]:
    """Let the outside world do its part at once: what is measured here is the rules, not Jira."""
    for effect in recording.state.pending_effects:
        recording.record(done_at_once(effect, TRACKER), by=SYSTEM)
    return recording
