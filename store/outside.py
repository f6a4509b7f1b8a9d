"""How Jira and the pager stand, as what is asked of them shows it: nobody is asked for it."""

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.ticket.effect_kinds import ON_TRACKER
from store.tables.integrations import OutageRow


class Outside(NamedTuple):
    """One system."""

    refused_since: datetime | None
    """It takes our credentials no more since then."""
    waiting: int
    """Effects that it has not done yet, of open tickets and incidents; refused ones, which wait for a person, are not
    among them."""
    oldest: datetime | None
    """Since when the first of them waits."""


def stands(session: Session, system: str) -> Outside:
    """Return how `jira` or `pager` stands."""
    refused = session.get(OutageRow, system)
    waiting, oldest = session.execute(_WAITING, {"kinds": list(_KINDS[system])}).one()
    return Outside(refused.since if refused else None, waiting, datetime.fromisoformat(oldest) if oldest else None)


_KINDS = {
    "jira": (*ON_TRACKER, "issue", "issue_note", "review_issue", "action_issue"),
    "pager": ("page", "page_elsewhere", "acknowledge_pages", "end_pages"),
}
"""Effects of tickets and incidents, by the system that does them."""
_WAITING = text("""
    SELECT count(*), min(effect ->> 'since')
    FROM (
        SELECT state FROM tickets WHERE status IN ('new', 'open', 'pending', 'resolved')
        UNION ALL
        SELECT state FROM incidents WHERE status NOT IN ('reviewed', 'cancelled') AND NOT drill AND state IS NOT NULL
    ) AS one, jsonb_array_elements(state -> 'undone') AS effect
    WHERE effect ->> 'kind' = ANY (:kinds) AND NOT (effect ->> 'failed')::boolean
""")
