"""`tierline incident`: every command that an incident takes, each made from its one definition in
`domain.incident.commands`; lists, the whole of one, and the drill."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple
from uuid import uuid4

import typer

from cli.drill import drill
from cli.incident_backend import incident_reach
from cli.options import Parameter, argument, as_function, given_of, option, options_of, takes_text
from cli.output import complain, example, print_json, say, telling
from cli.render_incident import draw, draw_list
from cli.show import AS_NEW_AS
from cli.ticket import AS_JSON, COMMON, TEXTS, who, who_said
from domain.core.enums import Priority
from domain.incident import commands as c
from services.field_help import INCIDENT_HELPS
from services.incidents import DeclareRequest, number_of
from services.reading.incident import AskIncidents
from services.tickets import Unavailable
from workflows.incident.messages import IncidentAnswer

app = typer.Typer(
    no_args_is_help=True, help=f"Incidents: who has it, what comes next, and everything that one takes.\n\n{TEXTS}"
)


class Act(NamedTuple):
    """One command of the terminal: what it gives, and how it is used."""

    kind: type[c.Command]
    example: str
    help: str = ""
    """In place of the definition's own line."""
    fixed: Mapping[str, Any] = {}
    """What the name of the command says already."""


ACTS: dict[str, Act] = {
    "ack": Act(c.Acknowledge, "tierline incident ack 7 --comment 'Looking at the database.'"),
    "update": Act(c.PostUpdate, "tierline incident update 7 --status 'Found it.' --doing 'Rolling back.'"),
    "approve": Act(c.Approve, "tierline incident approve 7 --update 2"),
    "mitigate": Act(c.Mitigate, "tierline incident mitigate 7 --comment 'Traffic is on the other site.'"),
    "hand-over": Act(c.HandOver, "tierline incident hand-over 7 --to ben"),
    "communications": Act(c.AssignCommunications, "tierline incident communications 7 --to eve"),
    "join": Act(c.Join, "tierline incident join 7 --ticket 4k7m-3q9x-tbd2"),
    "leave": Act(c.Leave, "tierline incident leave 7 --ticket 4k7m-3q9x-tbd2 --reason 'Another cause.'"),
    "raise": Act(
        c.ChangeSeverity,
        "tierline incident raise 7 --reason 'All regions now.'",
        "Raise it to P0, with the reason.",
        {"priority": Priority.P0},
    ),
    "lower": Act(
        c.ChangeSeverity,
        "tierline incident lower 7 --reason 'One region only.'",
        "Lower it to P1, with the reason.",
        {"priority": Priority.P1},
    ),
    "resolve": Act(c.Resolve, "tierline incident resolve 7 --comment 'It was DNS.'"),
    "cancel": Act(c.Cancel, "tierline incident cancel 7 --reason 'A false alarm.'"),
    "action": Act(c.AddAction, "tierline incident action 7 --text 'Alert on the queue length.' --owner ben"),
    "review": Act(c.ReviewDone, "tierline incident review 7 --summary @review.txt"),
    "retry": Act(c.Retry, "tierline incident retry 7"),
}
"""Every command that people give, by its name here."""


def list_incidents(
    ended: Annotated[bool, typer.Option("--all", help="Those that have ended as well.")] = False,
    area: Annotated[str | None, typer.Option(help="Only of this part of the product.", metavar="TEXT")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """List the incidents that somebody responds to or has to review, the newest first."""
    with telling(as_json):
        found = incident_reach().listed(AskIncidents(ended=ended, area=area, limit=limit)).incidents
        print_json({"incidents": found}) if as_json else draw_list(found)


def show(
    incident: Annotated[str, typer.Argument(help="Its number, or incident-<number>.", show_default=False)],
    seq: Annotated[int, AS_NEW_AS] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Show an incident: roles, ladder, next update, tickets and what they owe, what fails, links, timeline."""
    with telling(as_json):
        shown = incident_reach().show(number_of(incident), seq)
        print_json(shown) if as_json else draw(shown)


def _declare(given: dict[str, Any]) -> None:
    with telling(given["as_json"]):
        form = {"product_area": given["area"], "priority": str(given["priority"]).upper()} | who_said(given)
        DeclareRequest.parse(form)  # what is malformed is told without a server
        receipt = incident_reach().declare(form)
        if given["as_json"]:
            return print_json(receipt.model_dump(mode="json"))
        say(str(receipt.incident))  # nothing else on stdout, so that a script can keep it
        if not receipt.created:
            complain("one is open for this area: it is that one")


def _declaration() -> list[Parameter]:
    choice = Annotated[str, typer.Option("--priority", help="P0 or P1.", metavar="P0|P1")]
    return [
        option("area", str, "The part of the product.", default=Parameter.empty, metavar="TEXT"),
        Parameter("priority", Parameter.KEYWORD_ONLY, default="P1", annotation=choice),
        *who(),
        AS_JSON,
    ]


def parameters_of(act: Act) -> list[Parameter]:
    """The incident, the command's own options, and those of every command."""
    says = "The command's own id: the same again gets the first answer, and is not carried out twice."
    return [
        argument("incident", "Its number, or incident-<number>."),
        *options_of(act.kind, INCIDENT_HELPS, names={}, skip=COMMON | act.fixed.keys()),
        *who(),
        option("id", str, says, metavar="ID"),
        AS_JSON,
    ]


def payload_of(act: Act, given: Mapping[str, Any]) -> dict[str, Any]:
    """What the terminal gave, as the command's payload. Raises Refused for what the model does not take."""
    payload = given_of(act.kind, given, skip=COMMON | act.fixed.keys()) | dict(act.fixed)
    payload |= who_said(given) | {"id": given["id"] or uuid4().hex}
    c.parse(payload, name_of(act.kind))  # what is malformed is told without a server
    return payload


def name_of(kind: type[c.Command]) -> str:
    """What a command is called everywhere but here."""
    name: str = kind.model_fields["do"].default
    return name


def _give(act: Act) -> Callable[[dict[str, Any]], None]:
    def handle(given: dict[str, Any]) -> None:
        with telling(given["as_json"]):
            number, payload = number_of(given["incident"]), payload_of(act, given)
            try:
                answer = incident_reach().handle(number, name_of(act.kind), payload)
            except Unavailable as error:
                # It may have arrived all the same.
                raise Unavailable(f"{error} (this one is --id {payload['id']})") from None
            _tell(answer, given["as_json"])

    return handle


def _tell(answer: IncidentAnswer, as_json: bool) -> None:
    if as_json:
        return print_json(answer.model_dump(mode="json"))
    did = ", ".join(answer.did) or "nothing new"
    say(f"incident-{answer.incident}: {did}. {answer.state}, commander {answer.commander}")


# -- Mounting ------------------------------------------------------------------------------------------------

app.command("list", epilog=example("tierline incident list --all --json"))(list_incidents)
app.command("show", epilog=example("tierline incident show 7"))(show)
app.command(
    "declare",
    help="Declare an incident by hand: pages its on-call at once. Prints its number.",
    epilog=example("tierline incident declare --area API --priority P0"),
)(as_function("declare", _declaration(), _declare))
for _name, _act in ACTS.items():
    _texts = f"{TEXTS}\n\n" if takes_text(_act.kind, skip=COMMON | _act.fixed.keys()) else ""
    app.command(
        _name,
        help=_act.help or (_act.kind.__doc__ or "").strip().split("\n")[0],
        epilog=_texts + example(_act.example),
    )(as_function(_name, parameters_of(_act), _give(_act)))
app.command("drill", epilog=example("tierline incident drill --area API", "tierline incident drill --json"))(drill)
