"""What the lead board shows: what is stuck, overruns, hand-backs, breaches, attention, load, and weeks in figures.

Each query reads active tickets, or events of one kind since an instant, by an index.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, and_, func, or_, select, text
from sqlalchemy.orm import Session

from domain.core.enums import Metric, SlaState, Tier, WaitsOn
from store.queries import ACTIVE, LINE, Line
from store.tables.tickets import TicketRow

_OPEN = TicketRow.status.in_(ACTIVE)


class Waiting(NamedTuple):
    """Active tickets of one tier that wait on the same."""

    waits_on: WaitsOn
    tier: Tier
    tickets: int
    stuck: int


def waiting(session: Session, stuck_since: Mapping[WaitsOn, datetime]) -> list[Waiting]:
    """Count the active tickets by what they wait on and by tier, and how many have waited since before the instant
    that `stuck_since` gives."""
    stuck = func.count().filter(is_stuck(stuck_since))
    query = select(TicketRow.waits_on, TicketRow.tier, func.count(), stuck).where(_OPEN)
    rows = session.execute(query.group_by(TicketRow.waits_on, TicketRow.tier))
    return [Waiting(WaitsOn(row[0]), Tier(row[1]), row[2], row[3]) for row in rows]


class StuckTicket(NamedTuple):
    """A ticket that has not moved for long, with what is known of why."""

    line: Line
    issue_status: str
    failed_effects: int
    """What the outside refused for good, until a person retries it."""
    open_questions: int
    """Questions to colleagues that nobody has answered (G15)."""


def stuck(session: Session, stuck_since: Mapping[WaitsOn, datetime], limit: int) -> list[StuckTicket]:
    """Return the active tickets that have waited since before the instant that `stuck_since` gives for what they wait
    on, the longest waiting first."""
    state = TicketRow.state
    failed = func.jsonb_array_length(func.jsonb_path_query_array(state, text("'$.undone[*] ? (@.failed == true)'")))
    columns = (
        func.coalesce(state["jira"]["status"].astext, ""),
        failed,
        func.coalesce(func.jsonb_array_length(state["questions"]), 0),
    )
    query = select(*LINE, *columns).where(_OPEN, is_stuck(stuck_since)).order_by(TicketRow.waits_since, TicketRow.id)
    return [StuckTicket(_line(row), *row[-3:]) for row in session.execute(query.limit(limit))]


def is_stuck(stuck_since: Mapping[WaitsOn, datetime]) -> Any:
    """Return the condition that a ticket has waited since before the instant that is given for what it waits on."""
    by_kind = (and_(TicketRow.waits_on == kind.value, TicketRow.waits_since < at) for kind, at in stuck_since.items())
    # Said of all kinds as well: so the index by `waits_since` is read up to there only.
    return and_(TicketRow.waits_since < max(stuck_since.values()), or_(*by_kind))


class Overrun(NamedTuple):
    """A ticket that has used up its Tier 1 limit, and whose package is not complete (G2)."""

    line: Line
    reached: datetime
    stays: int
    """How often it has come to Tier 1."""


def overruns(session: Session, limit: int) -> list[Overrun]:
    """Return the tickets past their Tier 1 limit that still wait to be handed up, the longest waiting first."""
    columns = (TicketRow.state["stay"]["reached"].astext, TicketRow.state["stays"].as_integer())
    query = select(*LINE, *columns).where(_OPEN, TicketRow.waits_on == WaitsOn.ESCALATION.value)
    rows = session.execute(query.order_by(TicketRow.waits_since, TicketRow.id).limit(limit))
    return [Overrun(_line(row), datetime.fromisoformat(row[-2]), row[-1]) for row in rows]


class AttentionAsked(NamedTuple):
    """A ticket for which a lead is asked to look (G18)."""

    line: Line
    by: str
    since: datetime
    due: datetime | None
    overdue: bool


HAS_ATTENTION = text("tickets.flags @> '{attention}'")
"""As the index of these tickets says it."""


def attention(session: Session, limit: int) -> list[AttentionAsked]:
    """Return the tickets for which attention is asked, the longest waiting first."""
    asked = TicketRow.state["attention"]
    columns = [asked[name].astext for name in ("by", "since", "due", "overdue")]
    rows = session.execute(select(*LINE, *columns).where(_OPEN, HAS_ATTENTION).order_by(columns[1]).limit(limit))
    return [
        AttentionAsked(
            _line(row), row[-4], datetime.fromisoformat(row[-3]), datetime.fromisoformat(row[-2]) if row[-2] else None,
            row[-1] == "true",
        )
        for row in rows
    ]  # fmt: skip


class HandedBack(NamedTuple):
    """Tickets that were handed back a tier for the same reason (G8)."""

    reason: str
    """As it was typed the last time; empty where it was erased."""
    frm: str
    to: str
    times: int
    last: datetime
    ticket: str
    """The last of them."""


_HANDED_BACK = text("""
    WITH newest AS (
        SELECT ticket_id, epoch, seq, at, body ->> 'frm' AS frm, body ->> 'to' AS back_to FROM ticket_events
        WHERE type = 'returned' AND at >= :since AND NOT superseded ORDER BY at DESC LIMIT :most
    ), told AS (
        SELECT newest.*, coalesce(left(texts.text, 300), '') AS reason FROM newest
        LEFT JOIN texts ON texts.ticket_id = newest.ticket_id AND texts.epoch = newest.epoch
            AND texts.seq = newest.seq AND texts.name = 'reason'
    )
    SELECT (array_agg(reason ORDER BY at DESC))[1], frm, back_to, count(*), max(at),
        (array_agg(ticket_id ORDER BY at DESC))[1]
    FROM told GROUP BY lower(btrim(reason, E' .!\\n\\t')), frm, back_to
    ORDER BY count(*) DESC, max(at) DESC LIMIT :limit
