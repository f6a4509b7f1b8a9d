"""`tierline backtest`: what would have become of tickets under a policy, and under another one."""

import asyncio
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from cli.backtest_compare import draw_comparison, draw_tally, tally_as_object
from cli.backtest_progress import Lines, Progress
from cli.output import Code, exit_on_failure, print_error, print_json
from domain.core.enums import Plan
from domain.policy.policy import Policy
from integrations.recorded.log import LogError, Recorded, read
from services.backtest import Acts, Outcome, Promises, assumed, few_collections, replay, summary
from services.journal_backtest import relive
from services.policy_comparison import By, Comparison, Tally
from services.policy_file.load import load_policy
from store import lives
from workers.bootstrap import database
from workers.replay import replay_all
from workers.settings import load_settings
from workers.virtual_time import virtual_time

JOURNAL = "journal"
"""The source that is no file: our own tickets."""
TICKETS = 100
"""How many run through the real workflow, if not said: a minute's work."""
AHEAD = timedelta(days=1)
"""So far ahead the openings begin: a ticket that waits for its turn must not have missed its own by then."""
FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S%z"]

Outcomes = Iterator[tuple[Outcome, ...]]
"""Ticket by ticket, what became of it under each policy."""


def backtest(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="`journal` for our own tickets; or a log, JSON lines, plain or gzip.",
            show_default=False,
        ),
    ],
    policy: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The policy to try. [default: the one in use; of the journal, what each ticket was promised]",
            show_default=False,
        ),
    ] = None,
    against: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A second policy, to be compared with it.", show_default=False)
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=FORMATS, help="Of the journal: opened then or later, in the terminal's zone."),
    ] = None,
    until: Annotated[datetime | None, typer.Option(formats=FORMATS, help="Of the journal: opened before that.")] = None,
    account: Annotated[str | None, typer.Option(metavar="ID", help="Of the journal: tickets of this account.")] = None,
    plan: Annotated[
        Plan | None,
        typer.Option(
            case_sensitive=False,
            help="Of the journal: tickets on this plan. Of a log: the plan that they are promised. [default: standard]",
        ),
    ] = None,
    tickets: Annotated[
        int | None, typer.Option(min=1, help=f"Only the first so many. [default: all; with --real, {TICKETS}]")
    ] = None,
    acts: Annotated[
        Acts | None,
        typer.Option(
            help="What becomes of acts that the policy forbids: `kept`, as if people had found a way, or `refused`, "
            "and left out. [default: kept of a log, refused of the journal]",
        ),
    ] = None,
    by: Annotated[By, typer.Option(help="By what to count.")] = "priority",
    real: Annotated[
        bool, typer.Option("--real", help="Run a log through the real workflow, on a Temporal server of its own.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Run recorded tickets through a policy, and count what would have become of them; or through two, compared.

    The rules alone decide, without Temporal: nothing is stored, and nobody outside hears of it. What people did stays
    at its recorded instant, and every deadline is worked out again. With --against, each ticket that goes another way
    is listed with the first decision that differs, and the numbers of the two policies behind it.

    `journal` reads our own tickets from the database. Without --policy each lives again under what it was promised, and
    the same must come of it: how many did is said at the end.

    A log is moved by whole weeks to now on, and what it lacks is marked as not recorded. A line of it is an incident,
    with "id", "opened_at", "product", "impact", "country", "closed_at" and "events", each of them with "at", "state",
    "tier", "team" and "actor".

    Exit code 2 if a log cannot be read or a line of it is wrong, 3 if the database is away or Temporal does not start,
    5 if a policy is wrong.
    """
    with exit_on_failure(as_json), _ended_in_order():
        of_journal = source == JOURNAL
        if real and (against or acts or of_journal):
            raise typer.BadParameter("--real runs a log through one policy, and the limit only counts there")
        if not of_journal and (since or until or account):
            raise typer.BadParameter("--since, --until and --account are of the journal: backtest journal --since ...")
        policies = [load_policy(policy) if policy else None if of_journal else load_policy(load_settings().policy)]
        policies += [load_policy(against)] if against else []
        how = acts or ("refused" if of_journal else "kept")
        notes = [] if policies == [None] else [assumed(how, of_journal)]
        if of_journal:
            chosen = lives.Chosen(since=_instant(since), until=_instant(until), account=account, plan=plan)
            run = _of_journal(chosen, policies, how, tickets)
        elif real:
            run = _Run(iter(()), Progress(_checked(Path(source), tickets or TICKETS, as_json)))
        else:
            promises = [Promises(one, plan or Plan.STANDARD, how) for one in policies if one]
            run = _of_log(_recorded(Path(source), tickets), promises, _checked(Path(source), tickets, as_json))
        if not run.progress.total:
            _end("the journal has no such ticket" if of_journal else f"{source}: no incident is in it", as_json)
        first = "as promised" if policies[0] is None else policy.name if policy else "in use"
        try:
            if against:
                comparison = _compared(run, by)
                notes += run.notes()
                draw_comparison(comparison, (first, against.name), notes, run.progress.seconds, as_json=as_json)
            else:
                with Lines(as_json) as lines:
                    recorded = _recorded(Path(source), tickets or TICKETS) if real else None
                    kept = Promises(policies[0] or load_policy(), plan or Plan.STANDARD)
                    came = _by_workflow(recorded, kept, lines, run.progress) if recorded else _shown(run, lines)
                    tally = Tally(by)
                    counts = summary(_tallied(came, tally))
                    said = {"by": "workflow" if real else "core", "policy": first}
                    said |= {"plan": plan.value} if plan else {} if of_journal else {"plan": Plan.STANDARD.value}
                    if as_json:
                        said |= tally_as_object(tally)
                    else:
                        draw_tally(tally, first)
                    lines.end(counts, said, run.progress.seconds, notes + run.notes())
        except LogError as error:
            _end(str(error), as_json)


@dataclass
class _Run:
    """Outcomes as they come, and how far they are."""

    outcomes: Outcomes
    progress: Progress
    checked: int = 0
    reproduced: int = 0

    def notes(self) -> list[str]:
        """Return what is to be said when all have come."""
        if not self.checked:
            return []
        return [
            f"checked: under its own terms, {self.reproduced} of {self.checked} tickets have the breaches, escalations "
            "and limits that are on record, at the same instants"
        ]


def _of_journal(chosen: lives.Chosen, policies: list[Policy | None], acts: Acts, most: int | None) -> _Run:
    db = database(load_settings(), "backtest")
    total = lives.count(db, chosen)
    run = _Run(iter(()), Progress(total if most is None else min(total, most)))

    def outcomes() -> Outcomes:
        try:
            for one in relive(lives.read(db, chosen, most), policies, datetime.now(UTC), acts):
                run.checked += one.reproduced is not None
                run.reproduced += one.reproduced is True
                yield one.outcomes
        finally:
            db.dispose()

    run.outcomes = outcomes()
    return run


def _checked(log: Path, most: int | None, as_json: bool) -> int:
    """Return how many incidents there are, read once and not kept: a bad line is said before anything is printed."""
    try:
        return sum(1 for _ in _recorded(log, most))
    except LogError as error:
        _end(str(error), as_json)


def _of_log(recorded: Iterator[Recorded], promises: list[Promises], total: int) -> _Run:
    first, *others = promises
    start = datetime.now(UTC) + AHEAD

    def outcomes() -> Outcomes:
        for one in recorded:
            case = first.prepare(one, start)
            yield tuple(replay(*each) for each in (case, *(other.of(case.script) for other in others)))

    return _Run(outcomes(), Progress(total))


def _by_workflow(recorded: Iterator[Recorded], promises: Promises, lines: Lines, progress: Progress) -> list[Outcome]:
    """Return what the real workflow makes of incidents, each shown as it comes.

    What there is to run is read to its end first: a bad line is said before anything starts.
    """
    start = datetime.now(UTC) + AHEAD
    known = [promises.prepare(one, start) for one in recorded]
    progress.total = len(known)

    def show(outcome: Outcome) -> None:
        progress.done += 1
        if not lines.as_json:  # people see each as it ends, a program gets them in the order of the log
            lines.show(outcome)

    async def real() -> list[Outcome]:
        async with virtual_time() as clocks:
            progress.report("Temporal is up, on virtual time")
            return await replay_all(clocks, known, show)

    with progress.watching():
        outcomes = asyncio.run(real()) if known else []
    for outcome in outcomes if lines.as_json else ():
        lines.show(outcome)
    return outcomes


def _recorded(log: Path, most: int | None) -> Iterator[Recorded]:
    return islice(read(log), most)


def _compared(run: _Run, by: By) -> Comparison:
    comparison = Comparison(by)
    with run.progress.watching(), few_collections():
        for before, after in run.outcomes:
            comparison.add(before, after)
            run.progress.done += 1
    return comparison


def _tallied(outcomes: Iterable[Outcome], tally: Tally) -> Iterator[Outcome]:
    """Yield the outcomes, each counted by its group and hour."""
    for outcome in outcomes:
        tally.add(outcome)
        yield outcome


def _shown(run: _Run, lines: Lines) -> Iterator[Outcome]:
    with run.progress.watching(), few_collections():
        for (outcome,) in run.outcomes:
            run.progress.done += 1
            lines.show(outcome)
            yield outcome


def _instant(typed: datetime | None) -> datetime | None:
    return typed.astimezone(UTC) if typed else None


def _end(message: str, as_json: bool) -> NoReturn:
    if as_json:
        print_json({"code": Code.USAGE.name.lower(), "message": message})
    else:
        print_error(message)
    raise typer.Exit(Code.USAGE)


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """End the block at SIGTERM as at Ctrl-C: the server that we have started must not outlive us."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
