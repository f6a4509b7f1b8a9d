"""What the tests of the rules are written with: exact local instants, a ticket, and commands given to it.

    case = given(plan="standard", priority="P2")     # opened on Monday at 09:00, Berlin
    case.do("take", at="09:05")
    case.wake("09:20")                               # what a timer does: lapse all that is due by then
    assert case.when("limit_reached") == at("09:20")

Monday is 23 November 2026, in a week and a fortnight without public holidays and without daylight saving.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from domain.aggregate.aggregate import Recording
from domain.clocks.terms import Cell, PriorityTerms, Terms
from domain.core.actor import Actor
from domain.core.enums import Metric, Plan, Priority, Role, Side
from domain.core.refusal import Refused
from domain.ticket import commands as c
from domain.ticket import events as e
from domain.ticket.aggregate import TICKET, next_deadline, open_ticket
from domain.ticket.events import Event
from domain.ticket.state import Account, Ticket
from services.policy_file.load import resolve_terms
from tests.support.packages import T2_PACKAGE, T3_PACKAGE
from tests.support.policy import POLICY

BERLIN = timezone(timedelta(hours=1))
MONDAY = datetime(2026, 11, 23, tzinfo=BERLIN)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def at(text: str) -> datetime:
    """`09:15` on Monday, `Sat 03:00`, `Tue+1 09:00:01` (a week later), in Berlin's winter time."""
    day, _, time = text.rpartition(" ")
    name, _, weeks = day.partition("+")
    hours, minutes, seconds = ([int(part) for part in time.split(":")] + [0])[:3]
    days = (DAYS.index(name) if name else 0) + 7 * int(weeks or 0)
    return MONDAY + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


class Case:
    """One ticket, all that happened to it, and the hand that moves it."""

    def __init__(self, recording: Recording[Ticket]) -> None:
        self.ticket: Ticket = recording.state
        self.events: list[Event] = list(recording.events)

    def do(self, name: str, at: str | datetime, by: str = "ada", role: str = "agent", **fields: Any) -> list[Event]:
        """Give a command that arrives, and is decided, at `at`. Instants in `fields` may be written the same way."""
        for field in ("received", "occurred"):
            if isinstance(fields.get(field), str):
                fields[field] = _instant(fields[field])
        payload = {"do": name, "by": by, "role": role} | fields
        command = _FACTS[name](**payload) if name in _FACTS else c.parse(payload)
        return self._accept(TICKET.decide(self.ticket, command, _instant(at)))

    def refused(self, name: str, at: str | datetime, **fields: Any) -> Refused:
        """The refusal of a command, which must have changed nothing."""
        before = self.ticket.model_dump_json()
        with pytest.raises(Refused) as caught:
            self.do(name, at, **fields)
        assert self.ticket.model_dump_json() == before
        return caught.value

    def wake(self, at: str | datetime) -> list[Event]:
        """What the workflow's timer does."""
        recording = Recording(TICKET, self.ticket, _instant(at), _instant(at))
        recording.settle(_instant(at))
        return self._accept(recording)

    def jira(self, at: str | datetime, category: str, key: str = "SUP-1", **fact: Any) -> list[Event]:
        """What Jira says of an issue; its own time of change is `at`, if no other is given."""
        fact = {"key": key, "category": category, "version": _instant(at)} | fact
        return self.do("jira_changed", at, by="jira", role="integration", **fact)

    def incident(self, at: str | datetime, state: str, version: int, number: int = 7, **fact: Any) -> list[Event]:
        """What the incident says."""
        fact = {"number": number, "state": state, "version": version} | fact
        return self.do("incident_changed", at, by=f"incident-{number}", role="system", **fact)

    def _accept(self, recording: Recording[Ticket]) -> list[Event]:
        self.ticket = recording.state
        self.events += recording.events
        return recording.events

    # What is asked of it.

    def of(self, kind: str) -> list[Event]:
        """Every event of a type, in order."""
        return [event for event in self.events if event.body.type == kind]

    def bodies(self, kind: str) -> list[Any]:
        return [event.body for event in self.of(kind)]

    def last(self, kind: str) -> Any:
        """The body of the latest event of a type."""
        return self.bodies(kind)[-1]

    def when(self, kind: str) -> datetime | None:
        """When the only event of a type took effect; None if there is none."""
        found = self.of(kind)
        assert len(found) <= 1, f"{kind} happened {len(found)} times"
        return found[0].at if found else None

    def types(self) -> list[str]:
        return [event.body.type for event in self.events]

    def clock(self, side: str, metric: str) -> Any:
        """A clock, by "contract" or "target" and "first_response" or "resolution"; None if there is none."""
        wanted = (Side(side), Metric(metric))
        return next((k for k in self.ticket.clocks if (k.side, k.metric) == wanted), None)

    def due(self, side: str, metric: str) -> datetime | None:
        clock = self.clock(side, metric)
        return clock.due if clock else None

    def lapses(self) -> list[tuple[str, str, datetime]]:
        """Every breach and missed target, as (side, metric, due)."""
        return [(b.side.value, b.metric.value, b.due) for b in self.bodies("lapsed")]

    def warnings(self) -> list[tuple[datetime, dict[str, int]]]:
        return [(e.at, {m.value: share for m, share in e.body.shares.items()}) for e in self.of("warned")]

    def next(self) -> datetime | None:
        deadline = next_deadline(self.ticket)
        return deadline.at if deadline else None

    def refold(self) -> Ticket:
        return TICKET.fold(self.events)


