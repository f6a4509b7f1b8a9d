"""What was missed, and what will be missed soon: each ticket and incident with why, and with what to type. For ops."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from domain.clocks.clock import Clock
from domain.core.enums import Metric, SlaState, WaitsOn
from domain.incident.state import RESPONDING
from services.reading.instants import iso
from store import lapses as rows
from store.database import Database
from store.lapses import Ticking, Timed
from store.queries import Line

UNRECORDED = timedelta(minutes=1)
"""A miss that stands nowhere so long after the due instant has a workflow that notices nothing."""
WITHIN = timedelta(hours=1)
"""What lapses within this time is at risk, if nothing else is asked for."""
_RESPONSES = (Metric.FIRST_RESPONSE, Metric.NEXT_RESPONSE)
_NEXT = {
    WaitsOn.CUSTOMER: "tierline resolve {id}, or tierline respond {id}",
    WaitsOn.ENGINEERING: "tierline tell-engineering {id}",
    WaitsOn.INCIDENT: "tierline incident show {incident}",
    WaitsOn.TRACKER: "tierline retry {id}; tierline jira check",
    WaitsOn.PAGER: "tierline retry {id}",
    WaitsOn.ESCALATION: "tierline escalate {id}",
    WaitsOn.NOBODY: "tierline show {id}",
}


class Lapse(NamedTuple):
    """A ticket or an incident with a deadline that has passed, or that is near."""

    about: str
    """A ticket's id, or an incident as in `incident-7`."""
    priority: str
    account: str
    """The account of a ticket, the product area of an incident."""
    due: datetime | None
    why: str
    do: str
    """What to type."""


class Lapses(NamedTuple):
    """A list of what was missed or is at risk."""

    listed: Sequence[Lapse]
    """Incidents first, then tickets in the order of the queue (G10)."""
    total: int
    """How many there are, listed or not."""


def breached(db: Database, now: datetime, limit: int) -> Lapses:
    """Return what has missed its deadline: an incident's, or the contract's of an active ticket. `limit` tickets and as
    many incidents are listed at most. Raises DatabaseDown."""
    with db.session() as session:
        tickets, total = rows.breached(session, now - UNRECORDED, limit)
        missed = [one for one in (_missed(timed, now) for timed in rows.open_incidents(session)) if one]
    return Lapses([*missed[:limit], *(_breached(one) for one in tickets)], total + len(missed))


def at_risk(db: Database, now: datetime, within: timedelta, limit: int) -> Lapses:
    """Return what will miss a deadline `within` this time unless somebody acts, or was warned of, or has missed its
    internal target already. `limit` tickets and as many incidents are listed at most. Raises DatabaseDown."""
    with db.session() as session:
        tickets, total = rows.at_risk(session, now, now + within, limit)
        near = [one for timed in rows.open_incidents(session) for one in _near(timed, now, now + within)]
    return Lapses([*near[:limit], *(_at_risk(one) for one in tickets)], total + len(near))


def as_object(one: Lapse) -> dict[str, Any]:
    """Return one of them for a program. Instants are ISO 8601 in UTC."""
    return one._asdict() | {"due": iso(one.due)}


# -- Tickets -------------------------------------------------------------------------------------------------


def _breached(one: Ticking) -> Lapse:
    line = one.line
    if line.sla_state is not SlaState.BREACHED:
        why = "it was due, and no workflow has noticed"
        return _of_ticket(line, line.sla_deadline, why, "tierline ops stuck")
    missed = [clock for clock in one.clocks if clock.side == "contract" and clock.breach and clock.breach.upheld]
    still_open = [clock for clock in missed if clock.met_at is None]
    first, *_ = sorted(still_open or missed, key=_breach_due)
    due = _breach_due(first)
    others = f" (and {len(missed) - 1} more)" if len(missed) > 1 else ""
    if still_open:
        why = f"{_words(first.metric)} was missed, and is not done yet{others}: {_state_of(line)}"
        return _of_ticket(line, due, why, _done_by(line, first.metric))
    why = f"{_words(first.metric)} came late{others}: {_state_of(line)}"
    return _of_ticket(line, due, why, f"tierline waive {line.id} --metric {first.metric.value}, if it is excused")


