"""`tierline queue`: what matters next (G10)."""

from typing import Annotated, Any

import typer

from cli.drawing import draw_queue
from cli.output import print_json, say, telling
from domain.words import Plan, Status, Tier, WaitsOn
from store import queries
from store.database import Database
from store.queries import Line
from workers.outside import database
from workers.settings import load_settings

WITH_AN_AGENT = (WaitsOn.AGENT, WaitsOn.ESCALATION)
"""What a ticket waits on that an agent can take: not on engineering, nor on the customer."""
ALL = 100_000
"""More tickets than anybody's queue holds: what is left out is chosen here, after the order."""


def queue(
    tier: Annotated[Tier | None, typer.Option(case_sensitive=False, help="Only of this tier.")] = None,
    assignee: Annotated[str | None, typer.Option(metavar="NAME", help="Only what this agent holds.")] = None,
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
        db = database(load_settings(), "queue")
        try:
            if next_:
                _tell_next(next_to_take(db, tier, plan or []), as_json)
            else:
                found = in_queue(db, tier, assignee, plan or [], status, limit)
                _tell([line.model_dump(mode="json") for line in found], as_json)
        finally:
            db.dispose()


def next_to_take(db: Database, tier: Tier | None, plans: list[Plan]) -> Line | None:
    """G10: the first ticket that nobody holds and that waits on an agent."""
    with db.session() as session:
        free = queries.queue(session, tier=tier, unassigned=True, plans=plans, pending=False, limit=ALL)
    return next((line for line in free if line.waits_on in WITH_AN_AGENT), None)


def in_queue(
    db: Database, tier: Tier | None, assignee: str | None, plans: list[Plan], status: Status | None, limit: int
) -> list[Line]:
    """The queue; of resolved and closed tickets, which are in none, the newest first."""
    with db.session() as session:
        if status in (Status.RESOLVED, Status.CLOSED):
            found = queries.tickets(session, status=status, limit=ALL)
            return [line for line in found if _is_asked_for(line, tier, assignee, plans)][:limit]
        most = limit if status is None else ALL
        found = queries.queue(session, tier=tier, assignee=assignee, plans=plans, limit=most)
    return [line for line in found if status in (None, line.status)][:limit]


def _is_asked_for(line: Line, tier: Tier | None, assignee: str | None, plans: list[Plan]) -> bool:
    return tier in (None, line.tier) and assignee in (None, line.assignee) and (not plans or line.plan in plans)


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