_FACTS: dict[str, type[c.Command]] = {"effect_done": c.ReportDone, "effect_failed": c.ReportFailed}
"""What only Tierline itself says, and no payload can."""


def given(
    plan: str = "standard",
    priority: str = "P2",
    category: str = "bug",
    at: str | datetime = "09:00",
    *,
    arr: int | None = None,
    csm: str | None = None,
    zone: str | None = None,
    texts: dict[str, str] | None = None,
    change: Callable[[Terms], Terms] | None = None,
    external_id: str = "1",
    **opened: Any,
) -> Case:
    """A ticket that has just opened. `change` makes other terms of the default policy's."""
    opened_at = _instant(at)
    account = Account(id="acme", plan=Plan(plan), arr=arr, csm=csm, zone=zone)
    terms = resolve_terms(POLICY, account, opened_at)
    body = e.Opened(
        source="test",
        external_id=external_id,
        terms=change(terms) if change else terms,
        account=account,
        category=category,
        priority=Priority(priority),
        **{"channel": "email", **opened},
    )
    by = Actor(id="mail", role=Role.INTEGRATION)
    return Case(open_ticket(body, opened_at, opened_at, by, texts or {"subject": "Export hangs"}))


def targets(**cells: Cell | None) -> Callable[[Terms], Terms]:
    """Terms in which priorities have other target cells: `P2_resolution=Cell(...)`."""

    def change(terms: Terms) -> Terms:
        rows = dict(terms.priorities)
        for name, cell in cells.items():
            priority, _, metric = name.partition("_")
            row = rows[Priority(priority)]
            rows[Priority(priority)] = PriorityTerms(**{**dict(row), metric: cell})
        return terms.model_copy(update={"priorities": rows})

    return change


def contract(**cells: Cell | None) -> Callable[[Terms], Terms]:
    """Terms in which the plan has other contract cells."""
    return lambda terms: terms.model_copy(update={"plan": terms.plan.model_copy(update=cells)})


def terms_of(plan: str, moment: str = "09:00", zone: str | None = None) -> Terms:
    return resolve_terms(POLICY, Account(id="acme", plan=Plan(plan), zone=zone), at(moment))


def phoned(plan: str = "standard", priority: str = "P2", **opened: Any) -> Case:
    """A ticket that was opened on the phone: the first response is met (C5), the resolution counts."""
    return given(plan, priority, channel="phone", in_person=True, **opened)


def replace_terms(case: Case, moment: str, terms: Terms, plan: str | None = None) -> None:
    account = case.ticket.account.model_copy(update={"plan": Plan(plan)}) if plan else None
    case.do("replace_terms", moment, role="lead", terms=terms, account=account, reason="A new contract.")


def limits(**update: Any) -> Callable[[Terms], Terms]:
    """Terms with other limits, for `given(change=...)`."""
    return lambda terms: terms.model_copy(update={"limits": terms.limits.model_copy(update=update)})


def in_tier(tier: str, plan: str = "standard", priority: str = "P2", **opened: Any) -> Case:
    """A ticket that was taken, answered and handed up to a tier, all within Monday's first minutes."""
    case = given(plan, priority, **opened)
    case.do("take", at="09:01")
    case.do("respond", at="09:02", text="We are on it.")
    if tier in ("T2", "T3"):
        case.do("escalate", at="09:03", fields=T2_PACKAGE)
        case.do("take", at="09:04", by="tom")
    if tier == "T3":
        case.do("escalate", at="09:05", by="tom", fields=T3_PACKAGE)
    return case


def in_jira(**opened: Any) -> Case:
    """In Tier 3 since 09:05, by tom of Tier 2, with the issue SUP-1."""
    case = in_tier("T3", **opened)
    done(case, at="09:06", jira_key="SUP-1", jira_url="https://jira.example/SUP-1")
    return case


def done(case: Case, at: str | datetime, **result: Any) -> list[Event]:
    """The oldest outstanding effect is carried out."""
    key = case.ticket.pending_effects[0].key
    return case.do("effect_done", at=at, by="tierline", role="system", key=key, **result)


def keys(case: Case) -> list[str]:
    """The keys of what is outstanding, in order."""
    return [effect.key for effect in case.ticket.pending_effects]


def word(number: int, text: str) -> dict[str, str]:
    """A comment for support, by Jira's number of it."""
    return {"id": str(20_000 + number), "text": text}


def kinds(case: Case) -> list[str]:
    """What the outside world was asked for and has not done, in order."""
    return [key.split(":")[1] for key in keys(case)]


def _instant(moment: str | datetime) -> datetime:
    return at(moment) if isinstance(moment, str) else moment.astimezone(UTC)
