"""Two policies over the same tickets: what they count, which tickets differ, and by which decision first.

Tickets are added one at a time and forgotten; what is kept are counts, and the first difference of those that differ.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, Literal

from domain.clocks.terms import Terms
from domain.core.enums import Side
from domain.ticket import events as e
from services.backtest import Outcome
from services.reading.instants import iso
from services.reading.timeline import summary_of

LEFT_OUT = frozenset({"policy", "calendar", "shifts", "core_version", "teams"})
"""Terms that are compared as a whole, or not at all: the version of a policy is no difference between promises."""
MOST_KEPT = 20_000
"""Tickets that differ whose difference is kept. All are counted."""

By = Literal["priority", "plan", "team"]
"""By what tickets are counted: as each was opened."""
SYSTEM = "tierline"


@dataclass(frozen=True)
class ChangedTerm:
    """One number or word that the two policies promise differently."""

    name: str
    """As in `plan.first_response.budget`."""
    before: str
    after: str


@dataclass(frozen=True)
class DifferentTicket:
    """A ticket that goes another way under the second policy."""

    external_id: str
    before: e.Event | None
    """The first event that differs, under the first policy; None: there is none in its place."""
    after: e.Event | None
    because: tuple[ChangedTerm, ...]
    """The changed terms that this decision reads. Empty: it follows from an earlier one, or from the calendar."""

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.external_id,
            "before": _event(self.before),
            "after": _event(self.after),
            "because": [term.__dict__ for term in self.because],
        }


@dataclass
class Group:
    """What became of the tickets of one priority, plan or team."""

    tickets: int = 0
    t1_overruns: int = 0
    escalations: int = 0
    pages: int = 0
    kept: Counter[str] = field(default_factory=Counter)
    """`<side>.<metric>` of clocks that were met in time."""
    breaches: Counter[str] = field(default_factory=Counter)
    credit_percent: float = 0.0
    """The credits for contract breaches that stand at the end (F2), in percent of a month's fee, added up."""


@dataclass
class Tally:
    """What a policy makes of many tickets."""

    by: By = "priority"
    groups: dict[str, Group] = field(default_factory=dict)
    load: Counter[tuple[int, int]] = field(default_factory=Counter)
    """Acts of people by hour of the week: (weekday from Monday as 0, hour in UTC)."""
    refusals: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        """Count one ticket."""
        opened = outcome.events[0].body
        assert isinstance(opened, e.Opened)
        one = self.groups.setdefault(_group_of(opened, self.by), Group())
        one.tickets += 1
        self.refusals.update(outcome.refusals)
        one.kept.update(outcome.kept)
        upheld: set[str] = set()
        for event in outcome.events:
            if event.actor.id != SYSTEM:
                self.load[event.at.weekday(), event.at.hour] += 1
            match body := event.body:
                case e.LimitReached():
                    one.t1_overruns += 1
                case e.Escalated():
                    one.escalations += 1
                    one.pages += body.how == "critical"
                case e.Lapsed():
                    one.breaches[f"{body.side}.{body.metric}"] += 1
                    if body.side is Side.CONTRACT:
                        upheld.add(body.metric)
                case e.ClockMet():
                    if Side.CONTRACT in body.withdrawn:
                        upheld.discard(body.metric)
                case e.Waived():
                    upheld.discard(body.metric)
        one.credit_percent += len(upheld) * float(opened.terms.plan.credit_percent)

    def week(self) -> list[list[int]]:
        """Return the acts of people for each hour of the week: seven days from Monday, 24 hours each, in UTC."""
        return [[self.load[day, hour] for hour in range(24)] for day in range(7)]

    def sorted(self) -> dict[str, Group]:
        """Return the groups by name."""
        return dict(sorted(self.groups.items()))


class Comparison:
    """Two policies over the same tickets, which are added one at a time."""

    def __init__(self, by: By = "priority") -> None:
        self.before, self.after = Tally(by), Tally(by)
        self.tickets = 0
        self.differ = 0
        self.different: list[DifferentTicket] = []
        """The first `MOST_KEPT` of those that differ."""
        self.changed: dict[str, ChangedTerm] = {}
        """What the two promise differently to some ticket, by name: as the first such ticket has it."""
        self._changed: dict[tuple[int, int], tuple[Terms, Terms, list[ChangedTerm]]] = {}

    def add(self, before: Outcome, after: Outcome) -> None:
        """Add one ticket, as it went under each of the two."""
        self.tickets += 1
        self.before.add(before)
        self.after.add(after)
        found = first_difference(before, after, self._between(_terms_of(before), _terms_of(after)))
        if found:
            self.differ += 1
            if len(self.different) < MOST_KEPT:
                self.different.append(found)

    def _between(self, before: Terms, after: Terms) -> list[ChangedTerm]:
        """Return what differs between two terms: few pairs serve thousands of tickets."""
        key = (id(before), id(after))
        known = self._changed.get(key)
        if known is None:
            if len(self._changed) > 512:
                self._changed.clear()
            known = self._changed[key] = (before, after, changed_terms(before, after))
            for term in known[2]:
                self.changed.setdefault(term.name, term)
        return known[2]


