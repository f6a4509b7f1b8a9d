"""What a lead looks at: what is stuck and why, overruns, hand-backs, breaches, attention, load, weeks in figures."""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from domain.core.enums import Tier, WaitsOn
from store import board as rows
from store.board import AttentionAsked, HandedBack, Held, Overrun, StuckTicket, UpheldBreach, Waiting
from store.database import Database

HOUR = timedelta(hours=1)
STUCK_AFTER: dict[WaitsOn, int | timedelta] = {
    WaitsOn.AGENT: 1,
    WaitsOn.INCIDENT: 1,
    WaitsOn.CUSTOMER: 3,
    WaitsOn.ENGINEERING: 10,
    WaitsOn.TRACKER: HOUR,
    WaitsOn.PAGER: HOUR,
}
"""For how long a ticket may wait on the same before it is stuck: in weekdays, or a time on the wall. What waits to be
escalated has a list of its own."""
WEEKS = 12
"""Weeks in figures: full ones, and the present one."""
PACE = timedelta(days=28)
"""The time over which it is measured how many tickets end a day."""
LINES = 10
"""Lines of each list."""
PEOPLE = 50
LOOK_BACK = timedelta(days=28)
"""Breaches and hand-backs of this time are listed."""
MOST_EVENTS = 500
"""Of them, how many are read: the newest."""


class Week(NamedTuple):
    """A week in figures."""

    begins: datetime
    opened: int
    ended: int
    backlog: int
    """Active tickets at its end, or now."""
    breached: int
    overruns: int
    handed_back: int


class Pace(NamedTuple):
    """How long the backlog of a tier would take if nothing came in."""

    tier: Tier | None
    """None: all of them."""
    backlog: int
    ended_a_day: float
    """Tickets that end a day, on average of the last 28 days."""
    days: float | None
    """Days to clear the backlog at this pace; None where nothing ends."""


class Board(NamedTuple):
    """What the lead board shows."""

    waiting: Sequence[Waiting]
    stuck: Sequence[tuple[StuckTicket, str]]
    """The longest waiting ones, each with why."""
    overruns: Sequence[Overrun]
    attention: Sequence[AttentionAsked]
    handed_back: Sequence[HandedBack]
    breaches: Sequence[UpheldBreach]
    more_breaches: bool
    """There are more than those listed."""
    held: Sequence[Held]
    weeks: Sequence[Week]
    paces: Sequence[Pace]

    @property
    def stuck_tickets(self) -> int:
        """Return how many tickets are stuck, listed or not."""
        return sum(one.stuck for one in self.waiting)

    @property
    def overrun_tickets(self) -> int:
        """Return how many tickets are past their Tier 1 limit, listed or not."""
        return sum(one.tickets for one in self.waiting if one.waits_on is WaitsOn.ESCALATION)


def read(db: Database, now: datetime, zone: tzinfo) -> Board:
    """Read the board. Days and weeks are those of the reader's `zone`; a week begins on Monday. Raises DatabaseDown."""
    since, ago = stuck_since(now, zone), now - LOOK_BACK
    edges = week_edges(now, zone)
    with db.session() as session:
        waiting = rows.waiting(session, since)
        counts = rows.by_week(session, edges)
        paced = rows.ended_by_tier(session, since=now - PACE)
        breaches = rows.upheld_breaches(session, since=ago, most=MOST_EVENTS, limit=LINES + 1)
        return Board(
            waiting=waiting,
            stuck=[(one, why(one)) for one in rows.stuck(session, since, LINES)],
            overruns=rows.overruns(session, LINES),
            attention=rows.attention(session, LINES),
            handed_back=rows.handed_back(session, since=ago, most=MOST_EVENTS, limit=LINES),
            breaches=breaches[:LINES],
            more_breaches=len(breaches) > LINES,
            held=rows.held_by_each(session, PEOPLE),
            weeks=_weeks(edges, counts, sum(one.tickets for one in waiting)),
            paces=_paces(waiting, paced),
        )


def why(one: StuckTicket) -> str:
    """Return in words why a ticket does not move: what of it a person can change comes first."""
    line = one.line
    if one.failed_effects:
        return "what was asked of another system was refused: retry it"
    if one.open_questions:
        return "a question to a colleague has no answer"
    match line.waits_on:
        case WaitsOn.AGENT:
            return f"{line.assignee} has it" if line.assignee else "nobody has taken it"
        case WaitsOn.CUSTOMER:
            return "the customer has not answered"
        case WaitsOn.ENGINEERING:
            return f"{line.jira_key} is {one.issue_status or 'open'}"
        case WaitsOn.INCIDENT:
            return f"incident-{line.incident_number} is open"
        case WaitsOn.TRACKER:
            return "its issue is not made yet"
        case WaitsOn.PAGER:
            return "its incident is not open yet"
        case _:
            return "nothing is known"


def stuck_since(now: datetime, zone: tzinfo) -> dict[WaitsOn, datetime]:
    """Return since when a ticket must have waited to be stuck, by what it waits on. Saturdays and Sundays do not
    count towards days."""
    return {
        kind: now - after if isinstance(after, timedelta) else weekdays_before(now, after, zone)
        for kind, after in STUCK_AFTER.items()
    }


def weekdays_before(now: datetime, days: int, zone: tzinfo) -> datetime:
    """Return the same local time so many weekdays before; a weekend counts as the Monday after it, 0:00."""
    local = now.astimezone(zone)
    if local.weekday() >= 5:
        monday = local.date() + timedelta(days=7 - local.weekday())
        local = datetime.combine(monday, datetime.min.time(), zone)
    while days:
        local = datetime.combine(local.date() - timedelta(days=1), local.timetz())
        days -= local.weekday() < 5
    return local


def week_edges(now: datetime, zone: tzinfo) -> list[datetime]:
    """Return when each of the last weeks began, the present one included, and now. A week begins on Monday, 0:00."""
    local = now.astimezone(zone)
    monday = local.date() - timedelta(days=local.weekday())
    begins = [monday - timedelta(weeks=back) for back in range(WEEKS, -1, -1)]
    midnights = [datetime.combine(day, datetime.min.time(), zone) for day in begins]
    return [*midnights, max(now, midnights[-1] + timedelta(microseconds=1))]


def _weeks(edges: Sequence[datetime], counts: rows.WeekCounts, active: int) -> list[Week]:
    """Put the weeks together. The backlog at the end of a week is that of now, without what has come since, and with
    what has ended since."""
    weeks: list[Week] = []
    for place in reversed(range(len(edges) - 1)):
        figures = (counts.breached[place], counts.overruns[place], counts.handed_back[place])
        weeks.append(Week(edges[place], counts.opened[place], counts.ended[place], active, *figures))
        active += counts.ended[place] - counts.opened[place]
    return weeks[::-1]


def _paces(waiting: Sequence[Waiting], ended: dict[Tier, int]) -> list[Pace]:
    backlog = {tier: sum(one.tickets for one in waiting if one.tier is tier) for tier in Tier}
    days = PACE / timedelta(days=1)

    def pace(tier: Tier | None, tickets: int, gone: int) -> Pace:
        return Pace(tier, tickets, gone / days, tickets * days / gone if gone else None)

    every = pace(None, sum(backlog.values()), sum(ended.values()))
    return [every, *(pace(tier, backlog[tier], ended.get(tier, 0)) for tier in Tier)]
