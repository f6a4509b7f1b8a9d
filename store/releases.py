"""What was before and after a release (F3): from records of tickets and their moments, by indexes, and no event."""

import json
from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session


class Fixed(NamedTuple):
    """An issue that names a version as that of its fix, as the newest of its tickets knows it."""

    key: str
    done: bool
    done_at: datetime | None
    release_date: date | None
    """The first date of its versions."""
    alone: bool
    """It names this version only, so that the date is that of this version."""
    areas: tuple[str, ...]
    """Of its tickets."""


def fixed_in(session: Session, version: str, limit: int) -> Sequence[Fixed]:
    """Return the issues that are fixed in a version, as the tracker told last, by key."""
    rows = session.execute(_FIXED, {"version": json.dumps([version]), "limit": limit})
    return [Fixed(row[0], row[1], row[2], row[3], row[4], tuple(row[5])) for row in rows]


# A ticket that ended may still name a version that its issue has left since: what another ticket was told later counts.
# OFFSET 0 keeps the tickets of each issue a look into the index of issues.
_FIXED = text("""
    WITH named AS (
        SELECT DISTINCT jira_key FROM tickets
        WHERE jira_key IS NOT NULL AND state -> 'jira' -> 'fix_versions' @> CAST(:version AS jsonb)
    ), found AS (
        SELECT named.jira_key, t.* FROM named CROSS JOIN LATERAL (
            SELECT id, opened_at, coalesce(state ->> 'product_area', '') AS area, state -> 'jira' AS issue
            FROM tickets WHERE tickets.jira_key = named.jira_key OFFSET 0
        ) t
    ), newest AS (
        SELECT DISTINCT ON (jira_key) jira_key, issue FROM found
        ORDER BY jira_key, (issue ->> 'version')::timestamptz DESC NULLS LAST, opened_at DESC, id
    )
    SELECT jira_key, newest.issue ->> 'category' = 'done',
        coalesce((newest.issue ->> 'answered_at')::timestamptz, (newest.issue ->> 'version')::timestamptz),
        (newest.issue ->> 'release_date')::date, jsonb_array_length(newest.issue -> 'fix_versions') = 1,
        array_agg(DISTINCT area ORDER BY area)
    FROM newest JOIN found USING (jira_key) WHERE newest.issue -> 'fix_versions' @> CAST(:version AS jsonb)
    GROUP BY jira_key, newest.issue ORDER BY jira_key LIMIT :limit
""")


def known_versions(session: Session, *, of_newest: int, limit: int) -> Sequence[str]:
    """Return the fix versions that the newest tickets name, the newest first: by release date, then by ticket."""
    rows = session.execute(_KNOWN, {"of_newest": of_newest, "limit": limit})
    return [row[0] for row in rows]


_KNOWN = text("""
    SELECT version FROM (
        SELECT opened_at, state -> 'jira' AS issue FROM tickets ORDER BY opened_at DESC, id DESC LIMIT :of_newest
    ) AS newest CROSS JOIN LATERAL jsonb_array_elements_text(coalesce(issue -> 'fix_versions', '[]'::jsonb)) AS version
    GROUP BY version ORDER BY max(issue ->> 'release_date') DESC NULLS LAST, max(opened_at) DESC, version LIMIT :limit
""")


class Counted(NamedTuple):
    """What is counted of a time, in some areas or in all others."""

    tickets: int
    of_issues: int
    """Of them, those whose cause is one of the issues."""
    resolved: int
    reopened: int
    """Of the resolutions, those that did not hold."""
    ratings: int
    good: int
    rated: int
    """The sum of the ratings."""


def count(
    session: Session,
    areas: Sequence[str],
    keys: Sequence[str],
    first: datetime,
    last: datetime,
    *,
    good: int,
    inside: bool,
) -> Counted:
    """Count what opened, was resolved and was rated in a time: `inside` the areas, or outside of them."""
    known = {"areas": list(areas), "keys": list(keys), "first": first, "last": last, "good": good, "inside": inside}
    opened = session.execute(_OPENED, known).one()
    return Counted(*opened, *session.execute(_MOMENTS, known).one())


_OPENED = text("""
    SELECT count(*), count(*) FILTER (WHERE cause = ANY(:keys)) FROM ticket_records
    WHERE NOT discarded AND opened_at >= :first AND opened_at < :last AND (area = ANY(:areas)) = :inside
""")
_MOMENTS = text("""
    SELECT count(*) FILTER (WHERE m.kind = 'resolved'),
        count(*) FILTER (WHERE m.kind = 'resolved' AND m.status = 'reopened'),
        count(*) FILTER (WHERE m.kind = 'rated'), count(*) FILTER (WHERE m.kind = 'rated' AND m.figure >= :good),
        coalesce(sum(m.figure) FILTER (WHERE m.kind = 'rated'), 0)
    FROM ticket_moments m JOIN ticket_records r USING (ticket_id)
    WHERE m.kind IN ('resolved', 'rated') AND m.at >= :first AND m.at < :last AND NOT r.discarded
        AND (r.area = ANY(:areas)) = :inside
""")
