"""What a policy really promises, and where it contradicts or exposes itself.

The table is not read off the file: each cell is asked of the same clocks that tickets run on, so that what the
check shows is what customers get. Asked on the plan's weekly hours without holidays, in a week of no daylight
saving, from several points of the week.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Literal

from domain.calendars.calendar import FOREVER, WALL, Calendar
from domain.clocks.clock import Clock, leg_calendar, start_clocks
from domain.clocks.terms import Cell, Terms
from domain.core.enums import PROMISED, Category, Metric, Plan, Priority, Side
from domain.core.money import in_words
from domain.core.values import Frozen
from domain.policy import grammar
from domain.policy.policy import Notice, Policy

BACKLOG = (Priority.P2, Priority.P3)
"""G5: the bugs that leave by the sprint backlog."""

_MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
_STARTS = tuple(_MONDAY + timedelta(hours=hours) for hours in range(9, 7 * 24 + 9, 6))
"""Where clocks are tried: Monday 09:00, and every six hours for a week, so nights and the weekend too."""
_URGENT = (Notice.WARNING, Notice.TARGET_MISSED, Notice.CONTRACT_BREACH, Notice.T1_LIMIT, Notice.GUESSED_P0)


class Promise(Frozen):
    """One cell of the effective table: when something is due, and by which cell of the file."""

    text: str
    """For people: `8 h`, `15 min wall`, `40 h (5 business days)`."""
    hours: float
    """Hours of the plan's support, or of the wall if that is the clock."""
    clock: Literal["plan", "wall"]
    source: str
    binding: bool


class Line(Frozen):
    """One line of the effective table: a plan's customer with a ticket of a priority."""

    plan: Plan
    priority: Priority
    metric: Metric
    contract: Promise | None
    target: Promise | None


class OpeningHours(Frozen):
    """When a calendar of the policy is open, for people."""

    calendar: str
    zone: str
    holidays: str
    week: str
    """`mon-fri 09:00-17:00`."""
    dates: dict[str, str]
    """Single dates that have windows of their own (C15): `12-24` -> `09:00-12:00`, or `closed`."""


class Finding(Frozen):
    """Something that a support lead should know before this policy is used. None makes a policy invalid."""

    kind: Literal["contradiction", "exposure", "unattainable", "note"]
    rule: str
    plans: tuple[Plan, ...] = ()
    text: str


def opening_hours(policy: Policy) -> tuple[OpeningHours, ...]:
    """Return when each calendar is open: its week, and the dates that have windows of their own (C15)."""
    return tuple(
        OpeningHours(
            calendar=name,
            zone=row.zone,
            holidays=row.holidays,
            week=", ".join(_days_alike(row.hours.week)),
            dates={one.key: _windows(one.windows) for one in row.hours.dates},
        )
        for name, row in policy.calendars.items()
    )


def _days_alike(week: grammar.Week) -> Iterator[str]:
    """Yield the days that are open, those that follow each other with the same windows as one."""
    for windows, days in groupby(range(7), key=lambda day: week[day]):
        first, *rest = days
        if windows:
            yield f"{grammar.DAYS[first]}{f'-{grammar.DAYS[rest[-1]]}' if rest else ''} {_windows(windows)}"


def _windows(windows: tuple[tuple[int, int], ...]) -> str:
    return " and ".join(f"{grammar.clock(opens)}-{grammar.clock(closes)}" for opens, closes in windows) or "closed"


def effective_table(policy: Policy) -> tuple[Line, ...]:
    """Return what each plan's customer gets for each priority, by the clocks themselves (C1, C2, C7, C9, C13)."""
    return tuple(
        Line(
            plan=plan,
            priority=priority,
            metric=metric,
            contract=_promise(found.get(Side.CONTRACT), terms),
            target=_promise(found.get(Side.TARGET), terms),
        )
        for plan, terms in _terms(policy).items()
        for priority in Priority
        for metric in PROMISED
        for found in [_clocks(terms, priority, metric, _STARTS[0])]
    )


