"""Reports (F3): for those who lead, since they hold accounts and their revenue. No person is named."""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.callers import allowed
from api.parts import PartsOf
from api.problems import ALWAYS, documented
from domain.aggregate.command import LEADS
from domain.report.week import span_named, week_named
from services.reports import compare, release
from services.reports import week as reports
from services.reports.compare import Comparison
from services.reports.figures import WeekReport
from services.reports.release import Release
from services.security.auth import Caller

router = APIRouter(prefix="/api/v1/reports", tags=["reports"])

Lead = Annotated[Caller, allowed(LEADS)]


@router.get("/weeks/{week}", operation_id="read_week", responses=documented(*ALWAYS))
def read_week(
    week: Annotated[str, Path(description="The ISO week, as in 2026-W47.", max_length=40)], _: Lead, parts: PartsOf
) -> WeekReport:
    """Return the report of a week: volume, clocks, what repeats, tiers, channels, hands, hours, what went well (F3).

    A breach counts in the week in which it fell. Times are seconds on the wall, unless said otherwise. A week that
    lasts is reported so far.
    """
    return reports.read(parts.db, parts.service.policy, week_named(week), parts.db.clock.now())


@router.get("/comparison", operation_id="compare_times", responses=documented(*ALWAYS))
def compare_times(
    _: Lead,
    parts: PartsOf,
    before: Annotated[
        str, Query(max_length=40, description="A quarter, a month or a week: 2026-Q1, 2026-03, 2026-W12.")
    ],
    after: Annotated[str, Query(max_length=40, description="A later one.")],
) -> Comparison:
    """Compare two times: volume, first response, satisfaction, cost for each contact, deflection; and the policy (F3).

    Times are seconds on the wall. Of fewer than five tickets, ratings or contacts there is no figure.
    """
    spans = span_named(before), span_named(after)
    return compare.read(parts.db, parts.service.policy, *spans, parts.db.clock.now())


@router.get("/release", operation_id="judge_release", responses=documented(*ALWAYS, "not_found"))
def judge_release(
    _: Lead,
    parts: PartsOf,
    version: Annotated[str, Query(min_length=1, max_length=200, description="A fix version of the issue tracker.")],
    days: Annotated[int, Query(ge=1, le=release.MOST_DAYS, description="Days before and after.")] = release.DAYS,
) -> Release:
    """Return the areas that a release fixed, before and after it, beside all other areas (F3).

    Of fewer than five cases there is no figure.
    """
    return release.read(parts.db, parts.service.policy, version, days, parts.db.clock.now())