""")


def handed_back(session: Session, *, since: datetime, most: int, limit: int) -> list[HandedBack]:
    """Return why tickets were handed back since then, the most frequent reasons first, of the newest `most` times.

    Reasons are the same if they differ in capitals and full stops only.
    """
    rows = session.execute(_HANDED_BACK, {"since": since, "most": most, "limit": limit})
    return [HandedBack(*row) for row in rows]


class UpheldBreach(NamedTuple):
    """A breach of the contract that is neither withdrawn nor waived."""

    line: Line
    metric: Metric
    due: datetime


_BREACHED = text("""
    WITH newest AS (
        SELECT ticket_id, at, due, body ->> 'metric' AS metric FROM ticket_events
        WHERE type = 'lapsed' AND at >= :since AND NOT superseded AND body ->> 'side' = 'contract'
        ORDER BY at DESC LIMIT :most
    )
    SELECT newest.ticket_id, newest.metric, newest.due FROM newest JOIN tickets ON tickets.id = newest.ticket_id
    WHERE EXISTS (
        SELECT FROM jsonb_array_elements(tickets.state -> 'clocks') AS clock
        WHERE clock ->> 'side' = 'contract' AND clock ->> 'metric' = newest.metric
            AND clock -> 'breach' ->> 'standing' = 'stands' AND (clock -> 'breach' ->> 'due')::timestamptz = newest.due
    )
    ORDER BY newest.at DESC, newest.ticket_id LIMIT :limit
