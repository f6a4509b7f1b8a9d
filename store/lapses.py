"""Open tickets and incidents whose deadline has passed or is near, for ops: lists of a bounded length, and counts."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from domain.clocks.clock import Clock
from domain.core.enums import SlaState
from domain.core.values import Frozen, Instant
from domain.incident.state import IncidentState
from store.queries import ACTIVE, LINE, Line
from store.tables.incidents import IncidentRow
from store.tables.tickets import TicketRow

MOST_INCIDENTS = 1000
"""Incidents of which something is still asked that are looked at: the newest."""
_CLOCKS: TypeAdapter[tuple[Clock, ...]] = TypeAdapter(tuple[Clock, ...])
_OPEN = TicketRow.status.in_(ACTIVE)
_ENDED = ("reviewed", "cancelled")


class Ticking(NamedTuple):
    """A ticket in a list, with its clocks."""

    line: Line
    clocks: Sequence[Clock]


class Timed(Frozen):
    """The deadlines of an incident of which something is still asked."""

    number: int
    area: str
    priority: str | None
    commander: str | None
    state: IncidentState
    unanswered: bool = False
    next_page: Instant | None = None
    update_due: Instant | None = None
    review_due: Instant | None = None


def breached(session: Session, unrecorded_before: datetime, limit: int) -> tuple[Sequence[Ticking], int]:
    """Return the active tickets that have missed the contract, in the order of the queue (G10), and how many they are.

    Also those that were due before the given instant, while nothing says that they missed it: no workflow has noticed.
    """
    state = TicketRow.sla_state
    unnoticed = and_(
        state.in_([SlaState.ON_TRACK.value, SlaState.WARNED.value]), TicketRow.sla_deadline < unrecorded_before
    )
    return _listed(session, and_(_OPEN, or_(state == SlaState.BREACHED.value, unnoticed)), limit)


def at_risk(session: Session, now: datetime, by: datetime, limit: int) -> tuple[Sequence[Ticking], int]:
    """Return the active tickets with a clock that lapses from `now` until `by`, or that were warned of, or have missed
    the internal target, in the order of the queue (G10), and how many they are."""
    warned = TicketRow.sla_state.in_([SlaState.WARNED.value, SlaState.TARGET_MISSED.value])
    soon = and_(TicketRow.sla_deadline >= now, TicketRow.sla_deadline <= by)
    return _listed(session, and_(_OPEN, or_(warned, soon), TicketRow.sla_deadline >= now), limit)


def _listed(session: Session, where: ColumnElement[bool], limit: int) -> tuple[Sequence[Ticking], int]:
    order = (TicketRow.urgency, TicketRow.sla_deadline, TicketRow.lane, TicketRow.opened_at, TicketRow.id)
    query = select(*LINE, TicketRow.state["clocks"].label("clocks")).where(where).order_by(*order).limit(limit)
    listed = [_ticking(row._mapping) for row in session.execute(query)]
    total = session.scalar(select(func.count()).select_from(TicketRow).where(where)) or 0
    return listed, total


def _ticking(row: Any) -> Ticking:
    line = Line.model_validate({name: row[name] for name in Line.model_fields})
    return Ticking(line, _CLOCKS.validate_python(row["clocks"] or ()))


def open_incidents(session: Session) -> Sequence[Timed]:
    """Return the deadlines of the incidents of which something is still asked, the newest first."""
    state = IncidentRow.state
    columns = (
        IncidentRow.number, IncidentRow.area, IncidentRow.priority, IncidentRow.commander, state["state"].astext,
        state["unanswered"].as_boolean(),
        *(state[name].astext for name in ("next_page", "update_due", "review_due")),
    )  # fmt: skip
    asked = (state.is_not(None), IncidentRow.status.not_in(_ENDED))
    query = select(*columns).where(*asked).order_by(IncidentRow.number.desc()).limit(MOST_INCIDENTS)
    names = tuple(Timed.model_fields)
    return [Timed.model_validate(dict(zip(names, row, strict=True))) for row in session.execute(query)]
