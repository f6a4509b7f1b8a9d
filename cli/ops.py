"""`tierline ops`: find what does not go on by itself, and what to do about it. It asks the database and Temporal."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.text import Text

from cli.ops_size import size
from cli.ops_versions import versions
from cli.output import console, example, exit_on_failure, print_json, print_line, safe
from cli.times import local
from services.reading import lapses
from services.reading.instants import iso
from services.reading.lapses import Lapses
from services.stuck import Found, Stuck, find
from store.database import Database
from workers.bootstrap import database
from workers.settings import load_settings
from workers.temporal import connect

app = typer.Typer(no_args_is_help=True, help="For ops: find what is stuck, breached or at risk, and repair it.")

KIND = {
    "workflow_fails": "its workflow fails",
    "no_workflow": "no workflow runs",
    "journal_behind": "journal and workflow differ",
    "effect_refused": "another system refused",
    "effect_late": "another system has not answered",
    "unanswered": "a question is open",
    "waits": "it waits for too long",
    "quiet": "nothing happens",
}


Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many tickets at most. All are counted.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]


@app.command(epilog=example("tierline ops stuck", "tierline ops stuck --json"))
def stuck(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many of each kind at most.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """List the tickets and incidents that do not go on by themselves, each with why, and with what to type.

    First those whose deadlines may be missed: the workflow task fails, no workflow runs at all, or the journal lacks
    what the workflow has decided. Then what another system refused for good or has not done in time, questions that
    nobody has answered in time, and what has waited for too long: more than 1 weekday on an agent or an incident, 3 on
    the customer, 10 on engineering, or 1 hour for its issue or incident to be made. Last, what nothing has happened to
    for 2 weekdays, unless it waits on the customer or on engineering.

    It asks for lists, however many tickets are open. Nothing is changed.
    """
    with exit_on_failure(as_json):
        found = asyncio.run(_find(limit))
        if as_json:
            return print_json({"stuck": [_as_object(one) for one in found.stuck], "more": found.more})
        if not found.stuck:
            return print_line("nothing is stuck")
        _draw(found)


@app.command(epilog=example("tierline ops breached", "tierline ops breached --limit 200 --json"))
def breached(limit: Limit = 50, as_json: AsJson = False) -> None:
    """List the open tickets and incidents that have missed a deadline, each with why, and with what to type.

    Of a ticket it is the contract that counts, until the breach is withdrawn or waived; of an incident its ladder, its
    updates and its review. A ticket that was due while no workflow noticed is listed too.
    """
    with exit_on_failure(as_json):
        _print_lapses("breached", lambda db: lapses.breached(db, db.clock.now(), limit), as_json)


@app.command("at-risk", epilog=example("tierline ops at-risk", "tierline ops at-risk --within 240"))
def at_risk(
    within: Annotated[
        int, typer.Option(min=1, max=10_080, metavar="MINUTES", help="How far to look ahead, in minutes.")
    ] = 60,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List what will miss its deadline soon unless somebody acts, each with why, and with what to type.

    That is what lapses within an hour, or as many minutes as you say; and tickets that people were warned of, or that
    have missed the internal target, and not the contract.
    """
    with exit_on_failure(as_json):
        ahead = timedelta(minutes=within)
        _print_lapses("at_risk", lambda db: lapses.at_risk(db, db.clock.now(), ahead, limit), as_json)


def _print_lapses(name: str, read: Callable[[Database], Lapses], as_json: bool) -> None:
    db = database(load_settings(), "ops")
    try:
        found = read(db)
    finally:
        db.dispose()
    if as_json:
        return print_json({name: [lapses.as_object(one) for one in found.listed], "total": found.total})
    if not found.total:
        return print_line(f"nothing is {name.replace('_', ' ')}")
    screen = console(uncut=True)
    for one in found.listed:
        due = f", due {local(iso(one.due))}" if one.due else ""
        screen.print(Text(safe(f"  {one.about} {one.priority} {one.account}: {one.why}{due}")))
        screen.print(Text(safe(f"    {one.do}"), style="cyan"))
    more = found.total - len(found.listed)
    screen.print(f"{found.total} in all" + (f"; {more} more: --limit shows more of them" if more else ""))


async def _find(limit: int) -> Found:
    settings = load_settings()
    db = database(settings, "ops")
    try:
        client = await connect(settings)
        now = datetime.now(UTC)
        zone = now.astimezone().tzinfo or UTC
        return await find(client, db, now, zone, limit)
    finally:
        db.dispose()


def _as_object(one: Stuck) -> dict[str, Any]:
    return one._asdict() | {"since": iso(one.since)}


def _draw(found: Found) -> None:
    """Print each in two lines or three: what it is and why; what to type, which is never cut."""
    screen = console(uncut=True)
    kind = ""
    for one in found.stuck:
        if one.kind != kind:
            kind = one.kind
            screen.print(Text(KIND[kind].capitalize(), style="bold"))
        since = f", since {local(iso(one.since))}" if one.since else ""
        screen.print(Text(safe(f"  {one.about}: {one.why}{since}")))
        screen.print(Text(safe(f"    {one.do}"), style="cyan"))
    if found.more:
        screen.print(f"{found.more} more are stuck: --limit shows more of them")


app.command(epilog=example("tierline ops size", "tierline ops size --json"))(size)
app.command(
    epilog=example("tierline ops versions", "tierline ops versions --use 0.2.0", "tierline ops versions --move 0.1.0")
)(versions)