def findings(policy: Policy) -> tuple[Finding, ...]:
    """Return contradictions, exposures, what cannot be kept and what is worth knowing, the gravest first."""
    all_terms = _terms(policy)
    found = [
        *_overtaken(all_terms),
        *_rows(policy),
        *_backlog(all_terms),
        *_waiting(policy),
        *_unattainable(policy, all_terms),
        *_areas(policy),
        *_refunds(policy),
        *_shared_csm(policy),
        *_tighter(all_terms),
        *_notes(policy),
    ]
    order = ("contradiction", "exposure", "unattainable", "note")
    return tuple(sorted(found, key=lambda finding: order.index(finding.kind)))


def spell(length: timedelta) -> str:
    """Return a length of time as people say it: `15 min`, `4 h`, `1 h 30 min`, `7.5 s`."""
    hours, rest = divmod(length, timedelta(hours=1))
    minutes, rest = divmod(rest, timedelta(minutes=1))
    seconds = rest.total_seconds()
    parts = [
        f"{hours:,} h" if hours else "",
        f"{minutes} min" if minutes else "",
        f"{seconds:.3g} s" if seconds else "",
    ]
    return " ".join(part for part in parts if part) or "0 s"


def spell_days(length: timedelta) -> str:
    """Return the same for time on the wall, in days where it is whole days: `3 days`."""
    days, rest = divmod(length, timedelta(days=1))
    return f"{days} days" if days > 1 and not rest else spell(length)


def names(words: Iterable[str]) -> str:
    """Return a list of names as text: `P2`, `P2 and P3`, `P2, P3 and P4`."""
    *head, last = words
    return f"{', '.join(head)} and {last}" if head else last


# The clocks of a plan, without holidays.


def _terms(policy: Policy) -> dict[Plan, Terms]:
    return {plan: policy.terms(plan, plain_calendar(policy, plan)) for plan in Plan}


def plain_calendar(policy: Policy, plan: Plan) -> Calendar:
    """Return a plan's weekly hours, without the holidays and the time zone that only `services` knows."""
    name = policy.plans[plan].calendar
    return Calendar(
        name=name, zone="UTC", week=policy.calendars[name].hours.week, offsets=WALL.offsets, horizon=FOREVER
    )


def _clocks(terms: Terms, priority: Priority, metric: Metric, start: datetime) -> dict[Side, Clock]:
    clocks = start_clocks(terms, priority, Category.BUG, start)
    return {clock.side: clock for clock in clocks if clock.metric is metric}


def _leading(clock: Clock) -> Cell:
    return clock.leg.cell


def _length(clock: Clock, terms: Terms) -> timedelta:
    """Return what a clock gives, on its own calendar."""
    leg = clock.leg
    if leg.cell.budget is not None:
        return leg.cell.budget
    return leg_calendar(leg, terms).elapsed(leg.start, clock.due or leg.start)


def _promise(clock: Clock | None, terms: Terms) -> Promise | None:
    if clock is None:
        return None
    cell, length = _leading(clock), _length(clock, terms)
    text = spell(length)
    if cell.days is not None:
        text += f" ({cell.days} business days)"
    if cell.clock == "wall":
        text += " wall"
    return Promise(
        text=text,
        hours=length / timedelta(hours=1),
        clock=cell.clock,
        source=cell.source,
        binding=cell.binding,
    )


# What is wrong, or ought to be known.


def _overtaken(all_terms: dict[Plan, Terms]) -> Iterator[Finding]:
    """Yield a target that would be later than that of a lower priority, and on which plans' hours (C9)."""
    plans: dict[tuple[str, str], list[Plan]] = {}
    for plan, terms in all_terms.items():
        for own, leading in dict.fromkeys(_overtakings(terms)):
            plans.setdefault((own, leading), []).append(plan)
    for (own, leading), where in plans.items():
        hours = names(dict.fromkeys(all_terms[plan].calendar.name for plan in where))
        text = f"{own} can be later than {leading} on {hours} hours: the earlier of the two counts"
        yield Finding(kind="contradiction", rule="C9", plans=tuple(where), text=text)


