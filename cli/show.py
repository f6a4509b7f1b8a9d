"""`tierline ticket show`: one ticket, whole: its fields, clocks, what is missing, what it waits on, its timeline."""

from typing import Annotated

import typer

from cli.backend import backend
from cli.output import exit_on_failure, print_json, print_line, safe
from cli.render_ticket import draw
from cli.times import local
from domain.core.ids import spoken
from domain.core.refusal import Refused

AS_NEW_AS = typer.Option(
    min=0,
    max=10**9,
    metavar="NUMBER",
    show_default=False,
    help="Show nothing older than this event: the `seq` that a command's answer has.",
)


def text(
    ticket: Annotated[str, typer.Argument(help="The ticket's id, as people say it.", show_default=False)],
    id: Annotated[str | None, typer.Argument(help="The text's id; nothing: list them.", show_default=False)] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Print a text of a ticket as it came: one that was too long for the timeline, or that was HTML."""
    with exit_on_failure(as_json):
        try:
            known = spoken(ticket)
        except ValueError as error:
            raise Refused("not_found", str(error)) from None
        found = backend().text(known, id) if id else backend().texts(known)
        if as_json:
            print_json(found)
        elif id:
            print_line(safe(found["text"]))
        else:
            for one in found["texts"]:
                print_line(f"{one['id']}  {one['characters']:,} characters, {WHY[one['why']]}, {local(one['kept_at'])}")
            if not found["texts"]:
                print_line("every text of this ticket is on its timeline")


WHY = {"long": "too long for the timeline", "html": "came as HTML"}


def show(
    ticket: Annotated[str, typer.Argument(help="The ticket's id, as people say it.", show_default=False)],
    seq: Annotated[int, AS_NEW_AS] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Show a ticket: fields, clocks, what is missing, what it waits on, and its timeline.

    It is shown as the journal has it, which follows the workflow within moments; --seq asks for no less than an event.
    """
    with exit_on_failure(as_json):
        try:
            view = backend().show("ticket", spoken(ticket), seq)
        except ValueError as error:
            raise Refused("not_found", str(error)) from None
        if as_json:
            print_json(view)
        else:
            draw(view)
