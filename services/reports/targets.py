"""Targets of the policy (F3): the figures of weeks beside them, and which were in force from when until when."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy.orm import Session

from domain.report import targets as rules
from domain.report.targets import TARGETS, TargetFigure, TargetsInForce
from domain.report.week import Share, Span
from store import help_figures, targets
from store import week_report as rows
from store.database import Database


def of_weeks(
    session: Session, weeks: Sequence[Span], edges: Sequence[datetime], clocks: Sequence[rows.ClockRow],
    rated: Sequence[Share],
) -> tuple[TargetFigure, ...]:  # fmt: skip
    """Return the figures that have a target, week by week. `edges`: where the weeks begin, and the last one ends."""
    in_force = targets.in_force(session, edges[1:])
    if not in_force[-1]:
        return ()
    figures = {
        "first_response_kept": [_kept(clocks, "first_response", week) for week in range(len(weeks))],
        "resolution_kept": [_kept(clocks, "resolution", week) for week in range(len(weeks))],
        "satisfaction": rated,
        "self_serve": [_self_serve(session, *ends) for ends in pairwise(edges)]
        if "self_serve" in in_force[-1]
        else [Share(count=0, of=0)] * len(weeks),
    }
    return rules.beside([week.name for week in weeks], figures, in_force)


def _kept(clocks: Sequence[rows.ClockRow], metric: str, week: int) -> Share:
    """Return how many clocks of the contract were kept in a week, of those kept, missed or waived."""
    theirs = [
        one for one in clocks
        if (one.stretch, one.side, one.metric) == (week, "contract", metric) and one.status != "withdrawn"
    ]  # fmt: skip
    kept = sum(one.clocks for one in theirs if one.status == "kept")
    return Share(count=kept, of=sum(one.clocks for one in theirs))


def _self_serve(session: Session, first: datetime, last: datetime) -> Share:
    visits = help_figures.counts(session, first, last)
    return Share(count=visits.solved, of=visits.sessions)


def history(db: Database, now: datetime, weeks: int) -> tuple[TargetsInForce, ...]:
    """Return which targets were in force in so many weeks, from when until when. Raises DatabaseDown."""
    with db.session() as session:
        return rules.history(targets.changes(session, now - timedelta(weeks=weeks)))


def line(one: TargetFigure) -> str:
    """Return a figure beside its target, and for how long it is met or missed."""
    now = one.weeks[-1]
    weeks = f"{one.for_weeks} week{'' if one.for_weeks == 1 else 's'}"
    said = "too few to say" if now.met is None else f"{'met' if now.met else 'missed'} for {weeks}"
    return f"{one.says}: {now.figure}, target {now.target} %: {said}"


def history_lines(found: Sequence[TargetsInForce]) -> Iterator[str]:
    """Yield which targets were in force from when until when, the latest first."""
    for one in reversed(found):
        until = f"until {one.until:%Y-%m-%d %H:%M} UTC" if one.until else "until now"
        named = ", ".join(f"{name} {one.targets[name]} %" for name in TARGETS if name in one.targets) or "no target"
        yield f"from {one.since:%Y-%m-%d %H:%M} UTC {until}: {named} (policy {', '.join(one.versions)})"
    if not found:
        yield "no ticket opened in that time, so nothing is known of targets"
