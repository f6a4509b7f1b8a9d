"""Reports (F3): for those who lead, since they hold accounts and their revenue. No person is named."""

from typing import Annotated

from fastapi import APIRouter, Path

from api.callers import allowed
from api.parts import PartsOf
from api.problems import ALWAYS, documented
from domain.aggregate.command import LEADS
from domain.report.week import week_named
from services.reports import week as reports
from services.reports.figures import WeekReport
from services.security.auth import Caller

router = APIRouter(prefix="/api/v1/reports", tags=["reports"])

Lead = Annotated[Caller, allowed(LEADS)]


@router.get("/weeks/{week}", operation_id="read_week", responses=documented(*ALWAYS))
def read_week(
    week: Annotated[str, Path(description="The ISO week, as in 2026-W47.", max_length=40)], _: Lead, parts: PartsOf
) -> WeekReport:
    """The report of a week: volume, clocks, what repeats, tiers, channels, hands, hours, what went well (F3).

    A breach counts in the week in which it fell. Times are seconds on the wall, unless said otherwise. A week that
    lasts is reported so far.
    """
    return reports.read(parts.db, parts.service.policy, week_named(week), parts.db.clock.now())
