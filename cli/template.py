"""`tierline template`: reply templates (F9), and how the replies that were made of each did."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.text import Text

from cli.backend import backend
from cli.commands import TEXTS, Claimed
from cli.options import read_text
from cli.output import Mistyped, console, example, exit_on_failure, print_json, print_line, safe
from cli.tables import Column, draw_table
from cli.times import local
from domain.core.enums import Channel
from domain.core.ids import spoken
from domain.core.refusal import Refused
from domain.ticket.rules.templates import FROM_TICKET, PERSONAL

app = typer.Typer(
    no_args_is_help=True,
    help="Reply templates: what each says, how its replies did; write, change and retire them.\n\n"
    f"A gap is a name in double braces. A ticket fills {', '.join(FROM_TICKET)}; any other name is for the agent to "
    f"fill. {{{{{PERSONAL}}}}} stands in it once, where the agent writes what is for one customer only.",
)

Name = Annotated[str, typer.Argument(help="The template's name.", show_default=False, metavar="NAME")]
Situation = Annotated[str | None, typer.Option(help="When it fits, in a line.", metavar="TEXT")]
For = Annotated[
    Channel | None, typer.Option("--channel", case_sensitive=False, help="Only for this channel; nothing: any.")
]
Language = Annotated[str | None, typer.Option(help="Its language, such as en.", metavar="TAG")]
Tone = Annotated[str | None, typer.Option(help="Its tone, in a word.", metavar="TEXT")]
Body = Annotated[str | None, typer.Option(help="Its text, with its gaps.", metavar="TEXT")]
By = Annotated[
    str | None,
    typer.Option(
        help="Who does it. Through an API, its token says so.", envvar="TIERLINE_AGENT",
        show_default="your login name", metavar="NAME",
    ),
]  # fmt: skip
InRole = Annotated[
    Claimed | None,
    typer.Option(
        "--role", case_sensitive=False, show_default="agent",
        help="In which role: leads, ops and admins change templates. Through an API, its token says so.",
    ),
]  # fmt: skip
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]

COLUMNS = (
    Column("name"), Column("for", 30), Column("sent"), Column("edited"), Column("came back"), Column("satisfied"),
    Column("when it fits"),
)  # fmt: skip


@app.command("list", epilog=example("tierline template list", "tierline template list --retired"))
def list_(
    retired: Annotated[bool, typer.Option("--retired", help="Those that are retired, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """List the templates, and how the replies of each did in the last 90 days.

    Edited: how many were sent with the template's own words changed, and how many percent of these on average. Came
    back: the customer wrote again, or the ticket was reopened. Satisfied: of those on tickets that were rated, how many
    were rated with 4 or 5.
    """
    with exit_on_failure(as_json):
        found = backend().templates()
        lines = [one for one in found["templates"] if retired or not one["template"]["retired"]]
        if as_json:
            print_json(found | {"templates": lines})
        elif lines:
            draw_table(console(uncut=True), COLUMNS, [_row(one) for one in lines])
        else:
            print_line("there is no template")


def _row(one: dict[str, Any]) -> Sequence[Text]:
    template, use = one["template"], one["use"]
    belongs = [template["channel"] or "any channel", template["language"], template["tone"]]
    edited = f"{use['edited']} of {use['compared']}" if use["compared"] else "-"
    edited += f", by {use['edited_percent']} %" if use["edited"] else ""
    cells = (
        template["name"],
        ", ".join(filter(None, belongs)),
        str(use["sent"]),
        edited,
        str(use["came_back"]) if use["sent"] else "-",
        f"{use['satisfied']} of {use['rated']}" if use["rated"] else "-",
        template["situation"] + (" (retired)" if template["retired"] else ""),
    )
    return [Text(safe(cell)) for cell in cells]


@app.command(epilog=example("tierline template show works-again"))
def show(name: Name, as_json: AsJson = False) -> None:
    """Show a template: what it is for, and its text."""
    with exit_on_failure(as_json):
        found = backend().template(name)
        if as_json:
            return print_json(found)
        print_line(f"{found['name']}: {found['situation']}{' (retired)' if found['retired'] else ''}")
        belongs = [found["channel"] or "any channel", found["language"], found["tone"]]
        print_line(f"for {', '.join(filter(None, belongs))}")
        print_line(f"version {found['version']} by {found['updated_by']}, {local(found['updated_at'])}")
        print_line("")
        _print_text(found["body"])


@app.command(
    epilog=f"{TEXTS}\n\n"
    + example(
        "tierline template add works-again --situation 'What was broken works again' --role lead \\",
        "    --body @works-again.txt",
    ),
)
def add(
    name: Annotated[
        str,
        typer.Argument(help="Its name: small letters, digits, hyphens. It stays.", show_default=False, metavar="NAME"),
    ],
    situation: Situation = None,
    body: Body = None,
    channel: For = None,
    language: Language = None,
    tone: Tone = None,
    by: By = None,
    role: InRole = None,
    as_json: AsJson = False,
) -> None:
    """Write a new template. The same again is the same template."""
    with exit_on_failure(as_json):
        for option, given in (("--situation", situation), ("--body", body)):
            if not given:
                raise Mistyped("missing_fields", f"missing option {option}", missing=[option.strip("-")])
        form = _form(situation, channel, language, tone, body) | {"name": name} | _who(by, role)
        _print_kept(backend().add_template(form), "is written", as_json)


@app.command(
    epilog=f"{TEXTS}\n\n" + example("tierline template edit works-again --body @works-again.txt --role lead"),
)
def edit(
    name: Name,
    situation: Situation = None,
    body: Body = None,
    channel: For = None,
    any_channel: Annotated[bool, typer.Option("--any-channel", help="For any channel, from now on.")] = False,
    language: Language = None,
    tone: Tone = None,
    version: Annotated[
        int | None,
        typer.Option(
            min=1, max=10**9, metavar="NUMBER", show_default="the present one",
            help="The version that you looked at: refused if somebody changed it since.",
        ),
    ] = None,
    by: By = None,
    role: InRole = None,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Change a template: what you give; the rest stays. Replies that were sent stay as they are."""
    with exit_on_failure(as_json):
        form = _form(situation, channel, language, tone, body) | ({"channel": "any"} if any_channel else {})
        if not form:
            raise Mistyped("missing_fields", "say what is to change: --situation, --body, ...", missing=["body"])
        way = backend()
        form |= {"version": version or way.template(name)["version"]} | _who(by, role)
        _print_kept(way.edit_template(name, form), "is changed", as_json)


