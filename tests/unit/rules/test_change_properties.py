"""C8: whatever changes, and whenever: nothing is due in the past by it, and nothing at its own instant."""

from datetime import UTC, datetime, timedelta

from hypothesis import given as for_any
from hypothesis import settings
from hypothesis import strategies as st

from domain.aggregate.aggregate import Recording
from domain.clocks.clock import Clock
from domain.clocks.terms import Cell, Terms
from domain.core.enums import Metric, Plan, Priority, Side
from domain.ticket.aggregate import TICKET
from domain.ticket.state import Ticket
from tests.support.durations import HOUR
from tests.support.ticket_case import Case, at, contract, given, replace_terms, terms_of

ZONES = [None, "Asia/Tokyo", "America/New_York", "Australia/Lord_Howe"]
spans = st.one_of(
    st.sampled_from([0, 15, 60, 239, 240, 241, 480, 1440, 3 * 1440]),
    st.integers(1, 10 * 1440),
).map(lambda minutes: timedelta(minutes=minutes))
pauses = st.one_of(st.none(), spans)
plans, priorities, zones = st.sampled_from(list(Plan)), st.sampled_from(list(Priority)), st.sampled_from(ZONES)


class Change:
    """A change at an instant, and the ticket right before and after it."""

    def __init__(self, case: Case, when: datetime, *, priority: Priority | None, plan: Plan, zone: str | None) -> None:
        recording = Recording(TICKET, case.ticket, when, when)
        recording.settle(when, inclusive=False)
        self.before, self.when = recording.state, when
        if priority and priority is not case.ticket.priority:
            case.do("prioritise", when, priority=priority, reason="Said so.")
        else:
            replace_terms(case, when, terms_of(plan, zone=zone), plan)
        self.after = case.ticket


def _changed(plan: Plan, priority: Priority, hour: int, in_person: bool, pause: timedelta | None, gaps: list[timedelta],
             changes: list[tuple[Priority | None, Plan, str | None]]) -> list[Change]:  # fmt: skip
    """A ticket that waited once, perhaps to this day, and then changed. It never waited if `pause` is None."""
    now = at("00:00").astimezone(UTC) + timedelta(hours=hour)
    reply = Cell(source="plans.next_response", budget=4 * HOUR, binding=plan is not Plan.FREE)
    case = given(
        plan, priority, at=now, in_person=in_person, priority_guessed=True, change=contract(next_response=reply)
    )
    now += gaps[0]
    if pause is not None:
        case.do("wait", now, question="Which browser?")
    if pause:
        now += pause
        case.do("reply", now, text="Firefox", role="customer")
    made = []
    for gap, (new, other, zone) in zip(gaps[1:], changes, strict=True):
        now += gap
        made.append(Change(case, now, priority=new, plan=other, zone=zone))
    return made


histories = st.integers(1, 3).flatmap(
    lambda count: st.builds(
        _changed, plans, priorities, st.integers(0, 167), st.booleans(), pauses,
        st.lists(spans, min_size=count + 1, max_size=count + 1),
        st.lists(st.tuples(st.one_of(st.none(), priorities), plans, zones), min_size=count, max_size=count),
    )
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@for_any(histories)
def test_c8_no_change_puts_a_due_instant_into_the_past_or_breaches_at_its_own_instant(made: list[Change]) -> None:
    for change in made:
        due_already = {(k.side, k.metric) for k in change.before.clocks if k.running and k.due == change.when}
        for clock in change.after.clocks:
            if clock.running and clock.due and (clock.side, clock.metric) not in due_already:
                assert clock.due > change.when
        recording = Recording(TICKET, change.after, change.when, change.when)
        recording.settle(change.when)
        lapsed = {(event.body.side, event.body.metric) for event in recording.events if event.body.type == "lapsed"}
        assert lapsed <= due_already


@settings(max_examples=100, deadline=None)
@for_any(plans, priorities, st.integers(0, 167), pauses, st.lists(spans, min_size=2, max_size=2), plans, zones)
def test_c8_new_terms_count_from_the_opening_yet_not_before_the_old_due_or_a_new_budget(
    plan: Plan,
    priority: Priority,
    hour: int,
    pause: timedelta | None,
    gaps: list[timedelta],
    other: Plan,
    zone: str | None,
) -> None:
    (change,) = _changed(plan, priority, hour, False, pause, gaps, [(None, other, zone)])
    before, after = change.before, change.after
    for metric in (Metric.FIRST_RESPONSE, Metric.RESOLUTION):
        old, new = _contract(before, metric), _contract(after, metric)
        cell = _cell(after.terms, metric, priority)
        if new is None or old is None or cell is None or new.met_at or old.breach or not new.due or not new.binding:
            continue
        paused = [(s.start, s.end) for s in before.suspensions if s.end] if metric is Metric.RESOLUTION else []
        anew, fresh = (
            after.terms.calendar.add(start, cell.budget, paused) for start in (before.opened_at, change.when)
        )
        assert new.due == max(anew, min(old.due, fresh) if old.binding else fresh)


def _contract(ticket: Ticket, metric: Metric) -> Clock | None:
    return next((k for k in ticket.clocks if (k.side, k.metric) == (Side.CONTRACT, metric)), None)


def _cell(terms: Terms, metric: Metric, priority: Priority) -> Cell | None:
    if metric is Metric.RESOLUTION:
        return terms.plan.resolution
    critical = terms.plan.critical_response if priority in terms.critical else None
    return critical or terms.plan.first_response
