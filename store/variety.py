"""Which tickets people worked at in a time, with their areas and categories: from moments and records of tickets."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.report.variety import Worked


def worked_at(session: Session, person: str, first: datetime, last: datetime, *, in_hand: bool) -> list[Worked]:
    """Return the tickets that a person worked at in a time, each once; with those that they hold now, if `in_hand`."""
    known = {"person": person, "first": first, "last": last, "in_hand": in_hand}
    return [Worked(*row) for row in session.execute(_OF_ONE, known)]


def worked_at_by_all(session: Session, first: datetime, last: datetime, *, in_hand: bool) -> list[Worked]:
    """Return the same of everybody."""
    return [Worked(*row) for row in session.execute(_OF_ALL, {"first": first, "last": last, "in_hand": in_hand})]


def _asked(of_work: str, of_held: str) -> str:
    return f"""
        SELECT m.agent, m.ticket_id, r.area, r.category FROM ticket_moments m JOIN ticket_records r USING (ticket_id)
        WHERE m.kind = 'worked' AND m.at >= :first AND m.at < :last AND NOT r.discarded AND {of_work}
        UNION
        SELECT t.assignee, r.ticket_id, r.area, r.category FROM tickets t JOIN ticket_records r ON r.ticket_id = t.id
        WHERE :in_hand AND t.status IN ('new', 'open', 'pending') AND {of_held} AND NOT r.discarded
    """


_OF_ONE = text(_asked("m.agent = :person", "t.assignee = :person"))
_OF_ALL = text(_asked("m.agent <> ''", "t.assignee IS NOT NULL"))


def areas(session: Session, tickets: Sequence[str]) -> dict[str, str]:
    """Return the area of the product of each of these tickets, by id."""
    statement = text("SELECT ticket_id, area FROM ticket_records WHERE ticket_id = ANY(:tickets)")
    return dict(session.execute(statement, {"tickets": list(tickets)}).all())
