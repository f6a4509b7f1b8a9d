"""`tierline ticket`: every command that a ticket takes, and how one is opened and shown."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import typer

from cli.backend import backend
from cli.commands import AS_JSON, TEXTS, Noun, TerminalCommand, who, who_said
from cli.options import Parameter, as_function, given_of, options_of
from cli.output import complain, example, print_json, say, telling
from cli.show import show
from domain.core.ids import spoken
from domain.core.refusal import Refused
from domain.ticket.aggregate import TICKET
from services.field_help import ACCOUNT_HELPS, FORM_HELPS
from services.intake.request import AccountSaid, OpenRequest
from services.tickets import Receipt
from workflows.ticket.messages import Answer

app = typer.Typer(
    no_args_is_help=True, help=f"One ticket: open it, look at it, and everything that it takes.\n\n{TEXTS}"
)

NOT_OF_THE_FORM = frozenset({"account", "by", "role", "opened_at"})
FORM_NAMES = {
    "priority_guessed": ("--guessed",),
    "product_area": ("--area", "--product-area"),
}


def ticket_of(text: str) -> str:
    """Return the id in its one form. Raises Refused: what cannot be an id is no ticket's."""
    try:
        return spoken(text)
    except ValueError as error:
        raise Refused("not_found", str(error)) from None


def _line(answer: Answer) -> str:
    did = ", ".join(answer.did) or "nothing new"
    return (
        f"{answer.ticket}: {did}. {answer.status} in {answer.tier}, assignee {answer.assignee or 'nobody'}, "
        f"waits on {answer.waits_on}, SLA {answer.sla}"
    )


NOUN = Noun(TICKET, "The ticket's id, as people say it.", "4k7m-3q9x-tbd2", ticket_of, _line)
COMMANDS = [TerminalCommand(NOUN, name, kind) for name, kind in TICKET.offered.items() if name != "replace_terms"]
"""All that people send. New terms are a whole policy and calendar, resolved by the service: no words of a shell."""

# -- Opening -------------------------------------------------------------------------------------------------


def form_parameters() -> list[Parameter]:
    """The form (G11): the account, the ticket, and who opens it."""
    account = options_of(AccountSaid, ACCOUNT_HELPS, names={"id": ("--account",)}, skip=frozenset())
    for place, parameter in enumerate(account):
        account[place] = parameter.replace(name=f"account_{parameter.name}")
    form = options_of(OpenRequest, FORM_HELPS, names=FORM_NAMES, skip=NOT_OF_THE_FORM)
    optional = [p.replace(default=None) if p.name == "external_id" else p for p in form]
    return [*account, *optional, *who(), AS_JSON]


def form_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The form as the terminal gave it. Raises Refused for what it does not take."""
    account = {name.removeprefix("account_"): value for name, value in given.items() if name.startswith("account_")}
    form = given_of(OpenRequest, given, skip=NOT_OF_THE_FORM)
    form["account"] = given_of(AccountSaid, account, skip=frozenset())
    form |= who_said(given)
    form.setdefault("external_id", uuid4().hex)
    return OpenRequest.parse(form).model_dump(mode="json", exclude_unset=True)


def _open(given: dict[str, Any]) -> None:
    with telling(given["as_json"]):
        _tell_receipt(backend().open(form_of(given)), given["as_json"])


def _tell_receipt(receipt: Receipt, as_json: bool) -> None:
    if as_json:
        return print_json(receipt.model_dump(mode="json"))
    say(receipt.ticket)  # nothing else on stdout, so that a script can keep it
    if not receipt.created:
        complain("this request was here before: it is the same ticket")
    if not receipt.started:
        complain("Temporal does not answer: the ticket is on record, and starts when this is sent again")


# -- Mounting ------------------------------------------------------------------------------------------------

app.command(
    "open",
    help="Open a ticket: print its id.",
    epilog=f"{TEXTS}\n\n"
    + example(
        "tierline ticket open --account acme --plan standard --priority P2 --subject 'Export fails' \\",
        "    --description @mail.txt",
    ),
)(as_function("open", form_parameters(), _open))
app.command(epilog=example("tierline ticket show 4k7m-3q9x-tbd2"))(show)
for _command in COMMANDS:
    _command.mount(app)