@app.command(epilog=example("tierline template retire works-again --role lead"))
def retire(
    name: Name,
    undo: Annotated[bool, typer.Option("--undo", help="Offer it again.")] = False,
    by: By = None,
    role: InRole = None,
    as_json: AsJson = False,
) -> None:
    """Retire a template: it is offered no more. A reply that was begun with it still goes out.

    A template is never deleted, since its replies are counted by its name.
    """
    with exit_on_failure(as_json):
        kept = backend().retire_template(name, {"retired": not undo} | _who(by, role))
        _print_kept(kept, "is offered again" if undo else "is retired", as_json)


@app.command(epilog=example("tierline template preview works-again --ticket 4k7m-3q9x-tbd2"))
def preview(
    name: Name,
    ticket: Annotated[
        str | None,
        typer.Option(help="The ticket whose values fill its gaps.", metavar="TICKET", show_default="an example"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print a template's text as it looks on a ticket, and which gaps are left to the agent."""
    with exit_on_failure(as_json):
        try:
            known = spoken(ticket) if ticket else None
        except ValueError as error:
            raise Refused("not_found", str(error)) from None
        found = backend().preview_template(name, known)
        if as_json:
            return print_json(found)
        _print_text(found["text"])
        print_line("")
        print_line(f"left to the agent: {', '.join(found['gaps']) or 'nothing'}")


def _form(
    situation: str | None, channel: Channel | None, language: str | None, tone: str | None, body: str | None
) -> dict[str, Any]:
    """Return the fields of a template that were given."""
    given = {
        "situation": situation,
        "channel": channel.value if channel else None,
        "language": language,
        "tone": tone,
        "body": read_text(body, "--body") if body is not None else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _who(by: str | None, role: Claimed | None) -> dict[str, str]:
    return ({"by": by} if by else {}) | ({"role": role.value} if role else {})


def _print_kept(kept: dict[str, Any], done: str, as_json: bool) -> None:
    if as_json:
        print_json(kept)
    else:
        print_line(f"template {kept['name']} {done}: version {kept['version']}")


def _print_text(text: str) -> None:
    for line in text.splitlines():
        print_line(line)
