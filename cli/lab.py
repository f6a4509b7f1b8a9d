"""`tierline lab`: what another team would have changed."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.output import Code, console, example, exit_on_failure, print_error, print_json, print_line, safe
from integrations.recorded.log import LogError, read
from services.team.simulation import RUNS, Change, Result, Waits, simulate
from services.team.work import Work, of_journal, of_log
from store import lives
from workers.bootstrap import database
from workers.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="The lab: what another team would have changed.")

JOURNAL = "journal"
FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]
MOST_TEAMS = 12
"""Teams that are listed at a terminal; --json has all."""
HEADINGS = ("team", "agents", "wait, h", "recorded", "simulated as it was", "fits", "with the change", "difference")
TENTH = 0.1
"""Hours."""
NOTES = (
    "hours until somebody takes a piece of work; in brackets the lowest and the highest of the runs",
    "assumed: an agent is at work from the first act of a day to soon after the last, works on one piece at a time, "
    "and shares the time equally among all that they have in hand",
    "fits: whether the same simulation without a change comes near the record; where it does not, habits and not "
    "hands decide how long work waits there, and the simulation says nothing about that team",
)


@app.callback()
def _lab() -> None:
    """Keep the group a group while it has one command."""


@app.command(epilog=example("tierline lab team journal --since 2026-09-01 --more 1 --team T2"))
def team(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="`journal`, or a log as for `backtest`.", show_default=False)
    ],
    more: Annotated[int, typer.Option(min=0, max=100, help="So many agents more.")] = 0,
    to: Annotated[
        str | None,
        typer.Option(
            "--team", metavar="NAME", help="Their team; a tier where no team is known. [default: the busiest]"
        ),
    ] = None,
    longer: Annotated[float, typer.Option(min=0, max=12, help="So many hours that each shift is longer.")] = 0.0,
    pool: Annotated[
        str, typer.Option(metavar="NAMES", help="Teams whose agents take each other's work, as in T1,T2.")
    ] = "",
    since: Annotated[
        datetime | None, typer.Option(formats=FORMATS, help="Of the journal: opened then or later.")
    ] = None,
    until: Annotated[datetime | None, typer.Option(formats=FORMATS, help="Of the journal: opened before that.")] = None,
    runs: Annotated[int, typer.Option(min=2, max=100, help="How often it is simulated.")] = RUNS,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Simulate the queues of a team with more agents, longer hours or shared teams, over the work that was recorded.

    Arrivals, who was at work when, and how long work took are those of the record. The answer stands beside what was
    recorded, and beside the simulation without a change, so that you see how far to trust it.

    Exit code 2 if a log cannot be read, 3 if the database is away.
    """
    with exit_on_failure(as_json):
        try:
            work = _work(source, since, until)
        except LogError as error:
            if as_json:
                print_json({"code": Code.USAGE.name.lower(), "message": str(error)})
            else:
                print_error(str(error))
            raise typer.Exit(Code.USAGE) from None
        if not work.pieces:
            print_error(f"{source}: nobody has taken anything in it")
            raise typer.Exit(Code.USAGE)
        teams, pooled = work.teams(), tuple(one.strip() for one in pool.split(",") if one.strip())
        if unknown := [one for one in (to, *pooled) if one and one not in teams]:
            raise typer.BadParameter(f"no work of {', '.join(unknown)}; there is of {', '.join(teams[:MOST_TEAMS])}")
        change = Change(more, to or teams[0], longer * 3600, pooled)
        found = simulate(work, change, runs)
        print_json(_as_object(found, runs)) if as_json else _draw(found, change, runs)


def _work(source: str, since: datetime | None, until: datetime | None) -> Work:
    if source != JOURNAL:
        return of_log(read(Path(source)))
    db = database(load_settings(), "lab")
    try:
        chosen = lives.Chosen(since=since and since.astimezone(UTC), until=until and until.astimezone(UTC))
        return of_journal(life.events for life in lives.read(db, chosen))
    finally:
        db.dispose()


def _draw(found: list[Result], change: Change, runs: int) -> None:
    print_line(f"the change: {_in_words(change)}; {runs} runs")
    print_line("")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in (
        "team",
        "agents",
        "wait, h",
        "recorded",
        "simulated as it was",
        "fits",
        "with the change",
        "difference",
    ):
        table.add_column(heading)
    for one in found[:MOST_TEAMS]:
        for word, name in (("median", "median"), ("9 of 10", "ninth")):
            head = (safe(one.team), str(one.agents)) if name == "median" else ("", "")
            sides = (_spread([getattr(run, name) for run in side]) for side in (one.as_it_was, one.changed))
            difference = [
                getattr(after, name) - getattr(before, name)
                for before, after in zip(one.as_it_was, one.changed, strict=True)
            ]
            was, then = sides
            recorded = getattr(one.recorded, name)
            fits = "yes" if _fits(recorded, [getattr(run, name) for run in one.as_it_was]) else "no"
            table.add_row(*head, word, f"{recorded:.2f}", was, fits, then, _spread(difference, signed=True))
    console().print(table)
    if len(found) > MOST_TEAMS:
        print_line(f"and {len(found) - MOST_TEAMS} teams with less work: --json has them")
    print_line("")
    for note in NOTES:
        print_line(note)


def _in_words(change: Change) -> str:
    words = []
    if change.more:
        words.append(f"{change.more} more in {change.team}")
    if change.longer:
        words.append(f"shifts {change.longer / 3600:g} h longer")
    if change.pooled:
        words.append(f"{' and '.join(change.pooled)} share their agents")
    return ", ".join(words) or "none"


def _fits(recorded: float, simulated: list[float]) -> bool:
    """Return whether the record is near the runs: within half of the lowest and twice the highest, or six minutes."""
    return min(simulated) / 2 - TENTH <= recorded <= max(simulated) * 2 + TENTH


def _spread(figures: list[float], *, signed: bool = False) -> str:
    """Return the mean of the runs, with the lowest and the highest."""
    sign = "+" if signed else ""
    mean = sum(figures) / len(figures)
    low, middle, high = (f"{one + 0.0:{sign}.2f}" for one in (min(figures), mean, max(figures)))
    return f"{middle} [{low}, {high}]".replace("-0.00", "+0.00" if signed else "0.00")


def _as_object(found: list[Result], runs: int) -> dict[str, Any]:
    def waits(one: Waits) -> dict[str, Any]:
        return {"pieces": one.pieces, "median_h": round(one.median, 4), "ninth_h": round(one.ninth, 4)}

    return {
        "runs": runs,
        "notes": list(NOTES),
        "teams": [
            {
                "team": one.team,
                "agents": one.agents,
                "recorded": waits(one.recorded),
                "as_it_was": [waits(run) for run in one.as_it_was],
                "changed": [waits(run) for run in one.changed],
            }
            for one in found
        ],
    }
