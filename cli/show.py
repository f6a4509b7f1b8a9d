"""`tierline ticket show`: one ticket, whole: its fields, clocks, what is missing, what it waits on, its timeline."""

from typing import Annotated

import typer

from cli.backend import backend
from cli.output import print_json, telling
from cli.render_ticket import draw
from domain.core.ids import spoken
from domain.core.refusal import Refused

AS_NEW_AS = typer.Option(
    min=0,
    max=10**9,
    metavar="NUMBER",
    show_default=False,
    help="Show nothing older than this event: the `seq` that a command's answer has.",
)


def show(
    ticket: Annotated[str, typer.Argument(help="The ticket's id, as people say it.", show_default=False)],
    seq: Annotated[int, AS_NEW_AS] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Show a ticket: fields, clocks, what is missing, what it waits on, and its timeline.

    It is shown as the journal has it, which follows the workflow within moments; --seq asks for no less than an event.
    """
    with telling(as_json):
        try:
            shown = backend().show("ticket", spoken(ticket), seq)
        except ValueError as error:
            raise Refused("not_found", str(error)) from None
        if as_json:
            print_json(shown)
        else:
            draw(shown)