""")


def upheld_breaches(session: Session, *, since: datetime, most: int, limit: int) -> list[UpheldBreach]:
    """Return the breaches since then that are upheld, the latest first, of the newest `most` that were recorded."""
    found = session.execute(_BREACHED, {"since": since, "most": most, "limit": limit}).all()
    query = select(*LINE).where(TicketRow.id.in_({row[0] for row in found}))
    lines = {row.id: _line(row) for row in session.execute(query)}
    return [UpheldBreach(lines[row[0]], Metric(row[1]), row[2]) for row in found]


class Held(NamedTuple):
    """The active tickets of one person (G17)."""

    person: str
    tickets: int
    breached: int
    next_deadline: datetime | None


def held_by_each(session: Session, limit: int) -> list[Held]:
    """Return how many active tickets each person holds, the most first."""
    breached = func.count().filter(TicketRow.sla_state == SlaState.BREACHED.value)
    columns = (TicketRow.assignee, func.count(), breached, func.min(TicketRow.sla_deadline))
    query = select(*columns).where(_OPEN, TicketRow.assignee.is_not(None)).group_by(TicketRow.assignee)
    rows = session.execute(query.order_by(func.count().desc(), TicketRow.assignee).limit(limit))
    return [Held(str(row[0]), row[1], row[2], row[3]) for row in rows]


class WeekCounts(NamedTuple):
    """What is counted for each stretch of time between two edges, the earliest first."""

    opened: Sequence[int]
    ended: Sequence[int]
    """Tickets that were resolved, or closed without."""
    breached: Sequence[int]
    """Contract breaches, by when they were due; waived and withdrawn ones too."""
    overruns: Sequence[int]
    """Tier 1 limits that were used up (G2)."""
    handed_back: Sequence[int]


_OPENED_BY_WEEK = text("""
    SELECT width_bucket(opened_at, CAST(:edges AS timestamptz[])), count(*) FROM tickets
    WHERE opened_at >= :first AND opened_at < :last GROUP BY 1
""")
_ENDED_BY_WEEK = text("""
    SELECT width_bucket(coalesce(resolved_at, closed_at), CAST(:edges AS timestamptz[])), count(*) FROM tickets
    WHERE coalesce(resolved_at, closed_at) >= :first AND coalesce(resolved_at, closed_at) < :last GROUP BY 1
""")
_EVENTS_BY_WEEK = text("""
    SELECT width_bucket(at, CAST(:edges AS timestamptz[])), count(*) FROM ticket_events
    WHERE type = :type AND at >= :first AND at < :last AND NOT superseded GROUP BY 1
""")
_BREACHES_BY_WEEK = text("""
    SELECT width_bucket(at, CAST(:edges AS timestamptz[])), count(*) FROM ticket_events
    WHERE type = 'lapsed' AND at >= :first AND at < :last AND NOT superseded AND body ->> 'side' = 'contract' GROUP BY 1
""")


def by_week(session: Session, edges: Sequence[datetime]) -> WeekCounts:
    """Count what happened between each two of the `edges`, which are in order."""
    known = {"edges": list(edges), "first": edges[0], "last": edges[-1]}

    def counted(rows: Sequence[Row[*tuple[Any, ...]]]) -> list[int]:
        found = [0] * (len(edges) - 1)
        for row in rows:
            found[row[0] - 1] += row[1]
        return found

    return WeekCounts(
        opened=counted(session.execute(_OPENED_BY_WEEK, known).all()),
        ended=counted(session.execute(_ENDED_BY_WEEK, known).all()),
        breached=counted(session.execute(_BREACHES_BY_WEEK, known).all()),
        overruns=counted(session.execute(_EVENTS_BY_WEEK, known | {"type": "limit_reached"}).all()),
        handed_back=counted(session.execute(_EVENTS_BY_WEEK, known | {"type": "returned"}).all()),
    )


_ENDED_BY_TIER = text("""
    SELECT tier, count(*) FROM tickets WHERE coalesce(resolved_at, closed_at) >= :since GROUP BY tier
""")


def ended_by_tier(session: Session, *, since: datetime) -> dict[Tier, int]:
    """Count the tickets that have ended since then, by the tier in which they did."""
    return {Tier(row[0]): row[1] for row in session.execute(_ENDED_BY_TIER, {"since": since})}


def _line(row: Row[*tuple[Any, ...]]) -> Line:
    values = row._mapping
    return Line.model_validate({name: values[name] for name in Line.model_fields})
