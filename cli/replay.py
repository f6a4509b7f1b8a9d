"""`tierline replay`: what would have become of recorded incidents under our rules."""

import asyncio
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from cli.output import Code, complain, print_json, safe, say, telling
from domain.core.enums import Plan
from integrations.recorded.log import LogError, read
from services.backtest import COUNTED, Case, Outcome, Summary, prepare, summary
from services.backtest import replay as through_core
from services.policy_file.load import load_policy
from workers.replay import replay_all
from workers.settings import load_settings
from workers.virtual_time import virtual_time

TICKETS = 100
"""How many, if not said: a minute's work for the real workflow."""
AHEAD = timedelta(days=1)
"""So far ahead the openings begin: a ticket that waits for its turn must not have missed its own by then."""
PROGRESS = 5.0
"""Seconds between two words on how far it is."""


def replay(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="JSON lines, plain or gzip.", show_default=False)],
    tickets: Annotated[
        int | None, typer.Option(min=1, help=f"Only the first so many. [default: {TICKETS}; with --core, all]")
    ] = None,
    plan: Annotated[Plan, typer.Option(case_sensitive=False, help="The plan that they are promised.")] = Plan.STANDARD,
    core: Annotated[bool, typer.Option("--core", help="By the rules alone, without Temporal: much faster.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Replay recorded incidents, and count what would have become of them under our rules.

    Each runs through the real workflow, on a Temporal server of this command's own and on a clock of its own. Nothing
    is stored, and nobody outside hears of it. Times are moved by whole weeks to now on, the Tier 1 limit only counts
    overruns, and what the log lacks is marked as not recorded.

    A line of LOG is an incident, with "id", "opened_at", "product", "impact", "country", "closed_at" and "events",
    each of them with "at", "state", "tier", "team" and "actor".

    Exit code 2 if LOG cannot be read or a line of it is wrong, 3 if Temporal does not start.
    """
    with telling(as_json), _ended_in_order():
        cases = _cases(log, tickets or (None if core else TICKETS), plan, as_json)
        display = _Display(cases, as_json)
        with display.watching():
            outcomes = _by_core(cases, display) if core else asyncio.run(_by_workflow(cases, display))
        display.end(summary(outcomes), outcomes, {"plan": plan.value, "by": "core" if core else "workflow"})


def _cases(log: Path, most: int | None, plan: Plan, as_json: bool) -> list[Case]:
    """What there is to replay, read to its end first: a bad line is told before anything starts."""
    policy, start = load_policy(load_settings().policy), datetime.now(UTC) + AHEAD
    try:
        cases = [prepare(recorded, plan, policy, start) for recorded in islice(read(log), most)]
    except LogError as error:
        _end(str(error), as_json)
    return cases or _end(f"{log}: no incident is in it", as_json)


def _end(message: str, as_json: bool) -> NoReturn:
    if as_json:
        print_json({"code": Code.USAGE.name.lower(), "message": message})
    else:
        complain(message)
    raise typer.Exit(Code.USAGE)


def _by_core(cases: list[Case], display: "_Display") -> list[Outcome]:
    outcomes = []
    for case in cases:
        outcomes.append(through_core(*case))
        display.show(outcomes[-1])
    return outcomes


async def _by_workflow(cases: list[Case], display: "_Display") -> list[Outcome]:
    async with virtual_time() as clocks:
        display.report("Temporal is up, on virtual time")
        return await replay_all(clocks, cases, display.show)


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does: the server that we have started must not outlive us."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Display:
    """A line for each ticket as it comes, and the counts at the end; for a program, one object at the end.

    How far it is, is told beside them, on stderr.
    """

    def __init__(self, cases: list[Case], as_json: bool) -> None:
        self._as_json = as_json
        self._began = time.monotonic()
        self._tickets = len(cases)
        self._shown = 0
        self._width = max(len(safe(case.script.opening["external_id"])) for case in cases)
        if not as_json:
            self._row("id", "status", [_spoken(name) for name in COUNTED], "breaches")

    def show(self, outcome: Outcome) -> None:
        """What became of one ticket."""
        self._shown += 1
        if not self._as_json:
            numbers = [str(getattr(outcome, name)) for name in COUNTED]
            rest = [*outcome.breaches, *(f"refused {refusal}" for refusal in outcome.refusals)]
            self._row(safe(outcome.external_id), outcome.status, numbers, ", ".join(rest))

    def _row(self, name: str, status: str, numbers: list[str], rest: str) -> None:
        aligned = [f"{number:>{len(column)}}" for number, column in zip(numbers, COUNTED, strict=True)]
        typer.echo("  ".join([f"{name:{self._width}}", f"{status:8}", *aligned, rest]).rstrip())

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Say now and then how far it is, as long as the block lasts."""
        done = threading.Event()

        def watch() -> None:
            while not done.wait(PROGRESS):
                self.report(f"{self._shown} of {self._tickets} tickets have ended ({self._seconds:.0f} s)")

        thread = threading.Thread(target=watch, name="progress")
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def report(self, line: str) -> None:
        typer.echo(line, err=True)

    def end(self, counts: Summary, outcomes: list[Outcome], how: dict[str, Any]) -> None:
        """The counts of all."""
        if self._as_json:
            each = [_told(outcome) for outcome in outcomes]
            print_json({**counts.as_dict(), **how, "seconds": round(self._seconds, 1), "outcomes": each})
            return
        typer.echo("")
        for name, value in counts.as_dict().items():
            say(f"{_spoken(name)}: {_words(value)}")
        say(f"by the {how['by']} on plan {how['plan']}, in {self._seconds:.1f} s")

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._began


def _told(outcome: Outcome) -> dict[str, Any]:
    """One ticket, for a program."""
    numbers = {name: getattr(outcome, name) for name in COUNTED}
    lists = {"breaches": outcome.breaches, "refusals": outcome.refusals}
    return {"id": outcome.external_id, "status": outcome.status.value, **numbers, **lists}


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} {name}" for name, count in value.items()) or "none"
    return str(value)
