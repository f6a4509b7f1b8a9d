"""`tierline backtest`: what would have become of recorded incidents under a policy, and under another one."""

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

from cli.backtest_compare import compare
from cli.output import Code, exit_on_failure, print_error, print_json, print_line, safe
from domain.core.enums import Plan
from integrations.recorded.log import LogError, Recorded, read
from services.backtest import COUNTED, Case, Outcome, Summary, prepare, summary
from services.backtest import replay as through_core
from services.policy_comparison import changed_terms
from services.policy_file.load import load_policy
from workers.replay import replay_all
from workers.settings import load_settings
from workers.virtual_time import virtual_time

TICKETS = 100
"""How many run through the real workflow, if not said: a minute's work."""
AHEAD = timedelta(days=1)
"""So far ahead the openings begin: a ticket that waits for its turn must not have missed its own by then."""
PROGRESS = 5.0
"""Seconds between two words on how far it is."""


def backtest(
    log: Annotated[Path, typer.Argument(metavar="LOG", help="JSON lines, plain or gzip.", show_default=False)],
    policy: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The policy to try. [default: the one in use]", show_default=False),
    ] = None,
    against: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A second policy, to be compared with it.", show_default=False)
    ] = None,
    tickets: Annotated[
        int | None, typer.Option(min=1, help=f"Only the first so many. [default: all; with --real, {TICKETS}]")
    ] = None,
    plan: Annotated[Plan, typer.Option(case_sensitive=False, help="The plan that they are promised.")] = Plan.STANDARD,
    enforce: Annotated[
        bool, typer.Option("--enforce", help="Let the Tier 1 limit act, not only count: what it forbids is refused.")
    ] = False,
    real: Annotated[
        bool, typer.Option("--real", help="Run them through the real workflow, on a Temporal server of its own.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Run recorded incidents through a policy, and count what would have become of them; or through two, compared.

    The rules alone decide, without Temporal or a database: nothing is stored, and nobody outside hears of it. What
    people did stays at its recorded instant, moved by whole weeks to now on, and what the log lacks is marked as not
    recorded. The Tier 1 limit only counts overruns, since people did not know of it, unless --enforce is given.

    With --against, each ticket that goes another way is listed with the first decision that differs, and the numbers of
    the two policies behind it.

    A line of LOG is an incident, with "id", "opened_at", "product", "impact", "country", "closed_at" and "events",
    each of them with "at", "state", "tier", "team" and "actor".

    Exit code 2 if LOG cannot be read or a line of it is wrong, 3 if Temporal does not start, 5 if a policy is wrong.
    """
    with exit_on_failure(as_json), _ended_in_order():
        if real and (against or enforce):
            raise typer.BadParameter("--real runs one policy, and the limit only counts there: leave out the others")
        chosen = load_policy(policy or load_settings().policy)
        other = load_policy(against) if against else None
        recorded = _read(log, tickets or (TICKETS if real else None), as_json)
        start = datetime.now(UTC) + AHEAD
        cases = [prepare(one, plan, chosen, start, enforced=enforce) for one in recorded]
        display = _Display(cases, as_json, quiet=other is not None)
        with display.watching():
            outcomes = asyncio.run(_by_workflow(cases, display)) if real else _by_core(cases, display)
        if other is None:
            display.end(summary(outcomes), outcomes, {"plan": plan.value, "by": "workflow" if real else "core"})
            return
        others = [prepare(one, plan, other, start, enforced=enforce) for one in recorded]
        second = _Display(others, as_json, quiet=True)
        with second.watching():
            second_outcomes = _by_core(others, second)
        changed = changed_terms(cases[0].terms, others[0].terms)
        names = (policy.name if policy else "in use", against.name if against else "")
        compare(outcomes, second_outcomes, changed, names=names, as_json=as_json)


def _read(log: Path, most: int | None, as_json: bool) -> list[Recorded]:
    """Return what there is to run, read to its end first: a bad line is said before anything starts."""
    try:
        recorded = list(islice(read(log), most))
    except LogError as error:
        _end(str(error), as_json)
    return recorded or _end(f"{log}: no incident is in it", as_json)


def _end(message: str, as_json: bool) -> NoReturn:
    if as_json:
        print_json({"code": Code.USAGE.name.lower(), "message": message})
    else:
        print_error(message)
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
    """End the block at SIGTERM as at Ctrl-C: the server that we have started must not outlive us."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Display:
    """A line for each ticket as it comes, and the counts at the end; for a program, one object at the end.

    How far it is, is told beside them, on stderr.
    """

    def __init__(self, cases: list[Case], as_json: bool, *, quiet: bool = False) -> None:
        """`quiet` leaves out the lines of single tickets."""
        self._as_json = as_json
        self._quiet = as_json or quiet
        self._began = time.monotonic()
        self._tickets = len(cases)
        self._shown = 0
        self._width = max(len(safe(case.script.opening["external_id"])) for case in cases)
        if not self._quiet:
            self._row("id", "status", [_spoken(name) for name in COUNTED], "breaches")

    def show(self, outcome: Outcome) -> None:
        """Print what became of one ticket."""
        self._shown += 1
        if not self._quiet:
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
        """Print the counts of all tickets."""
        if self._as_json:
            each = [_outcome_as_json(outcome) for outcome in outcomes]
            print_json({**counts.as_dict(), **how, "seconds": round(self._seconds, 1), "outcomes": each})
            return
        typer.echo("")
        for name, value in counts.as_dict().items():
            print_line(f"{_spoken(name)}: {_words(value)}")
        print_line(f"by the {how['by']} on plan {how['plan']}, in {self._seconds:.1f} s")

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._began


def _outcome_as_json(outcome: Outcome) -> dict[str, Any]:
    """Return one ticket, for a program."""
    numbers = {name: getattr(outcome, name) for name in COUNTED}
    lists = {"breaches": outcome.breaches, "refusals": outcome.refusals}
    return {"id": outcome.external_id, "status": outcome.status.value, **numbers, **lists}


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} {name}" for name, count in value.items()) or "none"
    return str(value)
