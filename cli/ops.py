"""`tierline ops`: find what does not go on by itself, and what to do about it. It asks the database and Temporal."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.text import Text

from cli.output import console, example, exit_on_failure, print_json, print_line, safe
from cli.times import local
from services.reading.instants import iso
from services.stuck import Found, Stuck, find
from workers.bootstrap import database, load_policy_at_speed
from workers.settings import load_settings
from workers.temporal import connect

app = typer.Typer(no_args_is_help=True, help="For ops: what is stuck, why, and what to type.")

KIND = {
    "workflow_fails": "its workflow fails",
    "no_workflow": "no workflow runs",
    "effect_refused": "another system refused",
    "unanswered": "a question is open",
    "waits": "it waits for too long",
}


@app.callback()
def _ops() -> None:
    """Keep a group of one command a group."""


@app.command(epilog=example("tierline ops stuck", "tierline ops stuck --json"))
def stuck(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many tickets at most that wait for too long.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """List the tickets and incidents that do not go on by themselves, each with why, and with what to type.

    First those whose deadlines may be missed: the workflow task fails, or no workflow runs at all. Then what another
    system refused for good, questions that nobody has answered, and what has waited for too long: more than 1 weekday
    on an agent or an incident, 3 on the customer, 10 on engineering, or 1 hour for its issue or incident to be made.

    It asks for lists, however many tickets are open. Nothing is changed.
    """
    with exit_on_failure(as_json):
        found = asyncio.run(_find(limit))
        if as_json:
            return print_json({"stuck": [_as_object(one) for one in found.stuck], "more": found.more})
        if not found.stuck:
            return print_line("nothing is stuck")
        _draw(found)


async def _find(limit: int) -> Found:
    settings = load_settings()
    db = database(settings, "ops")
    try:
        client = await connect(settings)
        now = datetime.now(UTC)
        zone = now.astimezone().tzinfo or UTC
        return await find(client, db, load_policy_at_speed(settings), now, zone, limit)
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
        screen.print(f"{found.more} more wait for too long: --limit shows more of them")