def _at_risk(one: Ticking) -> Lapse:
    line = one.line
    running = sorted((clock for clock in one.clocks if clock.running and clock.due), key=_due)
    if not running:
        return _of_ticket(line, line.sla_deadline, _state_of(line), f"tierline show {line.id}")
    first = running[0]
    missed = "; its internal target was missed" if line.sla_state is SlaState.TARGET_MISSED else ""
    why = f"{_words(first.metric)} of the {first.side.value} lapses{missed}: {_state_of(line)}"
    return _of_ticket(line, first.due, why, _done_by(line, first.metric))


def _of_ticket(line: Line, due: datetime | None, why: str, do: str) -> Lapse:
    return Lapse(line.id, line.priority.value, line.account, due, why, do)


def _done_by(line: Line, metric: Metric) -> str:
    """Return what meets a clock of a ticket, or brings it nearer to that."""
    if line.assignee is None and line.waits_on is WaitsOn.AGENT:
        return f"tierline assign {line.id}"
    if metric in _RESPONSES:
        return f"tierline respond {line.id}"
    if line.waits_on is WaitsOn.AGENT:
        return f"tierline resolve {line.id}"
    return _NEXT[line.waits_on].format(id=line.id, incident=line.incident_number or "")


def _state_of(line: Line) -> str:
    match line.waits_on:
        case WaitsOn.AGENT:
            return f"{line.assignee} has it" if line.assignee else "nobody has taken it"
        case WaitsOn.CUSTOMER:
            return "it waits for the customer"
        case WaitsOn.ENGINEERING:
            return f"it waits for {line.jira_key or 'engineering'}"
        case WaitsOn.INCIDENT:
            return f"it waits for incident-{line.incident_number}"
        case WaitsOn.ESCALATION:
            return "it is past the Tier 1 limit"
        case WaitsOn.TRACKER:
            return "its issue is not made yet"
        case WaitsOn.PAGER:
            return "its incident is not open yet"
        case _:
            return "it waits for nobody"


def _words(metric: Metric) -> str:
    return f"the {metric.value.replace('_', ' ')}"


def _due(clock: Clock) -> datetime:
    assert clock.due is not None
    return clock.due


def _breach_due(clock: Clock) -> datetime:
    assert clock.breach is not None
    return clock.breach.due


# -- Incidents -----------------------------------------------------------------------------------------------


def _missed(one: Timed, now: datetime) -> Lapse | None:
    """Return what an incident has missed: the worst of it."""
    responding = one.state in RESPONDING
    if responding and one.unanswered:
        why = "everybody on the ladder was paged, and nobody has taken it"
        return _of_incident(one, None, why, f"tierline incident ack {one.number}")
    if responding and one.update_due and one.update_due < now:
        return _of_incident(
            one, one.update_due, "the update to customers is late", f"tierline incident update {one.number}"
        )
    if one.state == "resolved" and one.review_due and one.review_due < now:
        return _of_incident(one, one.review_due, "the review is late", f"tierline incident review {one.number}")
    return None


def _near(one: Timed, now: datetime, by: datetime) -> Iterator[Lapse]:
    """Yield what an incident will miss until `by`."""
    responding = one.state in RESPONDING
    if responding and one.next_page and one.next_page <= by:
        why = "nobody has taken it: the next of the ladder is paged"
        yield _of_incident(one, one.next_page, why, f"tierline incident ack {one.number}")
    if responding and one.update_due and now <= one.update_due <= by:
        yield _of_incident(one, one.update_due, "the next update is due", f"tierline incident update {one.number}")
    if one.state == "resolved" and one.review_due and now <= one.review_due <= by:
        yield _of_incident(one, one.review_due, "the review is due", f"tierline incident review {one.number}")


def _of_incident(one: Timed, due: datetime | None, why: str, do: str) -> Lapse:
    who = f"{one.commander} commands" if one.commander else "nobody commands"
    return Lapse(f"incident-{one.number}", one.priority or "", one.area, due, f"{why}; {who}", do)
