"""`tierline incident`: every command that an incident takes; lists, one incident whole, and the drill."""

from functools import partial
from typing import Annotated, Any

import typer

from cli.backend import backend
from cli.commands import AS_JSON, TEXTS, Noun, TerminalCommand, by_and_role, who
from cli.drill import drill
from cli.groups import Group, make_command
from cli.incident_forecast import forecast
from cli.options import Parameter, as_function, option
from cli.output import example, exit_on_failure, mistyped, print_error, print_json, print_line
from cli.render_incident import draw, draw_list
from cli.show import AS_NEW_AS
from domain.aggregate.command import name_of
from domain.core.enums import Priority
from domain.incident import commands as c
from services.intake.declaration import DeclareRequest, number_of

NAMES = {"acknowledge": "ack", "hand_over": "hand-over", "review_done": "review"}
"""Commands that have another name in the terminal."""
SEVERITIES = {
    "raise": (Priority.P0, "Raise it to P0, with the reason."),
    "lower": (Priority.P1, "Lower it to P1, with the reason."),
}
"""The two commands of the terminal that change the severity."""


def _line(answer: dict[str, Any]) -> str:
    did = ", ".join(answer["did"]) or "nothing new"
    return f"incident-{answer['incident']}: {did}. {answer['state']}, commander {answer['commander']}"


NOUN = Noun("incident", c.parse, "Its number, or incident-<number>.", "7", number_of, _line)


def _commands() -> list[TerminalCommand]:
    found: list[TerminalCommand] = []
    for kind in c.UPDATES:
        if (name := name_of(kind)) == "severity":
            found += [
                TerminalCommand(NOUN, spelt, kind, help_, (("priority", priority),))
                for spelt, (priority, help_) in SEVERITIES.items()
            ]
        else:
            found.append(TerminalCommand(NOUN, NAMES.get(name, name), kind))
    return found


COMMANDS = {command.name: command for command in _commands()}
"""Every command that people give, by its name in the terminal."""


class _Incidents(Group):
    late = {name: partial(make_command, name, command.mount) for name, command in COMMANDS.items()}


app = typer.Typer(
    cls=_Incidents,
    no_args_is_help=True,
    help=f"Incidents: who has it, what comes next, and everything that one takes.\n\n{TEXTS}",
)


def list_incidents(
    ended: Annotated[bool, typer.Option("--all", help="Those that have ended as well.")] = False,
    area: Annotated[str | None, typer.Option(help="Only of this part of the product.", metavar="TEXT")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """List the incidents that somebody responds to or has to review, the newest first."""
    with exit_on_failure(as_json):
        found = backend().incidents({"ended": ended, "area": area, "limit": limit})["incidents"]
        print_json({"incidents": found}) if as_json else draw_list(found)


def show(
    incident: Annotated[str, typer.Argument(help="Its number, or incident-<number>.", show_default=False)],
    seq: Annotated[int, AS_NEW_AS] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Show an incident: roles, ladder, next update, tickets and what they owe, what fails, links, timeline."""
    with exit_on_failure(as_json):
        view = backend().show("incident", number_of(incident), seq)
        print_json(view) if as_json else draw(view)


def _declare(options: dict[str, Any]) -> None:
    with exit_on_failure(options["as_json"]):
        form = {"product_area": options["area"], "priority": str(options["priority"]).upper()} | by_and_role(options)
        mistyped(DeclareRequest.parse, form)  # told without a server
        receipt = backend().declare(form)
        if options["as_json"]:
            return print_json(receipt)
        print_line(str(receipt["incident"]))  # nothing else on stdout, so that a script can keep it
        if not receipt["created"]:
            print_error("one is open for this area: it is that one")


def _declaration() -> list[Parameter]:
    choice = Annotated[str, typer.Option("--priority", help="P0 or P1.", metavar="P0|P1")]
    return [
        option("area", str, "The part of the product.", default=Parameter.empty, metavar="TEXT"),
        Parameter("priority", Parameter.KEYWORD_ONLY, default="P1", annotation=choice),
        *who(),
        AS_JSON,
    ]


# -- Mounting ------------------------------------------------------------------------------------------------

app.command("list", epilog=example("tierline incident list --all --json"))(list_incidents)
app.command("show", epilog=example("tierline incident show 7"))(show)
app.command(
    "declare",
    help="Declare an incident by hand: pages its on-call at once. Prints its number.",
    epilog=example("tierline incident declare --area API --priority P0"),
)(as_function("declare", _declaration(), _declare))
app.command("drill", epilog=example("tierline incident drill --area API", "tierline incident drill --json"))(drill)
app.command("forecast", epilog=example("tierline incident forecast --area API --at 2026-12-06T03:00"))(forecast)
