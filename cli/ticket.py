"""`tierline ticket`: every command that a ticket takes, and how one is opened and shown."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import uuid4

import typer

from cli.backend import backend
from cli.commands import AS_JSON, TEXTS, Noun, TerminalCommand, by_and_role, who
from cli.groups import Group, make_command
from cli.list import list_tickets
from cli.options import Parameter, as_function, kebab, options_of, values_of
from cli.output import Mistyped, example, exit_on_failure, mistyped, print_error, print_json, print_line
from cli.show import show, text
from domain.aggregate.command import name_of
from domain.core.ids import spoken
from domain.core.refusal import Refused
from domain.ticket import commands as c
from services.field_help import ACCOUNT_HELPS, FORM_HELPS
from services.intake.request import AccountForm, OpenRequest

NOT_OF_THE_FORM = frozenset({"account", "by", "role", "opened_at", "unread"})
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


def _line(answer: dict[str, Any]) -> str:
    did = ", ".join(answer["did"]) or "nothing new"
    return (
        f"{answer['ticket']}: {did}. {answer['status']} in {answer['tier']}, "
        f"assignee {answer['assignee'] or 'nobody'}, waits on {answer['waits_on']}, SLA {answer['sla']}"
    )


NOUN = Noun("ticket", c.parse, "The ticket's id, as people say it.", "4k7m-3q9x-tbd2", ticket_of, _line)
COMMANDS = [TerminalCommand(NOUN, name_of(kind), kind) for kind in c.UPDATES if kind is not c.ReplaceTerms]
"""All that people send. New terms are a whole policy and calendar, resolved by the service: no words of a shell."""


class _Tickets(Group):
    late = {command.name: partial(make_command, command.name, command.mount) for command in COMMANDS}


app = typer.Typer(
    cls=_Tickets,
    no_args_is_help=True,
    help=f"One ticket: open it, look at it, and everything that it takes.\n\n{TEXTS}",
)

# -- Opening -------------------------------------------------------------------------------------------------


def form_parameters() -> list[Parameter]:
    """Return the form (G11): the account, the ticket, and who opens it."""
    account = options_of(AccountForm, ACCOUNT_HELPS, names={"id": ("--account",)}, skip=frozenset())
    for place, parameter in enumerate(account):
        account[place] = parameter.replace(name=f"account_{parameter.name}")
    form = options_of(OpenRequest, FORM_HELPS, names=FORM_NAMES, skip=NOT_OF_THE_FORM)
    optional = [p.replace(default=None) if p.name == "external_id" else p for p in form]
    return [*account, *optional, *who(), AS_JSON]


def form_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the form as the terminal gave it. Raises Mistyped for what it does not take."""
    account = {name.removeprefix("account_"): value for name, value in options.items() if name.startswith("account_")}
    form = values_of(OpenRequest, options, skip=NOT_OF_THE_FORM)
    form["account"] = values_of(AccountForm, account, skip=frozenset())
    form |= by_and_role(options)
    if not form.get("subject") and not form.get("description"):
        raise Mistyped(
            "missing_fields", "missing option --subject (or --description): what it is about", missing=["subject"]
        )
    form.setdefault("external_id", uuid4().hex)
    return mistyped(OpenRequest.parse, form).model_dump(mode="json", exclude_unset=True)


def _open(options: dict[str, Any]) -> None:
    with exit_on_failure(options["as_json"], _worded):
        _print_receipt(backend().open(form_of(options)), options["as_json"])


def _worded(line: str) -> str:
    """Make a refusal of a form speak of options, as they are typed here: `--arr` for `account.arr`."""
    kind, colon, rest = line.partition(": ")
    if not kind.startswith(("refused", "wrong")):
        return line
    faults = [fault.partition(": ") for fault in rest.split("; ")]
    text = kind + colon + "; ".join(_option_of(field) + mark + why for field, mark, why in faults)
    return f"{text}. See `tierline ticket open --help`." if kind.startswith("wrong") else text


def _option_of(field: str) -> str:
    """Return the option that a field of the form has here; any other text as it is."""
    top, _, part = field.partition(".")
    if top == "account" and part in AccountForm.model_fields:
        return "--account" if part == "id" else kebab(part)
    return FORM_NAMES.get(top, (kebab(top),))[0] if top in OpenRequest.model_fields else field


def _print_receipt(receipt: dict[str, Any], as_json: bool) -> None:
    if as_json:
        return print_json(receipt)
    print_line(receipt["ticket"])  # nothing else on stdout, so that a script can keep it
    if not receipt["created"]:
        print_error("this request was sent before: the ticket is the same")
    if not receipt["started"]:
        print_error("Temporal does not answer: the ticket is on record, and starts when this is sent again")


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
app.command(epilog=example("tierline ticket text 4k7m-3q9x-tbd2", "tierline ticket text 4k7m-3q9x-tbd2 3f9a1c2b0d1e"))(
    text
)
app.command(
    "list",
    epilog=example(
        "tierline ticket list export fails", "tierline ticket list --mine", "tierline ticket list --account acme --json"
    ),
)(list_tickets)
