"""What is pending for too long, or unanswered, of open tickets and incidents. For ops: lists of a bounded length."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select, text
from sqlalchemy.orm import Session

from domain.core.enums import WaitsOn
from domain.core.values import Frozen, Instant
from store.board import HAS_ATTENTION, is_stuck
from store.queries import ACTIVE, LINE, Line
from store.queue_views import IS_ASKED
from store.tables.incidents import IncidentRow
from store.tables.tickets import TicketRow

_RUNNING = (*ACTIVE, "resolved")
"""A ticket that is resolved may still have effects to be done."""
_LATE = text("'$.undone[*] ? (@.failed == true || @.alerted == true)'")
_OVERDUE = text("'$.questions[*] ? (@.overdue == true)'")
_THEIRS = (WaitsOn.CUSTOMER.value, WaitsOn.ENGINEERING.value)
"""Who may take days, as the policy has it: what waits on them is stuck by a limit of its own."""


class Effect(Frozen):
    """An effect that was refused, or that is pending for too long."""

    about: str
    """A ticket's id, or an incident as in `incident-7`."""
    key: str
    since: Instant
    refused: bool
    """Refused for good: it is not tried again by itself."""


class Unanswered(NamedTuple):
    """A question to a colleague (G15), or to a lead (G18), that is not answered in time."""

    ticket: str
    who: str
    """Whom it is put to; "" is any lead."""
    since: datetime
    due: datetime | None


def late_effects(session: Session, limit: int) -> tuple[Sequence[Effect], int]:
    """Return the effects of tickets and incidents that were refused, or of which ops were notified since they are
    pending for too long (F5), and how many tickets and incidents have one. `limit` of both are read at most."""
    tickets, incidents = TicketRow.state, IncidentRow.state
    late_ticket = (TicketRow.status.in_(_RUNNING), func.jsonb_path_exists(tickets, _LATE))
    late_incident = (func.jsonb_path_exists(incidents, _LATE),)  # as the index ix_incidents_late says it
    of_tickets = select(TicketRow.id, func.jsonb_path_query_array(tickets, _LATE)).where(*late_ticket)
    of_incidents = select(IncidentRow.number, func.jsonb_path_query_array(incidents, _LATE)).where(*late_incident)
    found = [
        *((f"incident-{number}", effects) for number, effects in _first(session, of_incidents, limit)),
        *_first(session, of_tickets, limit),
    ]
    listed = [
        Effect(about=about, key=one["key"], since=one["since"], refused=one["failed"])
        for about, effects in found
        for one in effects
    ]
    counts = (
        select(func.count()).select_from(TicketRow).where(*late_ticket),
        select(func.count()).select_from(IncidentRow).where(*late_incident),
    )
    return sorted(listed, key=lambda one: (not one.refused, one.since)), sum(session.scalar(one) or 0 for one in counts)


def unanswered(session: Session, limit: int) -> tuple[Sequence[Unanswered], int]:
    """Return the questions, and the requests for a lead's attention, that are overdue, and how many tickets have one.

    `limit` tickets of each are read at most.
    """
    state = TicketRow.state
    asked = (TicketRow.status.in_(_RUNNING), IS_ASKED, func.jsonb_path_exists(state, _OVERDUE))
    waiting = (TicketRow.status.in_(ACTIVE), HAS_ATTENTION, state["attention"]["overdue"].as_boolean())
    questions = select(TicketRow.id, func.jsonb_path_query_array(state, _OVERDUE)).where(*asked)
    attention = select(TicketRow.id, state["attention"]).where(*waiting)
    listed = [
        Unanswered(ticket, one["to"], _instant(one["since"]), _instant(one["due"]) if one["due"] else None)
        for ticket, found in _first(session, questions, limit)
        for one in found
    ]
    listed += [
        Unanswered(ticket, "", _instant(one["since"]), _instant(one["due"]) if one["due"] else None)
        for ticket, one in _first(session, attention, limit)
    ]
    counts = (select(func.count()).select_from(TicketRow).where(*which) for which in (asked, waiting))
    return sorted(listed, key=lambda one: one.since), sum(session.scalar(one) or 0 for one in counts)


def quiet(
    session: Session, since: datetime, stuck_since: Mapping[WaitsOn, datetime], limit: int
) -> tuple[Sequence[tuple[Line, datetime]], int]:
    """Return the active tickets of which nothing was recorded since then, with when something last was, the longest
    first, and how many they are. What waits on the customer or on engineering is left out, and what is stuck already
    (`store.board.stuck`)."""
    where = (
        TicketRow.status.in_(ACTIVE), TicketRow.waits_on.not_in(_THEIRS), TicketRow.updated_at < since,
        ~is_stuck(stuck_since),
    )  # fmt: skip
    query = select(*LINE, TicketRow.updated_at).where(*where).order_by(TicketRow.updated_at, TicketRow.id).limit(limit)
    listed = [
        (Line.model_validate({name: row._mapping[name] for name in Line.model_fields}), row.updated_at)
        for row in session.execute(query)
    ]
    return listed, session.scalar(select(func.count()).select_from(TicketRow).where(*where)) or 0


def _first(session: Session, query: Select[Any], limit: int) -> Sequence[Any]:
    """Return the first rows in the order of their ids."""
    return [tuple(row) for row in session.execute(query.order_by(query.selected_columns[0]).limit(limit))]


def _instant(at: str) -> datetime:
    return datetime.fromisoformat(at)
