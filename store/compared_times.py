"""What is counted of a longer time, to be compared with another (F3): from records of tickets, and no event."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session


class Sums(NamedTuple):
    """The tickets that opened in a time."""

    opened: int
    accounts: int
    """Accounts that they are of."""
    answered: int
    first_response: float | None
    """The median until somebody answered, in seconds on the wall."""
    ended: int
    resolution: float | None
    """The median until they ended, in seconds on the wall."""
    with_article: int
    """Of those that ended, those whose resolution names an article."""


def sums(session: Session, first: datetime, last: datetime) -> Sums:
    """Count the tickets that opened in a time."""
    return Sums(*session.execute(_SUMS, {"first": first, "last": last}).one())


_SUMS = text("""
    SELECT count(*), count(DISTINCT account), count(first_response),
        percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM first_response - opened_at)),
        count(ended_at), percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - opened_at)),
        count(*) FILTER (WHERE ended_at IS NOT NULL AND article <> '')
    FROM ticket_records WHERE NOT discarded AND opened_at >= :first AND opened_at < :last
""")


class PolicyUse(NamedTuple):
    """A version of the policy, and the tickets that opened under it."""

    version: str
    since: datetime
    tickets: int
    terms: dict[str, Any]
    """By plan: what the latest of them was promised."""


def policies(session: Session, first: datetime, last: datetime) -> list[PolicyUse]:
    """Return the versions of the policy that tickets opened under in a time, in the order in which they came."""
    known = {"first": first, "last": last}
    uses = session.execute(_USES, known).all()
    terms: dict[str, dict[str, Any]] = {}
    for version, plan, body in session.execute(_TERMS, known):
        terms.setdefault(version, {})[plan] = body
    return [PolicyUse(row[0], row[1], row[2], terms.get(row[0], {})) for row in uses]


_USES = text("""
    SELECT policy, min(opened_at), count(*) FROM ticket_records
    WHERE NOT discarded AND opened_at >= :first AND opened_at < :last GROUP BY 1 ORDER BY 2, 1
""")
_TERMS = text("""
    SELECT newest.policy, newest.plan, terms.body FROM (
        SELECT DISTINCT ON (policy, plan) policy, plan, terms FROM ticket_records
        WHERE NOT discarded AND opened_at >= :first AND opened_at < :last ORDER BY policy, plan, opened_at DESC
    ) AS newest JOIN terms ON terms.digest = newest.terms
""")