def _overtakings(terms: Terms) -> Iterator[tuple[str, str]]:
    """Yield pairs of cells of which the second, of a lower priority, comes first."""
    for priority in Priority:
        for metric in PROMISED:
            for start in _STARTS:
                clock = _clocks(terms, priority, metric, start).get(Side.TARGET)
                if clock is not None and clock.leading > 0:
                    yield clock.legs[0].cell.source, _leading(clock).source


def _rows(policy: Policy) -> Iterator[Finding]:
    """Yield plan rows that do not agree with themselves. All cells of a row count the same hours, save wall ones."""
    for plan, row in policy.plans.items():
        terms = row.terms(plan)
        first, critical, resolution = terms.first_response, terms.critical_response, terms.resolution
        for earlier, later, rule in ((critical, first, "C2"), (first, resolution, "C1")):
            if earlier and later and _outlasts(earlier, later):
                text = f"{earlier.source} is longer than {later.source}"
                yield Finding(kind="contradiction", rule=rule, plans=(plan,), text=text)
        cells = [cell for cell in (first, critical, resolution) if cell]
        binding = any(cell.binding for cell in cells)
        if terms.credit_percent and not binding:
            text = f"plans.{plan}.credit_percent is never owed: no cell of the plan can be breached"
            yield Finding(kind="contradiction", rule="F2", plans=(plan,), text=text)
        if binding and not terms.paid:
            text = f"plans.{plan} is not paid for, yet its contract can be breached, and no target warns before"
            yield Finding(kind="exposure", rule="C13", plans=(plan,), text=text)
        for cell in cells:
            if terms.paid and not cell.binding:
                text = f"{cell.source} is best effort on a paid plan: shown, never warned of, never breached"
                yield Finding(kind="note", rule="C13", plans=(plan,), text=text)


def _outlasts(one: Cell, other: Cell) -> bool:
    same = one.clock == other.clock and one.budget is not None and other.budget is not None
    return same and (one.budget or timedelta(0)) > (other.budget or timedelta(0))


def _backlog(all_terms: dict[Plan, Terms]) -> Iterator[Finding]:
    """Yield contracts that end before the target of a bug that waits for its sprint (G5)."""
    for plan, terms in all_terms.items():
        tight = [priority for priority in BACKLOG if _contract_first(terms, priority, Metric.RESOLUTION)]
        if tight:
            contract = _clocks(terms, tight[0], Metric.RESOLUTION, _STARTS[0])[Side.CONTRACT]
            text = (
                f"{names(tight)} bugs leave by the sprint backlog, but the contract resolves them within "
                f"{spell(_length(contract, terms))} of {terms.calendar.name} hours ({_leading(contract).source})"
            )
            yield Finding(kind="exposure", rule="G5", plans=(plan,), text=text)


def _waiting(policy: Policy) -> Iterator[Finding]:
    """Yield notices that lose their worth while they wait (F5)."""
    for notice in _URGENT:
        row = policy.notices[notice]
        if policy.quiet_hours and row.quiet_hours == "hold":
            text = f"notices.{notice} waits for the end of the quiet hours; clocks do not"
            yield Finding(kind="exposure", rule="F5", text=text)
    for notice, row in policy.notices.items():
        if not row.to:
            yield Finding(kind="note", rule="F5", text=f"notices.{notice} goes to nobody")
    for channel, setting in (("chat", "NOTICE_CHAT_ROOMS"), ("email", "SMTP_HOST and NOTICE_ADDRESSES")):
        parts = sorted({to for row in policy.notices.values() for to, ways in row.to.items() if channel in ways})
        if parts:
            text = (
                f"notices go by {channel} to {names(parts)}: the relay needs {setting}, or NOTICE_URL, and does not "
                "start without (`tierline policy notices`)"
            )
            yield Finding(kind="note", rule="F5", text=text)


