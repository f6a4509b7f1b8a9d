"""`tierline queue`: what matters next (G10)."""

from typing import Annotated, Any

import typer

from cli.backend import backend
from cli.output import print_json, say, telling
from cli.render_ticket import draw_queue
from domain.core.enums import Plan, Status, Tier
from services.reading.lists import Ask
from store.queries import Line


def queue(
    tier: Annotated[Tier | None, typer.Option(case_sensitive=False, help="Only of this tier.")] = None,
    assignee: Annotated[str | None, typer.Option(metavar="NAME", help="Only what this agent holds.")] = None,
    team: Annotated[str | None, typer.Option(metavar="NAME", help="Only what is routed to this team.")] = None,
    plan: Annotated[
        list[Plan] | None, typer.Option(case_sensitive=False, help="Only of this plan. May be repeated: a lane.")
    ] = None,
    status: Annotated[Status | None, typer.Option(case_sensitive=False, help="Only of this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    next_: Annotated[bool, typer.Option("--next", help="Only the one to take: nobody holds it yet.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Show the queue: what matters next.

    Tickets of open incidents come first, then breached ones, then by deadline and by the plan's path.
    """
    with telling(as_json):
        plans = tuple(plan or ())
        if next_:
            _tell_next(backend().next_to_take(tier, plans, team or None), as_json)
            return
        ask = Ask(tier=tier, assignee=assignee or None, team=team or None, plans=plans, status=status, limit=limit)
        _tell([line.model_dump(mode="json") for line in backend().queue(ask).tickets], as_json)


def _tell(lines: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json({"tickets": lines})
    elif lines:
        draw_queue(lines)
    else:
        say("no ticket is in it")


def _tell_next(line: Line | None, as_json: bool) -> None:
    found = line.model_dump(mode="json") if line else None
    if as_json:
        print_json({"ticket": found})
    elif found:
        draw_queue([found])
    else:
        say("there is nothing to take")
