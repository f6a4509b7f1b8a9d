"""`tierline ticket`: every command that a ticket takes, each made from its definition in `domain.ticket.commands`."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any
from uuid import uuid4

import typer

from cli.backend import reach
from cli.options import (
    Parameter,
    argument,
    as_function,
    given_of,
    option,
    options_of,
    package_of,
    package_options,
    takes_text,
)
from cli.output import complain, example, print_json, say, telling
from cli.show import show
from domain.core.enums import Role
from domain.core.ids import spoken
from domain.core.refusal import Refused
from domain.ticket import commands as c
from services.field_help import ACCOUNT_HELPS, FORM_HELPS, HELPS
from services.intake.request import AccountSaid, OpenRequest
from services.tickets import Receipt, Unavailable
from workflows.ticket.messages import Answer

TEXTS = "A text may be read from standard input (-) or from a file (@file); @@ begins one with an @."

app = typer.Typer(
    no_args_is_help=True, help=f"One ticket: open it, look at it, and everything that it takes.\n\n{TEXTS}"
)

COMMANDS: tuple[type[c.Command], ...] = tuple(kind for kind in c.UPDATES if kind is not c.ReplaceTerms)
"""All that people send. New terms are a whole policy and calendar, resolved at the front door: no words of a shell."""

COMMON = frozenset({"do", "by", "role", "id", "received", "fields"})
"""What the options of every command take care of, our front door stamps, or the packages' own options say."""
NOT_OF_THE_FORM = frozenset({"account", "by", "role", "opened_at"})

Claimed = StrEnum("Claimed", {role.name: role.value for role in Role if role is not Role.SYSTEM})  # type: ignore[misc]
"""The roles that somebody may say to have. `system` is Tierline itself."""

EXAMPLES: dict[str, tuple[str, ...]] = {
    "open": (
        "tierline ticket open --account acme --plan standard --priority P2 --subject 'Export fails' \\",
        "    --description @mail.txt",
    ),
    "take": ("tierline ticket take 4k7m-3q9x-tbd2",),
    "respond": ("tierline ticket respond 4k7m-3q9x-tbd2 --text 'We are looking into it.'",),
    "note": ("tierline ticket note 4k7m-3q9x-tbd2 --text 'Same account as last week.'",),
    "step": ("tierline ticket step 4k7m-3q9x-tbd2 --text 'Cleared the cache: no change.'",),
    "attach": ("tierline ticket attach 4k7m-3q9x-tbd2 --text 'https://files.example.com/trace.txt'",),
    "fill": (
        "tierline ticket fill 4k7m-3q9x-tbd2 --customer-impact 'Cannot close the month.' \\",
        "    --reproduction-steps @steps.txt --no-logs 'It happens before logging starts.'",
    ),
    "wait": ("tierline ticket wait 4k7m-3q9x-tbd2 --question 'Which browser do you use?'",),
    "reply": ("tierline ticket reply 4k7m-3q9x-tbd2 --role customer --by acme --text 'Firefox.'",),
    "escalate": (
        "tierline ticket escalate 4k7m-3q9x-tbd2",
        "tierline ticket escalate 4k7m-3q9x-tbd2 --to T3 --json-fields @package.json",
    ),
    "return": ("tierline ticket return 4k7m-3q9x-tbd2 --reason 'The steps are for another version.'",),
    "refer": ("tierline ticket refer 4k7m-3q9x-tbd2 --link https://community.example.com/t/42",),
    "resolve": (
        "tierline ticket resolve 4k7m-3q9x-tbd2 --resolution solved --message 'It works again.' \\",
        "    --what-was-done 'Rebuilt the index.' --root-cause 'A stale index.' --kb-article KB-17",
    ),
    "reopen": ("tierline ticket reopen 4k7m-3q9x-tbd2 --reason 'It is back.'",),
    "close": ("tierline ticket close 4k7m-3q9x-tbd2",),
    "prioritise": ("tierline ticket prioritise 4k7m-3q9x-tbd2 --priority P1 --reason 'All users are affected.'",),
    "amend": ("tierline ticket amend 4k7m-3q9x-tbd2 --category billing --tags invoice --tags vat",),
    "tell_engineering": ("tierline ticket tell_engineering 4k7m-3q9x-tbd2 --text 'It happens in Safari too.'",),
    "waive": (
        "tierline ticket waive 4k7m-3q9x-tbd2 --role lead --metric resolution --reason 'Agreed with the customer.'",
    ),
    "retry": ("tierline ticket retry 4k7m-3q9x-tbd2",),
    "rate": ("tierline ticket rate 4k7m-3q9x-tbd2 --role customer --csat 5",),
}

