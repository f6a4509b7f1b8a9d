"""F7: surveys. Who is to be reminded, what was answered, and the scores by team, category, channel, template and hour.

All of it is read from the journal and its projection: an answer is an event of its ticket.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from sqlalchemy import Row, exists, func, or_, select, text
from sqlalchemy.orm import Session

from domain.core.values import Frozen
from domain.report.week import FEW
from store.queries import LINE, Line
from store.tables.integrations import OutboxRow
from store.tables.journal import EventRow, TextRow
from store.tables.tickets import TicketRow

SURVEY, REMINDER = "survey", "survey_reminder"
"""Rows of the policy's notices."""
Group = Literal["all", "team", "category", "channel", "template", "hour"]


class Answered(NamedTuple):
    """What stands for a ticket's survey."""

    closed_at: datetime | None
    erased: bool
    """The person was erased: nobody is asked any more."""
    csat: int | None
    comment: str
    first: datetime | None
    """When the survey was first answered."""
    effort: int | None = None


def answered(session: Session, ticket: str) -> Answered | None:
    """Return what stands for a ticket's survey; None if there is no such ticket."""
    row = session.get(TicketRow, ticket)
    if row is None:
        return None
    first = row.state.get("survey_answered_at")
    return Answered(
        closed_at=row.closed_at,
        erased=row.erased_at is not None,
        csat=row.state.get("csat"),
        comment=_comment(session, ticket),
        first=datetime.fromisoformat(first) if first else None,
        effort=row.state.get("effort"),
    )


def _comment(session: Session, ticket: str) -> str:
    """Return what the latest rating said beside its score."""
    newest = (
        select(EventRow.epoch, EventRow.seq)
        .where(EventRow.ticket_id == ticket, EventRow.type == "rated", ~EventRow.superseded)
        .order_by(EventRow.seq.desc())
        .limit(1)
        .subquery()
    )
    same = (TextRow.epoch == newest.c.epoch) & (TextRow.seq == newest.c.seq)
    query = select(TextRow.text).join(newest, same).where(TextRow.ticket_id == ticket, TextRow.name == "comment")
    return session.scalars(query).one_or_none() or ""


# -- Reminders ---------------------------------------------------------------------------------------------------


class Unanswered(NamedTuple):
    """A ticket whose customer was asked, and has not answered."""

    ticket: str
    account: str
    priority: str
    closed_at: datetime


def to_remind(session: Session, *, asked_before: datetime, closed_since: datetime, limit: int) -> Sequence[Unanswered]:
    """Return the tickets whose survey was sent before an instant, and that have neither an answer nor a reminder.

    Only those that were closed since the other instant: the notices of older ones may be gone.
    """
    asked = exists().where(
        OutboxRow.ticket_id == TicketRow.id,
        OutboxRow.name == SURVEY,
        OutboxRow.audience == "customer",
        OutboxRow.sent_at < asked_before,
        ~OutboxRow.orphaned,
    )
    reminded = exists().where(OutboxRow.ticket_id == TicketRow.id, OutboxRow.name == REMINDER)
    query = select(TicketRow.id, TicketRow.account, TicketRow.priority, TicketRow.closed_at).where(
        TicketRow.closed_at >= closed_since,
        or_(TicketRow.erased_at.is_(None), TicketRow.erased_at < TicketRow.closed_at),  # as the index has it
        TicketRow.erased_at.is_(None),
        TicketRow.state["csat"].astext.is_(None),
        asked,
        ~reminded,
    )
    rows = session.execute(query.order_by(TicketRow.closed_at).limit(limit))
    return [Unanswered(row.id, row.account, row.priority, row.closed_at) for row in rows if row.closed_at]


# -- Scores ------------------------------------------------------------------------------------------------------


class Score(Frozen):
    """How satisfied the customers of a group of tickets were."""

    name: str
    """The team, category, channel, template, or hour of the day (`09:00`); empty: none, or all together."""
    closed: int
    """Tickets that were closed in the time, and whose customers were to be asked."""
    rated: int
    """Of them, so many were rated."""
    satisfied: int
    """With 4 or 5."""
    low: int
    """With 1 or 2."""
    average: float | None
    """Of the scores; None where there is none."""
    efforts: int = 0
    """Tickets whose customers said how easy it was."""
    effort: float | None = None
    """How easy on average, 1 (very hard) to 7 (very easy); None where fewer than five said so."""