def first_difference(before: Outcome, after: Outcome, changed: Sequence[ChangedTerm]) -> DifferentTicket | None:
    """Return the first event that differs and the changed terms behind it; None if the ticket goes the same way."""
    for old, new in zip_longest(before.events, after.events):
        if not _same(old, new):
            because = tuple(term for term in changed if _reads(old, term.name) or _reads(new, term.name))
            return DifferentTicket(before.external_id, old, new, because)
    return None


def changed_terms(before: Terms, after: Terms) -> list[ChangedTerm]:
    """Return what two policies promise differently, by name. Support hours are one entry."""
    if before is after:
        return []
    old, new = dict(_leaves(before)), dict(_leaves(after))
    names = [*old, *(name for name in new if name not in old)]
    changed = [ChangedTerm(name, old.get(name, "-"), new.get(name, "-")) for name in names]
    if before.calendar != after.calendar:
        changed.append(ChangedTerm("calendar", before.calendar.name, after.calendar.name))
    return [one for one in changed if one.before != one.after or one.name == "calendar"]


def _terms_of(outcome: Outcome) -> Terms:
    opened = outcome.events[0].body
    assert isinstance(opened, e.Opened)
    return opened.terms


def _group_of(opened: e.Opened, by: By) -> str:
    match by:
        case "plan":
            return opened.account.plan.value
        case "team":
            return opened.route.team if opened.route else "no team"
    return opened.priority.value


NO_DECISION = {"terms", "cell", "key", "route"}
"""Facts of events that say where a promise stands, and not what was decided."""


def _same(old: e.Event | None, new: e.Event | None) -> bool:
    """Return whether two events are the same decision: what, when, and its own facts but for the terms."""
    if old is None or new is None or old.at != new.at or type(old.body) is not type(new.body):
        return old is new
    if old.body == new.body or isinstance(old.body, e.Opened):
        return True
    return old.body.model_dump(exclude=NO_DECISION) == new.body.model_dump(exclude=NO_DECISION)


def _reads(event: e.Event | None, name: str) -> bool:
    """Return whether the decision of `event` reads the term `name`."""
    if event is None:
        return False
    body = event.body
    match body:
        case e.Lapsed():
            wanted = "resolution" if body.metric == "resolution" else "response"
            table = "plan." if body.side is Side.CONTRACT else "priorities."
            return name.startswith(table) and wanted in name
        case e.Warned():
            metrics = {"resolution" if metric == "resolution" else "response" for metric in body.shares}
            return name == "limits.warnings" or any(metric in name for metric in metrics)
        case e.LimitNoted() | e.LimitReached() | e.LimitReminded():
            return name.startswith("limits.t1")
        case e.Escalated():
            return name.startswith(("gates.", "limits.t1"))
        case e.Closed():
            return name == "limits.quiet"
        case e.PromiseReminded() | e.PromiseBroken():
            return name == "limits.promise_reminder"
        case e.DebtOverdue():
            return name == "limits.debt"
        case e.QuestionAsked() | e.QuestionOverdue():
            return name == "limits.consult"
        case e.AttentionAsked() | e.AttentionOverdue():
            return name == "limits.attention"
    return False


def _leaves(terms: Terms) -> Iterator[tuple[str, str]]:
    dumped = terms.model_dump(mode="json")
    for name, value in dumped.items():
        if name not in LEFT_OUT:
            yield from _walk(name, value)


def _walk(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inside in value.items():
            yield from _walk(f"{name}.{key}", inside)
    else:
        yield name, ", ".join(map(_in_words, value)) if isinstance(value, list) else _in_words(value)


_TIME = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")


def _in_words(value: Any) -> str:
    """Return a value as people write it: `4 h 30 min` of `PT4H30M`."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None or not any(found.groups()):
        return str(value)
    units = zip(found.groups(), ("d", "h", "min", "s"), strict=True)
    return " ".join(f"{number} {unit}" for number, unit in units if number)


def _event(event: e.Event | None) -> dict[str, Any] | None:
    return {"at": iso(event.at), "type": event.body.type, "what": summary_of(event.body)} if event else None
