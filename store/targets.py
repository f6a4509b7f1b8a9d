"""Targets as the terms of tickets have them (F3): by indexes, and no event is read."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session


def in_force(session: Session, ends: Sequence[datetime]) -> list[Mapping[str, int]]:
    """Return the targets under which the last ticket opened before each of these instants; none before the first."""
    rows = session.execute(_IN_FORCE, {"ends": list(ends)})
    return [row[0] or {} for row in rows]


_IN_FORCE = text("""
    SELECT (
        SELECT terms.body -> 'targets' FROM ticket_records r JOIN terms ON terms.digest = r.terms
        WHERE NOT r.discarded AND r.opened_at < edge.at ORDER BY r.opened_at DESC, r.ticket_id DESC LIMIT 1
    ) FROM unnest(CAST(:ends AS timestamptz[])) WITH ORDINALITY AS edge (at, place) ORDER BY edge.place
""")


def changes(session: Session, since: datetime) -> list[tuple[datetime, str, Mapping[str, int]]]:
    """Return when tickets began to open under another version of the policy, with its targets, in order."""
    rows = session.execute(_CHANGES, {"since": since})
    return [(row[0], row[1], row[2] or {}) for row in rows]


_CHANGES = text("""
    SELECT opened_at, policy, terms.body -> 'targets' FROM (
        SELECT opened_at, ticket_id, policy, terms, lag(policy) OVER (ORDER BY opened_at, ticket_id) AS before
        FROM ticket_records WHERE NOT discarded AND opened_at >= :since
    ) AS one JOIN terms ON terms.digest = one.terms
    WHERE before IS DISTINCT FROM policy ORDER BY opened_at, ticket_id
""")
