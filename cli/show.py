"""`tierline ticket show`: one ticket, whole: its fields, clocks, what is missing, what it waits on, its timeline."""

from typing import Annotated

import typer

from cli.drawing import draw
from cli.output import print_json, telling
from cli.reach import reach
from domain.ids import spoken
from domain.refusal import Refused


def show(
    ticket: Annotated[str, typer.Argument(help="The ticket's id, as people say it.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Show a ticket: fields, clocks, what is missing, what it waits on, and its timeline.

    It is the workflow that says how the ticket stands, while it runs and a worker answers; otherwise the journal.
    """
    with telling(as_json):
        try:
            shown = reach().show(spoken(ticket))
        except ValueError as error:
            raise Refused("not_found", str(error)) from None
        if as_json:
            print_json(shown)
        else:
            draw(shown)