def _unattainable(policy: Policy, all_terms: dict[Plan, Terms]) -> Iterator[Finding]:
    """Yield what cannot be kept, whatever people do."""
    limits = policy.limits
    for plan, terms in all_terms.items():
        for source, length in dict.fromkeys(_resolutions(terms)):
            if length <= limits.t1_limit:
                text = f"{source} is used up within the T1 limit of {spell(limits.t1_limit)}"
                yield Finding(kind="unattainable", rule="G1", plans=(plan,), text=text)
        for side, clock in _clocks(terms, Priority.P0, Metric.FIRST_RESPONSE, _STARTS[0]).items():
            if terms.plan.paid and clock.binding and _length(clock, terms) <= limits.guess:
                source = _leading(clock).source
                text = f"{source} is due before a guessed P0 pages, after {spell(limits.guess)} ({side})"
                yield Finding(kind="unattainable", rule="G6", plans=(plan,), text=text)


def _resolutions(terms: Terms) -> Iterator[tuple[str, timedelta]]:
    """Yield every cell that leads a resolution clock, and what it gives."""
    for priority in Priority:
        for clock in _clocks(terms, priority, Metric.RESOLUTION, _STARTS[0]).values():
            yield _leading(clock).source, _length(clock, terms)


def _tighter(all_terms: dict[Plan, Terms]) -> Iterator[Finding]:
    """Yield cells where the contract comes before the target: a miss is a breach at once, with no target missed
    before (C1)."""
    for plan, terms in all_terms.items():
        for metric in PROMISED:
            tight = [priority for priority in Priority if _contract_first(terms, priority, metric)]
            if tight:
                what = metric.replace("_", " ")
                text = f"the contract's {what} of {names(tight)} comes before the target: a miss is a breach at once"
                yield Finding(kind="note", rule="C1", plans=(plan,), text=text)


def _contract_first(terms: Terms, priority: Priority, metric: Metric) -> bool:
    clocks = _clocks(terms, priority, metric, _STARTS[0])
    contract, target = clocks.get(Side.CONTRACT), clocks.get(Side.TARGET)
    if contract is None or target is None or not contract.binding:
        return False
    return (contract.due or FOREVER) < (target.due or FOREVER)


def _areas(policy: Policy) -> Iterator[Finding]:
    """Yield areas that a rule of the policy's own says, and that have no incident of their own (G6)."""
    assigned = {name: rule.product_area for name, rule in policy.classification.rules.items() if rule.product_area}
    for name, area in assigned.items():
        if policy.incidents.place(area) != area:
            text = f"classification.rules.{name} says the area {area!r}, which is none of incidents.areas"
            yield Finding(kind="exposure", rule="G6", text=f"{text}: its incidents are the service's")


def _refunds(policy: Policy) -> Iterator[Finding]:
    """Yield what refunds lack, and where those who request them approve each other's (F6)."""
    limits = {role: amounts for role, amounts in policy.refunds.limits.items() if amounts}
    if not limits:
        yield Finding(kind="note", rule="F6", text="refunds.limits is empty: no refund can be requested")
    if amounts := limits.get("agent"):
        most = names([in_words(amount, currency) for currency, amount in amounts.items()])
        text = f"refunds.limits: agents approve each other's refunds, up to {most} on a ticket, and no lead sees them"
        yield Finding(kind="exposure", rule="F6", text=text)


def _shared_csm(policy: Policy) -> Iterator[Finding]:
    """Yield plans with a shared CSM where nobody is that, and a team that no plan shares (F1)."""
    shared = tuple(plan for plan, row in policy.plans.items() if row.csm == "shared")
    team = policy.customer_success.shared
    if shared and team is None:
        text = "csm is shared, and customer_success.shared names nobody: notices go to whoever has the part csm"
        yield Finding(kind="exposure", rule="F1", plans=shared, text=text)
    if team and not shared:
        yield Finding(kind="note", rule="F1", text=f"customer_success.shared is {team}, and no plan has a shared CSM")


def _notes(policy: Policy) -> Iterator[Finding]:
    used = {row.calendar for row in policy.plans.values()}
    for name in policy.calendars:
        if name not in used:
            yield Finding(kind="note", rule="C3", text=f"calendars.{name} is used by no plan")
    if policy.limits.t1_mode == "observe":
        text = "limits.t1_mode is observe: overruns of the T1 limit are counted, and nothing moves by itself"
        yield Finding(kind="note", rule="G2", text=text)
    if not policy.critical:
        yield Finding(kind="note", rule="C2", text="no priority is critical: critical_response never applies")
