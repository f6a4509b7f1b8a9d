"""`tierline ticket list`: tickets by what they say, whose they are, and how they stand."""

from typing import Annotated

import typer

from cli.backend import backend, me
from cli.output import exit_on_failure, print_error, print_json, print_line
from cli.render_ticket import draw_queue
from domain.core.enums import Plan, Priority, Status, Tier


def list_tickets(
    words: Annotated[
        list[str] | None,
        typer.Argument(help="Words that stand in it; or its id, its issue's key, what its source calls it."),
    ] = None,
    account: Annotated[str | None, typer.Option(metavar="ID", help="Only of this customer.")] = None,
    requester: Annotated[str | None, typer.Option(metavar="ID", help="Only where this person of theirs wrote.")] = None,
    status: Annotated[
        list[Status] | None, typer.Option(case_sensitive=False, help="Only of this status. May be repeated.")
    ] = None,
    tier: Annotated[Tier | None, typer.Option(case_sensitive=False, help="Only of this tier.")] = None,
    priority: Annotated[Priority | None, typer.Option(case_sensitive=False, help="Only of this priority.")] = None,
    plan: Annotated[
        list[Plan] | None, typer.Option(case_sensitive=False, help="Only of this plan. May be repeated.")
    ] = None,
    assignee: Annotated[str | None, typer.Option(metavar="NAME", help="Only what this agent holds.")] = None,
    mine: Annotated[bool, typer.Option("--mine", help="Only what you hold: TIERLINE_AGENT, or your login.")] = False,
    team: Annotated[str | None, typer.Option(metavar="NAME", help="Only what is routed to this team.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    after: Annotated[
        str | None, typer.Option(metavar="PLACE", help="Where the next page begins, as the one before said.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """List or search tickets, open or not, the newest first.

    All of the words must stand in one text of a ticket; the last may be the beginning of a word. What is to be done
    next says `tierline queue`.
    """
    with exit_on_failure(as_json):
        found = backend().search(
            {
                "q": " ".join(words or ()),
                "account": account,
                "requester": requester,
                "status": status or [],
                "tier": tier,
                "priority": priority,
                "plan": plan or [],
                "assignee": me() if mine else assignee,
                "team": team,
                "limit": limit,
                "after": after,
            }
        )
        if as_json:
            return print_json(found)
        if not found["tickets"]:
            return print_line("no ticket is found")
        draw_queue(found["tickets"])
        if found["next"]:
            print_error(f"there are more: --after {found['next']}")