_ASKED = """
    WITH asked AS MATERIALIZED (
        SELECT tickets.id, tickets.team, tickets.category, tickets.state ->> 'channel' AS channel,
            (tickets.state ->> 'csat')::int AS csat, (tickets.state ->> 'effort')::int AS effort
        FROM ticket_events AS closing JOIN tickets ON tickets.id = closing.ticket_id
        WHERE closing.type = 'closed' AND closing.at >= :since AND NOT closing.superseded
            AND closing.body ->> 'how' IN ('quiet', 'by_hand', 'elsewhere')
            AND coalesce(tickets.state ->> 'resolution', '') <> 'duplicate'
    )
"""
_FIGURES = f"""
    count(*) AS closed, count(csat) AS rated, count(*) FILTER (WHERE csat >= 4) AS satisfied,
    count(*) FILTER (WHERE csat <= 2) AS low, round(avg(csat), 2)::float AS average,
    count(effort) AS efforts, CASE WHEN count(effort) >= {FEW} THEN round(avg(effort), 2)::float END AS effort
"""
_GROUPED: dict[Group, str] = {
    "all": "SELECT '' AS name, {figures} FROM asked",
    "team": "SELECT coalesce(team, '') AS name, {figures} FROM asked GROUP BY 1",
    "category": "SELECT category AS name, {figures} FROM asked GROUP BY 1",
    "channel": "SELECT coalesce(channel, '') AS name, {figures} FROM asked GROUP BY 1",
    "template": """SELECT name, {figures} FROM asked JOIN LATERAL (
        SELECT DISTINCT reply.body ->> 'template' AS name FROM ticket_events AS reply
        WHERE reply.ticket_id = asked.id AND NOT reply.superseded AND reply.body ->> 'template' IS NOT NULL
    ) AS templates ON true GROUP BY 1""",
    "hour": """SELECT coalesce(lpad((record.hour % 24)::text, 2, '0') || '\\:00', '') AS name, {figures}
        FROM asked LEFT JOIN ticket_records AS record ON record.ticket_id = asked.id GROUP BY 1""",
}


def scores(session: Session, by: Group, since: datetime, limit: int) -> list[Score]:
    """Return the scores of the tickets that were closed since then, grouped, the largest groups first; hours of the day
    in their order.

    A ticket counts for each template that a reply of it was made of, and for the hour in which it was opened, by the
    clocks of the zone of its support hours.
    """
    order = "name" if by == "hour" else "closed DESC, name"
    query = f"{_ASKED} {_GROUPED[by].format(figures=_FIGURES)} ORDER BY {order} LIMIT :limit"
    rows = session.execute(text(query), {"since": since, "limit": limit}).mappings()
    return [Score.model_validate(dict(row)) for row in rows]


class Spoken(NamedTuple):
    """What a customer said with a score."""

    ticket: str
    csat: int
    comment: str
    at: datetime


_COMMENTS = text("""
    WITH newest AS (
        SELECT ticket_id, epoch, seq, at, (body ->> 'csat')::int AS csat FROM ticket_events AS rating
        WHERE type = 'rated' AND at >= :since AND NOT superseded AND NOT EXISTS (
            SELECT FROM ticket_events AS later WHERE later.ticket_id = rating.ticket_id AND later.type = 'rated'
            AND later.seq > rating.seq AND NOT later.superseded
        )
    )
    SELECT newest.ticket_id, csat, text, at FROM newest JOIN texts
        ON texts.ticket_id = newest.ticket_id AND texts.epoch = newest.epoch AND texts.seq = newest.seq
        AND texts.name = 'comment'
    ORDER BY at DESC LIMIT :limit
""")


def comments(session: Session, since: datetime, limit: int) -> list[Spoken]:
    """Return what customers said with their scores since then, the latest first."""
    return [Spoken(*row) for row in session.execute(_COMMENTS, {"since": since, "limit": limit})]


# -- Low scores --------------------------------------------------------------------------------------------------


class LowScore(NamedTuple):
    """A ticket whose customer gave a low score, and that no lead has followed up."""

    line: Line
    csat: int
    since: datetime
    comment: str


def low_scores(session: Session, since: datetime, limit: int) -> list[LowScore]:
    """Return the tickets with a low score since then that ask for a follow-up, the longest waiting first."""
    rated = select(EventRow.ticket_id).where(EventRow.type == "rated", EventRow.at >= since, ~EventRow.superseded)
    asks = TicketRow.state["low_score_since"].astext
    query = select(*LINE, TicketRow.state["csat"].as_integer(), asks).where(TicketRow.id.in_(rated), asks.is_not(None))
    rows = session.execute(query.order_by(asks, TicketRow.id).limit(limit)).all()
    return [_low(session, row) for row in rows]


def count_low(session: Session, since: datetime) -> int:
    """Return how many tickets with a low score since then ask for a follow-up."""
    rated = select(EventRow.ticket_id).where(EventRow.type == "rated", EventRow.at >= since, ~EventRow.superseded)
    asks = TicketRow.state["low_score_since"].astext.is_not(None)
    return session.scalar(select(func.count()).where(TicketRow.id.in_(rated), asks)) or 0


def _low(session: Session, row: Row[*tuple[object, ...]]) -> LowScore:
    line = Line.model_validate({name: row._mapping[name] for name in Line.model_fields})
    csat, since = row[-2:]
    return LowScore(line, int(str(csat)), datetime.fromisoformat(str(since)), _comment(session, line.id))
