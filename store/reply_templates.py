"""Reply templates (F9), and how the replies did that were made of them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.orm import Session

from domain.core.values import Frozen
from store.questions import Asked, Question
from store.tables.web import ReplyTemplateRow


class Use(Frozen):
    """How the replies of a template did."""

    sent: int = 0
    compared: int = 0
    """So many of them were compared with the template when they were sent: all, but those that an earlier version
    sent."""
    edited: int = 0
    """In so many of them the sender had changed the template's own words."""
    edited_percent: int = 0
    """How much of the template's words was changed in these, in percent, on average."""
    came_back: int = 0
    """After so many of them the customer wrote again, or the ticket was reopened."""
    rated: int = 0
    """So many of them stand on a ticket that the customer has rated."""
    satisfied: int = 0
    """With 4 or 5 of 5."""


class Offer(NamedTuple):
    """A template as it is offered, without its text."""

    name: str
    situation: str
    channel: str | None
    language: str
    tone: str


def offered(session: Session, *, limit: int) -> list[Offer]:
    """Return the templates that are not retired, by what they are for."""
    return [Offer(*row) for row in _OFFERED.ask(session, most=limit)]


def asked_by_offered(*, limit: int) -> Asked:
    """Return what `offered` asks, to be asked together with other questions."""
    return {_OFFERED: {"most": limit}}


_OFFERED = Question(
    select(*(getattr(ReplyTemplateRow, name) for name in Offer._fields))
    .where(~ReplyTemplateRow.retired)
    .order_by(ReplyTemplateRow.situation)
    .limit(bindparam("most"))
)
"""Made once: every page of a ticket asks it."""


def listed(session: Session, *, limit: int) -> Sequence[ReplyTemplateRow]:
    """Return the templates by name, those that are retired last."""
    query = select(ReplyTemplateRow).order_by(ReplyTemplateRow.retired, ReplyTemplateRow.name)
    return session.scalars(query.limit(limit)).all()


def find(session: Session, name: str) -> ReplyTemplateRow | None:
    """Return a template, retired or not; None if there is none."""
    return session.get(ReplyTemplateRow, name)


def count(session: Session) -> int:
    """Return how many templates there are."""
    return session.scalar(select(func.count()).select_from(ReplyTemplateRow)) or 0


def keep(session: Session, row: ReplyTemplateRow) -> ReplyTemplateRow:
    """Store a new template."""
    session.add(row)
    session.flush()
    return row


def change(session: Session, row: ReplyTemplateRow, values: Mapping[str, Any]) -> ReplyTemplateRow:
    """Store what a template says now."""
    for name, value in values.items():
        setattr(row, name, value)
    session.flush()
    return row


def uses(session: Session, since: datetime) -> dict[str, Use]:
    """Return how the replies since then did, by the name of their template. `ix_ticket_events_template` finds them."""
    rows = session.execute(_USES, {"since": since}).mappings()
    return {row["template"]: Use.model_validate(dict(row)) for row in rows}


_USES = text("""
    SELECT body ->> 'template' AS template, count(*) AS sent, count(edit) AS compared,
        count(*) FILTER (WHERE edit > 0) AS edited,
        coalesce(round(avg(edit) FILTER (WHERE edit > 0)), 0)::int AS edited_percent,
        count(*) FILTER (WHERE came_back) AS came_back, count(csat) AS rated,
        count(*) FILTER (WHERE csat >= 4) AS satisfied
    FROM ticket_events AS reply
    JOIN LATERAL (SELECT (reply.body ->> 'edited')::int AS edit) AS compared_with_template ON true
    JOIN LATERAL (SELECT (state ->> 'csat')::int AS csat FROM tickets WHERE id = reply.ticket_id) AS of_ticket ON true
    JOIN LATERAL (
        SELECT EXISTS (
            SELECT FROM ticket_events AS later
            WHERE later.ticket_id = reply.ticket_id AND later.seq > reply.seq AND NOT later.superseded
            AND later.type IN ('replied', 'reopened')
        ) AS came_back
    ) AS after ON true
    WHERE body ->> 'template' IS NOT NULL AND NOT superseded AND at >= :since
    GROUP BY 1
""")
