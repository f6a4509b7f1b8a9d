"""Two policies over the same recorded tickets: what they count, which tickets differ, and by which decision first."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from domain.clocks.terms import Terms
from domain.core.enums import Priority, Side
from domain.ticket import events as e
from services.backtest import Outcome
from services.reading.instants import iso
from services.reading.timeline import summary_of

LEFT_OUT = frozenset({"policy", "calendar", "shifts", "core_version", "teams"})
"""Terms that are compared as a whole, or not at all: the version of a policy is no difference between promises."""


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
class ByPriority:
    """What became of the tickets of one priority."""

    tickets: int = 0
    t1_overruns: int = 0
    pages: int = 0
    breaches: Counter[str] = field(default_factory=Counter)
    credit_percent: float = 0.0
    """The credits for contract breaches that stand at the end (F2), in percent of a month's fee, added up."""


def by_priority(outcomes: Sequence[Outcome]) -> dict[Priority, ByPriority]:
    """Return the counts of each priority that a ticket opened with."""
    found: dict[Priority, ByPriority] = {}
    for outcome in outcomes:
        opened = outcome.events[0].body
        assert isinstance(opened, e.Opened)
        one = found.setdefault(opened.priority, ByPriority())
        one.tickets += 1
        one.t1_overruns += outcome.t1_overruns
        one.pages += sum(
            isinstance(event.body, e.Escalated) and event.body.how == "critical" for event in outcome.events
        )
        one.breaches.update(outcome.breaches)
        contract = sum(breach.startswith(f"{Side.CONTRACT}.") for breach in outcome.breaches)
        one.credit_percent += contract * float(opened.terms.plan.credit_percent)
    return dict(sorted(found.items()))


def load_by_hour(outcomes: Sequence[Outcome]) -> Counter[tuple[int, int]]:
    """Return how many acts of people fall into each hour of the week: (weekday from Monday as 0, hour in UTC)."""
    system = "tierline"
    acts = (event.at for outcome in outcomes for event in outcome.events if event.actor.id != system)
    return Counter((at.weekday(), at.hour) for at in acts)


def changed_terms(before: Terms, after: Terms) -> list[ChangedTerm]:
    """Return what two policies promise differently, by name. Support hours are one entry."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    names = [*old, *(name for name in new if name not in old)]
    changed = [ChangedTerm(name, old.get(name, "-"), new.get(name, "-")) for name in names]
    if before.calendar != after.calendar:
        changed.append(ChangedTerm("calendar", before.calendar.name, after.calendar.name))
    return [one for one in changed if one.before != one.after or one.name == "calendar"]


def different_tickets(
    before: Sequence[Outcome], after: Sequence[Outcome], changed: Sequence[ChangedTerm]
) -> Iterator[DifferentTicket]:
    """Yield the tickets that go another way, each with the first event that differs and the changed terms behind it.

    Both have the same tickets in the same order.
    """
    for one, other in zip(before, after, strict=True):
        for old, new in zip_longest(one.events, other.events):
            if _essence(old) != _essence(new):
                because = tuple(term for term in changed if _reads(old, term.name) or _reads(new, term.name))
                yield DifferentTicket(one.external_id, old, new, because)
                break


def _essence(event: e.Event | None) -> Any:
    """Return what makes two events the same decision: what, when, and its own facts but for the terms."""
    if event is None:
        return None
    body = event.body
    facts = {} if isinstance(body, e.Opened) else body.model_dump(exclude={"terms", "cell", "key"})
    return (body.type, event.at, facts)


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
        case e.Closed():
            return name == "limits.quiet"
        case e.PromiseReminded() | e.PromiseBroken():
            return name == "limits.promise_reminder"
        case e.DebtOverdue():
            return name == "limits.debt"
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
        yield name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _event(event: e.Event | None) -> dict[str, Any] | None:
    return {"at": iso(event.at), "type": event.body.type, "what": summary_of(event.body)} if event else None
