"""How varied the work of people was in a week: for each person their own, and all of it for leads.

It is in no report, so that it goes neither to a chat nor to programs.
"""

from datetime import datetime

from domain.policy.policy import Policy
from domain.report.variety import Variety, varieties
from domain.report.week import Span, week_of
from services.policy_file.zones import zone_info
from services.reports.week import starts
from store import variety as rows
from store.database import Database


def of_person(db: Database, policy: Policy, person: str, now: datetime) -> Variety | None:
    """Return how varied a person's work is this week, with what they hold now; None where they had nothing yet. Raises
    DatabaseDown."""
    zone = zone_info(policy.report.zone)
    first = starts(week_of(now.astimezone(zone).date()).first, zone)
    with db.session() as session:
        found = varieties(rows.worked_at(session, person, first, now, in_hand=True))
    return found[0] if found else None


def of_all(db: Database, policy: Policy, week: Span, now: datetime) -> tuple[Variety, ...]:
    """Return how varied everybody's work was in a week, by name; while it lasts, with what they hold now. Raises
    DatabaseDown."""
    zone = zone_info(policy.report.zone)
    first, last = starts(week.first, zone), starts(week.until, zone)
    with db.session() as session:
        return varieties(rows.worked_at_by_all(session, first, last, in_hand=first <= now < last))
