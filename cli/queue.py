"""`tierline queue`: what matters next (G10)."""

from typing import Annotated, Any

import typer

from cli.backend import backend, me
from cli.output import Mistyped, exit_on_failure, print_json, print_line
from cli.render_ticket import draw_queue
from domain.core.enums import Plan, Status, Tier


def queue(
    tier: Annotated[Tier | None, typer.Option(case_sensitive=False, help="Only of this tier.")] = None,
    assignee: Annotated[str | None, typer.Option(metavar="NAME", help="Only what this agent holds.")] = None,
    team: Annotated[str | None, typer.Option(metavar="NAME", help="Only what is routed to this team.")] = None,
    plan: Annotated[
        list[Plan] | None, typer.Option(case_sensitive=False, help="Only of this plan. May be repeated: a lane.")
    ] = None,
    status: Annotated[Status | None, typer.Option(case_sensitive=False, help="Only of this status.")] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only what you hold: TIERLINE_AGENT, or your login.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    next_: Annotated[bool, typer.Option("--next", help="Only the one to take: nobody holds it yet.")] = False,
    something_else: Annotated[
        bool,
        typer.Option("--something-else", help="With --next: of an area that you had least, where the rest can wait."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Show the queue: what matters next.

    Tickets of open incidents come first, then breached ones, then by deadline and by the plan's path.
    """
    with exit_on_failure(as_json):
        ask: dict[str, Any] = {"tier": tier, "team": team or None, "plans": plan or []}
        if something_else and not next_:
            raise Mistyped("malformed", "--something-else goes with --next")
        if next_:
            if something_else:
                ask["something_else"] = True
            _print_next(backend().next_to_take(ask), as_json)
            return
        ask |= {"assignee": me() if mine else assignee or None, "status": status, "limit": limit}
        _print_lines(backend().queue(ask)["tickets"], as_json)


def _print_lines(lines: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print_json({"tickets": lines})
    elif lines:
        draw_queue(lines)
    else:
        print_line("no ticket is in it")


def _print_next(found: dict[str, Any], as_json: bool) -> None:
    why = found.get("why")  # an API from before does not say
    if as_json:
        print_json({"ticket": found["ticket"]} | ({"why": why} if why else {}))
    elif found["ticket"]:
        draw_queue([found["ticket"]])
        if why:
            print_line(why)
    else:
        print_line("there is nothing to take")
