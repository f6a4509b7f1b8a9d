"""`tierline report`: what a week of support came to, and two times compared."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from cli.output import example, exit_on_failure, print_json, print_line, safe
from domain.policy.policy import Policy
from domain.report.week import span_named, week_named
from services.reports import compare, compare_text, release, targets, text, week
from store.database import Database
from workers.bootstrap import database, load_policy_at_speed
from workers.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Reports: what a week of support came to, and two times compared.")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]


@app.command("week", epilog=example("tierline report week", "tierline report week --week 2026-W47 --json"))
def show_week(
    named: Annotated[
        str, typer.Option("--week", metavar="WEEK", help="As in 2026-W47. [default: the last one that is over]")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Print the report of a week (F3): volume, clocks, what repeats, tiers, channels, hands and hours, what went well.

    A breach counts in the week in which it fell. Figures stand beside the four weeks before. No person is ranked. It
    reads the database, and changes nothing.
    """
    with exit_on_failure(as_json), _opened() as (db, policy):
        now = db.clock.now()
        asked = week_named(named) if named else week.last_week(now, policy)
        report = week.read(db, policy, asked, now)
        if as_json:
            return print_json(report.model_dump(mode="json"))
        for line in text.lines(report):
            print_line(safe(line))


@app.command(
    "compare", epilog=example("tierline report compare 2026-Q1 2026-Q3", "tierline report compare 2026-10 2026-11")
)
def show_comparison(
    before: Annotated[str, typer.Argument(metavar="EARLIER", help="A quarter, a month or a week, as in 2026-Q1.")],
    after: Annotated[str, typer.Argument(metavar="LATER", help="Another one, as in 2026-Q3.")],
    as_json: AsJson = False,
) -> None:
    """Compare two times (F3): volume, first response, satisfaction, cost for each contact, deflection; and the policy.

    A quarter (2026-Q1), a month (2026-03) or a week (2026-W12). It reads the database, and changes nothing.
    """
    with exit_on_failure(as_json), _opened() as (db, policy):
        found = compare.read(db, policy, span_named(before), span_named(after), db.clock.now())
        if as_json:
            return print_json(found.model_dump(mode="json"))
        for line in compare_text.lines(found):
            print_line(safe(line))


@app.command("release", epilog=example("tierline report release 4.13", "tierline report release 4.13 --days 14 --json"))
def show_release(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A fix version, as the issue tracker calls it.")],
    days: Annotated[int, typer.Option(min=1, max=release.MOST_DAYS, help="Days before and after.")] = release.DAYS,
    as_json: AsJson = False,
) -> None:
    """Show the areas that a release fixed, before and after it, beside all other areas (F3): tickets, satisfaction.

    Of fewer than five cases nothing is said. It reads the database, and changes nothing.
    """
    with exit_on_failure(as_json), _opened() as (db, policy):
        found = release.read(db, policy, version, days, db.clock.now())
        if as_json:
            return print_json(found.model_dump(mode="json"))
        for line in release.lines(found):
            print_line(safe(line))


@app.command("targets", epilog=example("tierline report targets", "tierline report targets --weeks 104 --json"))
def show_targets(
    weeks: Annotated[int, typer.Option(min=1, max=520, help="How far to look back.")] = 52, as_json: AsJson = False
) -> None:
    """Print which targets of the policy were in force from when until when (F3), by the tickets that opened under them.

    It reads the database, and changes nothing.
    """
    with exit_on_failure(as_json), _opened() as (db, _policy):
        found = targets.history(db, db.clock.now(), weeks)
        if as_json:
            return print_json({"targets": [one.model_dump(mode="json") for one in found]})
        for line in targets.history_lines(found):
            print_line(safe(line))


@contextmanager
def _opened() -> Iterator[tuple[Database, Policy]]:
    settings = load_settings()
    db = database(settings, "report")
    try:
        yield db, load_policy_at_speed(settings)
    finally:
        db.dispose()
