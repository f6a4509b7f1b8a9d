"""G10: which team, or whose, a ticket is: by product area, category, language, tier and shift, with the reason."""

from datetime import datetime

from domain.calendars.calendar import CalendarError
from domain.clocks.terms import Team, Terms
from domain.core.enums import Category, Tier
from domain.ticket.state import Route, Ticket


def route(terms: Terms, *, area: str, category: Category, language: str, tier: Tier, at: datetime) -> Route | None:
    """Return the first team of the ticket's terms whose every condition fits at `at`; None if there is none.

    A team whose shift is over is passed over: the next that fits takes what comes at night. `de` fits `de-AT` too.
    """
    for team in terms.teams:
        why: list[str] = []
        if team.areas and not _fits(why, "area", area.casefold(), [name.casefold() for name in team.areas]):
            continue
        if team.categories and not _fits(why, "category", category, team.categories):
            continue
        if team.languages and not _speaks(why, team, language):
            continue
        if team.tiers and not _fits(why, "tier", tier, team.tiers):
            continue
        if team.shift and not _on_shift(why, terms, team.shift, at):
            continue
        return Route(team=team.name, agent=team.agent, why=tuple(why) or ("any ticket",))
    return None


def reroute(
    ticket: Ticket, at: datetime, *, tier: Tier | None = None, area: str | None = None,
    category: Category | None = None, language: str | None = None,
) -> Route | None:  # fmt: skip
    """Return the team for a ticket that enters `tier` or is corrected; None if the terms have no team for it."""
    return route(
        ticket.terms,
        area=ticket.product_area if area is None else area,
        category=category or ticket.category,
        language=language or ticket.language,
        tier=tier or ticket.tier,
        at=at,
    )


def _fits(why: list[str], what: str, value: str, wanted: "tuple[str, ...] | list[str]") -> bool:
    if value not in wanted:
        return False
    why.append(f"{what} {value}")
    return True


def _speaks(why: list[str], team: Team, language: str) -> bool:
    spoken = language.casefold()
    wanted = [other.casefold() for other in team.languages]
    return any(_fits(why, "language", tongue, wanted) for tongue in (spoken, spoken.partition("-")[0]))


def _on_shift(why: list[str], terms: Terms, shift: str, at: datetime) -> bool:
    """Return whether a team is at work. Beyond what its calendar knows, nobody is."""
    calendar = terms.shifts.get(shift)
    try:
        if calendar is None or not calendar.is_open(at):
            return False
    except CalendarError:
        return False
    why.append(f"shift {shift}")
    return True
