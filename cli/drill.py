"""`tierline incident drill`: the whole flow of an incident, with real workflows, and nobody is paged."""

import asyncio
from typing import Annotated

import typer

from cli.output import exit_on_failure, print_json
from domain.core.enums import Priority
from workers.settings import load_settings


def drill(
    area: Annotated[str, typer.Option(help="The part of the product whose ladder is climbed.")] = "drill",
    priority: Annotated[str, typer.Option(help="P0 or P1.", metavar="P0|P1")] = "P0",
    speed: Annotated[
        int, typer.Option(min=1, max=3600, help="How many times faster than the policy: at 60, a minute is a second.")
    ] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end instead.")] = False,
) -> None:
    """Walk the whole flow of an incident, and page nobody.

    Declare, page, climb the ladder, acknowledge, update, approve, mitigate, resolve, review: with the real workflow,
    journal and room, each step with the time that it took. Every call to a pager is held back, in the activity that
    would make it; nothing is made in Jira, no notice goes out, and what the room reads says DRILL.
    """
    from cli.drill_walk import walk_drill  # with database and Temporal, which no other command of an API needs

    with exit_on_failure(as_json):
        if priority.upper() not in ("P0", "P1"):
            raise typer.BadParameter("--priority is P0 or P1: only they become incidents")
        outcome = asyncio.run(walk_drill(load_settings(), area, Priority(priority.upper()), speed, quiet=as_json))
        if as_json:
            print_json(outcome)
