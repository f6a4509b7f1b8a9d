"""The report of a week, and two times compared, as pages; for the wall as well: light, dark and printed (F3)."""

import asyncio
from datetime import timedelta
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.parts import Parts
from domain.aggregate.command import LEADS
from domain.core.refusal import Refused
from domain.report.comparison import last_quarters
from domain.report.week import FEW, Span, span_named, week_named, week_of
from services.policy_file.zones import zone_info
from services.reports import compare, compare_text, customer_effort, renewals, targets, text, variety, wins
from services.reports import week as reports
from services.reports.figures import HeatMap, WeekReport
from web.board import Plot, round_up
from web.gate import PREFIX
from web.refusal import Refusal
from web.render import page
from web.speed_and_quality import scatters

WEEK = f"{PREFIX}/week"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
TRENDS = (
    ("area", "Area"), ("category", "Category"), ("plan", "Plan"), ("priority", "Priority"), ("cause", "Cause"),
    ("language", "Language"),
)  # fmt: skip
"""What tickets that opened are listed by."""


class Heat(NamedTuple):
    """A heat map of one zone."""

    name: str
    title: str
    description: str
    week: tuple[tuple[float, ...], ...]
    top: float


async def show(request: Request) -> Response:
    """Show the report of a week: the last one that is over, or the one that the address names."""
    check_reader(request)
    parts: Parts = request.app.state.parts
    policy, now = parts.service.policy, parts.db.clock.now()
    named = request.query_params.get("week", "")[:40]
    week = week_named(named) if named else reports.last_week(now, policy)
    report = await asyncio.to_thread(reports.read, parts.db, policy, week, now)
    kudos = await asyncio.to_thread(wins.kudos, parts.db, report.begins, report.ends) if report.wins.kudos else ()
    return page(
        request, "week.html", report=report, week=week, agenda=text.agenda(report), plots=_plots(report),
        heats=_heats(report), scatters=scatters(report.quality), trends=TRENDS, days=DAYS,
        before=_beside(week, -1), after=_beside(week, 1),
        say=text, target_line=targets.line, ease=customer_effort,
        next_is_known=report.begins + timedelta(days=7) <= now, kept=_kept(report),
        last_day=week.until - timedelta(days=1), kudos=kudos,
    )  # fmt: skip


def check_reader(request: Request) -> None:
    """Refuse reports to who does not lead: they hold accounts and revenue. Raises Refused (`not_allowed`)."""
    role = request.state.signed_in.caller.role
    if role not in LEADS:
        raise Refused("not_allowed", f"reports are for leads: {', '.join(sorted(LEADS))}, and your role is {role}")


async def show_variety(request: Request) -> Response:
    """Show how varied everybody's work was in a week: this one, or the one that the address names. A page of its own:
    the report is for the wall as well."""
    check_reader(request)
    parts: Parts = request.app.state.parts
    policy, now = parts.service.policy, parts.db.clock.now()
    named = request.query_params.get("week", "")[:40]
    week = week_named(named) if named else week_of(now.astimezone(zone_info(policy.report.zone)).date())
    people = await asyncio.to_thread(variety.of_all, parts.db, policy, week, now)
    return page(request, "variety.html", week=week, people=people, before=_beside(week, -1))


def _beside(week: Span, weeks: int) -> str:
    return week_of(week.first + timedelta(weeks=weeks)).name


def _kept(report: WeekReport) -> str:
    """Return how many of the contract's clocks were kept, in words."""
    theirs = [one for one in report.clocks if (one.side, one.by) == ("contract", "all")]
    kept, of = sum(one.share.count for one in theirs), sum(one.share.of for one in theirs)
    return f"{100 * kept / of:.0f} %" if of >= FEW else f"{kept} of {of}"


def _plots(report: WeekReport) -> list[Plot]:
    labels = [one.week.partition("-")[2] for one in report.weeks]

    def plot(name: str, title: str, what: str) -> Plot:
        figures = [getattr(week, name) for week in report.weeks]
        said = f"{what} From {min(figures)} to {max(figures)} a week; {figures[-1]} in {report.week}."
        return Plot(name, title, said, "bars", figures, labels, round_up(max(figures)))

    return [
        plot("opened", "Arrivals", "Tickets that were opened."),
        plot("ended", "Ended", "Tickets that were resolved, or closed without, and have not come back."),
        plot("breaches", "Breaches", "Breaches of the contract that are upheld, by when they fell."),
        plot("overruns", "Limit used up", "Stays in Tier 1 that used their limit up."),
    ]


def _heats(report: WeekReport) -> list[tuple[HeatMap, Heat, Heat]]:
    return [
        (
            zone,
            _heat(f"arrivals-{place}", f"{zone.zone}: arrivals", zone.arrivals, "tickets"),
            _heat(f"wait-{place}", f"{zone.zone}: hours until support was open", zone.wait, "hours, on average"),
        )
        for place, zone in enumerate(report.hours.zones)
    ]


def _heat(name: str, title: str, week: tuple[tuple[float, ...], ...], unit: str) -> Heat:
    most, day, hour = max((figure, -day, -hour) for day, row in enumerate(week) for hour, figure in enumerate(row))
    said = f"Most on {DAYS[-day]} at {-hour:02}:00: {most:g} {unit}." if most else f"No {unit}."
    return Heat(name, title, said, week, max(most, 1))


async def show_comparison(request: Request) -> Response:
    """Show two times side by side: the last two quarters, or those that the address names. What cannot be compared is
    said on the page."""
    check_reader(request)
    parts: Parts = request.app.state.parts
    policy, now = parts.service.policy, parts.db.clock.now()
    spans = last_quarters(now.astimezone(zone_info(policy.report.zone)).date())
    names = [request.query_params.get(name, "")[:40] or span.name for name, span in zip(ENDS, spans, strict=True)]
    found, refusal = None, None
    try:
        before, after = (span_named(name) for name in names)
        found = await asyncio.to_thread(compare.read, parts.db, policy, before, after, now)
    except Refused as refused:
        refusal = Refusal.of("compare", refused)
    return page(
        request, "compare.html", refusal.status if refusal else 200,
        found=found, refusal=refusal, names=names, say=compare_text,
        renewals_note=renewals.NOTE,
    )  # fmt: skip


ENDS = ("before", "after")
ROUTES = [
    Route(WEEK, show, methods=["GET"]),
    Route(f"{WEEK}/compare", show_comparison, methods=["GET"]),
    Route(f"{WEEK}/variety", show_variety, methods=["GET"]),
]