FORM_NAMES = {
    "priority_guessed": ("--guessed",),
    "product_area": ("--area", "--product-area"),
}
AS_JSON = option("as_json", bool, "Print one JSON object instead.", names=("--json",), default=False)


def name_of(kind: type[c.Command]) -> str:
    """What a command is called, here as everywhere."""
    name: str = kind.model_fields["do"].default
    return name


def parameters_of(kind: type[c.Command]) -> list[Parameter]:
    """The ticket, the command's own options, and those of every command."""
    packages = package_options() if "fields" in kind.model_fields else []
    says = "The command's own id: the same again gets the first answer, and is not carried out twice."
    return [
        argument("ticket", "The ticket's id, as people say it."),
        *options_of(kind, HELPS, names={}, skip=COMMON),
        *packages,
        *who(),
        option("id", str, says, metavar="ID"),
        AS_JSON,
    ]


def who() -> list[Parameter]:
    by = "Who does it. Through an API, its token says so."
    return [
        option("by", str, by, envvar="TIERLINE_AGENT", show_default="your login name", metavar="NAME"),
        option("role", Claimed | None, "In which role. Through an API, its token says so.", show_default="agent"),
    ]


def who_said(given: Mapping[str, Any]) -> dict[str, Any]:
    """Who does it, where that was said."""
    return {name: str(given[name]) for name in ("by", "role") if given[name]}


def payload_of(kind: type[c.Command], given: Mapping[str, Any]) -> dict[str, Any]:
    """What the terminal gave, as the command's payload. Raises Refused for what the model does not take."""
    payload = given_of(kind, given, skip=COMMON)
    if "fields" in kind.model_fields and (fields := package_of(given)):
        payload["fields"] = fields
    payload |= who_said(given) | {"id": given["id"] or uuid4().hex}
    c.parse(payload, name_of(kind))  # what is malformed is told without a server
    return payload


def _give_with(kind: type[c.Command]) -> Callable[[dict[str, Any]], None]:
    name = name_of(kind)

    def handle(given: dict[str, Any]) -> None:
        with telling(given["as_json"]):
            ticket = ticket_of(given["ticket"])
            payload = payload_of(kind, given)
            try:
                answer = reach().handle(ticket, name, payload)
            except Unavailable as error:
                # It may have arrived all the same.
                raise Unavailable(f"{error} (this one is --id {payload['id']})") from None
            _tell_answer(answer, given["as_json"])

    return handle


def ticket_of(text: str) -> str:
    """The id in its one form. Raises Refused: what cannot be an id is no ticket's."""
    try:
        return spoken(text)
    except ValueError as error:
        raise Refused("not_found", str(error)) from None


def _tell_answer(answer: Answer, as_json: bool) -> None:
    if as_json:
        return print_json(answer.model_dump(mode="json"))
    did = ", ".join(answer.did) or "nothing new"
    say(
        f"{answer.ticket}: {did}. {answer.status} in {answer.tier}, assignee {answer.assignee or 'nobody'}, "
        f"waits on {answer.waits_on}, SLA {answer.sla}"
    )


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
        _tell_receipt(reach().open(form_of(given)), given["as_json"])


def _tell_receipt(receipt: Receipt, as_json: bool) -> None:
    if as_json:
        return print_json(receipt.model_dump(mode="json"))
    say(receipt.ticket)  # nothing else on stdout, so that a script can keep it
    if not receipt.created:
        complain("this request was here before: it is the same ticket")
    if not receipt.started:
        complain("Temporal does not answer: the ticket is on record, and starts when this is sent again")


# -- Mounting ------------------------------------------------------------------------------------------------


def _mount(name: str, help_: str, run: Callable[..., None], *, texts: bool) -> None:
    told = f"{TEXTS}\n\n" if texts else ""
    app.command(name, help=help_, epilog=told + example(*EXAMPLES[name]))(run)


_mount("open", "Open a ticket: print its id.", as_function("open", form_parameters(), _open), texts=True)
app.command(epilog=example("tierline ticket show 4k7m-3q9x-tbd2"))(show)
for _kind in COMMANDS:
    _mount(
        name_of(_kind),
        (_kind.__doc__ or "").strip().split("\n")[0],
        as_function(name_of(_kind), parameters_of(_kind), _give_with(_kind)),
        texts="fields" in _kind.model_fields or takes_text(_kind, skip=COMMON),
    )
