"""What it took customers to get help (F3): how often they wrote, what came again soon, and what they say themselves.

It is read from the records of tickets and their moments, by indexes: no event is read.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

SOON = timedelta(days=7)
"""A ticket that opens no later than this after a resolution of the same account and category came again. The last
instant counts."""
ALL = "all"
"""The name of the line for all categories together."""


class CustomerEffort(NamedTuple):
    """The effort of customers in one category, or in all together."""

    name: str
    resolved: int = 0
    """Whose messages are known: of what was resolved before they were counted, `ops rebuild` counts them."""
    messages: float | None = None
    """The median of the messages of a customer until the resolution, the opening among them; None of none."""
    opened: int = 0
    again: int = 0
    """Of those that opened, how many came again: see `SOON`."""
    answers: int = 0
    ease: float | None = None
    """How easy customers said it was, 1 to 7, on average; None of no answer."""


def by_category(session: Session, first: datetime, last: datetime) -> list[CustomerEffort]:
    """Return the effort of customers in a time: of all tickets first, then by category.

    Messages count in the time of the resolution, unless it did not hold; what came again when it opened; an answer when
    it was given.
    """
    known = {"first": first, "last": last, "earlier": first - SOON, "soon": SOON}
    found: dict[str, CustomerEffort] = {}
    for query, fields in (
        (_MESSAGES, ("resolved", "messages")),
        (_AGAIN, ("opened", "again")),
        (_ANSWERS, ("answers", "ease")),
    ):
        for name, *figures in session.execute(query, known):
            one = found.get(name, CustomerEffort(name))
            found[name] = one._replace(**dict(zip(fields, figures, strict=True)))
    return sorted(found.values(), key=lambda one: (one.name != ALL, -max(one.resolved, one.opened), one.name))


_NAMED = f"CASE grouping(category) WHEN 1 THEN '{ALL}' ELSE category END"
_GROUPED = "GROUP BY GROUPING SETS ((category), ()) HAVING count(*) > 0"
_MESSAGES = text(f"""
    SELECT {_NAMED}, count(m.figure), percentile_cont(0.5) WITHIN GROUP (ORDER BY m.figure)
    FROM ticket_moments m JOIN ticket_records r USING (ticket_id)
    WHERE m.kind = 'resolved' AND m.status <> 'reopened' AND m.at >= :first AND m.at < :last AND NOT r.discarded
    {_GROUPED}
""")
_AGAIN = text(f"""
    WITH solved AS (
        SELECT m.ticket_id, r.account, r.category, m.at FROM ticket_moments m JOIN ticket_records r USING (ticket_id)
        WHERE m.kind = 'resolved' AND m.at >= :earlier AND m.at < :last AND NOT r.discarded
    ), opened AS (
        SELECT ticket_id, account, category, opened_at FROM ticket_records
        WHERE NOT discarded AND opened_at >= :first AND opened_at < :last
    ), again AS (
        SELECT o.ticket_id FROM opened o WHERE EXISTS (
            SELECT FROM solved s WHERE s.account = o.account AND s.category = o.category
                AND s.at <= o.opened_at AND s.at >= o.opened_at - CAST(:soon AS interval) AND s.ticket_id <> o.ticket_id
        )
    )
    SELECT {_NAMED}, count(*), count(again.ticket_id) FROM opened LEFT JOIN again USING (ticket_id) {_GROUPED}
""")
_ANSWERS = text(f"""
    SELECT {_NAMED}, count(*), avg(m.figure)::float FROM ticket_moments m JOIN ticket_records r USING (ticket_id)
    WHERE m.kind = 'effort' AND m.at >= :first AND m.at < :last AND NOT r.discarded {_GROUPED}
""")
