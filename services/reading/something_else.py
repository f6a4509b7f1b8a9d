"""The ticket to take next for somebody who asks for something else than what they have had lately."""

from collections import Counter
from collections.abc import Collection
from datetime import tzinfo
from typing import NamedTuple

from domain.core.enums import Plan, Status, Tier
from domain.ticket.something_else import Waiting, pick
from services.reading.board import weekdays_before
from services.reading.lists import WITH_AN_AGENT
from store import queries, variety
from store.database import Database
from store.queries import Line

WORKING_DAYS = 5
"""Weekdays whose work counts: Saturdays, Sundays and holidays are not told from each other."""
LOOKED_AT = 100
"""Tickets of the queue that are looked at, from its beginning."""


class ToTake(NamedTuple):
    """A ticket to take, and why this one."""

    line: Line | None
    """None: there is nothing to take."""
    why: str


def to_take(
    db: Database, person: str, zone: tzinfo, tier: Tier | None = None, plans: Collection[Plan] = (),
    team: str | None = None,
) -> ToTake:  # fmt: skip
    """Return the ticket of the area that a person had least in the last five working days, of those that the order of
    the queue (G10) leaves to choose from. Raises DatabaseDown."""
    now = db.clock.now()
    with db.session() as session:
        lines = queries.queue(
            session, tier=tier, team=team, unassigned=True, plans=plans, statuses=(Status.NEW, Status.OPEN),
            waits_on=WITH_AN_AGENT, limit=LOOKED_AT,
        ).lines  # fmt: skip
        areas = variety.areas(session, [line.id for line in lines])
        since = weekdays_before(now, WORKING_DAYS, zone)
        worked = variety.worked_at(session, person, since, now, in_hand=True)
    waiting = [
        Waiting(
            ticket=line.id, area=areas.get(line.id, ""), priority=line.priority, state=line.sla_state,
            waits_on=line.waits_on, incident=line.incident_number is not None,
        )
        for line in lines
    ]  # fmt: skip
    picked = pick(waiting, Counter(one.area for one in worked))
    if picked is None:
        return ToTake(None, "")
    return ToTake(next(line for line in lines if line.id == picked.ticket), picked.why)
