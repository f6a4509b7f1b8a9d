"""Commands of the terminal, for tickets and incidents: each is made from its one definition in the core."""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import uuid4

import typer

from cli.backend import Backend, backend
from cli.options import (
    Parameter,
    arguments,
    as_function,
    kebab,
    option,
    options_of,
    package_of,
    package_options,
    takes_text,
    values_of,
)
from cli.output import Code, Mistyped, example, exit_on_failure, mistyped, print_json, print_line
from domain.aggregate.command import Command, description_of, name_of
from domain.core.enums import Role
from domain.core.failures import Unavailable
from domain.ticket.rules.package_fields import Package
from services.examples import EXAMPLES
from services.field_help import COMMAND_HELPS

TEXTS = "A text may be read from standard input (-) or from a file (@file); @@ begins one with an @."
COMMON = frozenset({"do", "by", "role", "id", "received", "edited", "unread", "survey", "fields"})
"""What the options of every command take care of, the service stamps, or the packages' own options say."""
IDS = "named"
"""The parameter that holds the ids of tickets or incidents, as they were typed."""
NAMES: dict[str, tuple[str, ...]] = {}
"""Fields whose options have another name than they."""
NEEDED: dict[str, dict[str, tuple[str, ...]]] = {
    "ticket": {
        "assign": ("to",),
        "respond": ("text",), "note": ("text",), "step": ("text",), "attach": ("text",), "reply": ("text",),
        "wait": ("question",), "reopen": ("reason",), "return": ("reason",), "refer": ("link",),
        "prioritise": ("reason",), "waive": ("reason",), "tell_engineering": ("text",),
    },
    "incident": {
        "update": ("status",), "hand_over": ("to",), "communications": ("to",), "join": ("ticket",),
        "leave": ("ticket", "reason"), "severity": ("reason",), "cancel": ("reason",), "action": ("text",),
        "review_done": ("summary",),
    },
}  # fmt: skip
"""Fields without which a command is refused, whatever the state: the terminal asks for their options at once."""
LINE = 100
"""Characters of one line of an example."""

Claimed = StrEnum("Claimed", {role.name: role.value for role in Role if role is not Role.SYSTEM})  # type: ignore[misc]
"""The roles that somebody may say to have. `system` is Tierline itself."""
AS_JSON = option("as_json", bool, "Print one JSON object instead.", names=("--json",), default=False)


@dataclass(frozen=True)
class Noun:
    """What the commands of the terminal need to know of tickets, or of incidents."""

    name: str
    """As in `tierline ticket`."""
    parse: Callable[[Any, str], Command]
    """Makes a command of a payload and its name. Raises Refused."""
    help: str
    """What the argument is, in a line."""
    example: str
    """An id."""
    id_of: Callable[[str], Any]
    """Makes an id of what was typed. Raises Refused."""
    line: Callable[[dict[str, Any]], str]
    """Puts an answer into one line."""


@dataclass(frozen=True)
class TerminalCommand:
    """One command of the terminal: what it gives, and to what."""

    noun: Noun
    name: str
    """Its name in the terminal."""
    kind: type[Command]
    help: str = ""
    """In place of the definition's own line."""
    fixed: tuple[tuple[str, Any], ...] = ()
    """What the name says already."""

    @property
    def skip(self) -> frozenset[str]:
        """Return the fields that are no options of their own."""
        return COMMON | dict(self.fixed).keys()

    def parameters(self) -> list[Parameter]:
        """Return the ids, the command's own options, and those of every command."""
        id_help = "The command's own id: the same again gets the first answer, and is not carried out twice."
        return [
            arguments(IDS, self.noun.help, self.noun.name),
            *options_of(self.kind, COMMAND_HELPS[self.noun.name], names=NAMES, skip=self.skip),
            *(package_options() if "fields" in self.kind.model_fields else []),
            *who(),
            option("id", str, id_help, metavar="ID"),
            AS_JSON,
        ]

    def payload(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the terminal gave, as the command's payload.

        Raises Mistyped for an option that is missing, and for what the model does not take: no server is asked.
        """
        payload = values_of(self.kind, options, skip=self.skip) | dict(self.fixed)
        if "fields" in self.kind.model_fields and (fields := package_of(options)):
            payload["fields"] = fields
        for name in NEEDED[self.noun.name].get(name_of(self.kind), ()):
            if name not in dict(self.fixed) and not payload.get(name):
                raise Mistyped("missing_fields", f"missing option {_option_of(name)}", missing=[name])
        payload |= by_and_role(options) | {"id": options["id"] or uuid4().hex}
        mistyped(self.noun.parse, payload, name_of(self.kind))
        return payload

    def run(self, options: dict[str, Any]) -> None:
        """Hand the command over to each that was named, and print each answer.

        Each is told by itself: one that refuses does not keep the command from the others. The command ends with the
        code of the first that did not take it.
        """
        as_json, named = options["as_json"], list(dict.fromkeys(options[IDS]))
        first, way = Code.DONE, None
        for one in named:
            try:
                with exit_on_failure(as_json, self.worded(one if len(named) > 1 else "")):
                    id, payload = self.noun.id_of(one), self.payload(options)
                    way = way or backend()
                    answer = self._handle(way, id, payload)
                    print_json(answer) if as_json else print_line(self.noun.line(answer))
            except typer.Exit as end:
                first = first or Code(end.exit_code)
        if first:
            raise typer.Exit(first)

    def _handle(self, way: Backend, id: Any, payload: dict[str, Any]) -> dict[str, Any]:
        try:
            return way.handle(self.noun.name, id, name_of(self.kind), payload)
        except Unavailable as error:
            # It may have arrived all the same.
            raise Unavailable(f"{error} (this one is --id {payload['id']})") from None

    def worded(self, named: str) -> Callable[[str], str]:
        """Return what makes a refusal speak of options, as they are typed here, and of the one that was named."""
        fields = set(self.kind.model_fields)
        fields |= Package.model_fields.keys() if "fields" in fields else set()
        begins = f"{named}: " if named else ""
        longest_first = "|".join(sorted(fields - COMMON, key=len, reverse=True)) or "(?!)"
        own = re.compile(rf"(?<![\w-])`?({longest_first})`?(?![\w-])")

        def worded(line: str) -> str:
            kind, colon, rest = line.partition(": ")
            if not kind.startswith(("refused", "wrong")):
                return begins + line
            text, semicolon, allowed = rest.partition("; allowed now: ")
            names = own if kind in _OF_FIELDS else _QUOTED
            text = names.sub(lambda found: _option_of(found[1]) if found[1] in fields else found[0], text)
            see = f". See `tierline {self.noun.name} {self.name} --help`." if kind.startswith("wrong") else ""
            return begins + kind + colon + text + semicolon + allowed + see

        return worded

    def example(self) -> list[str]:
        """Return how the command is used, in lines of a shell."""
        noun = self.noun.name
        payload = EXAMPLES[noun].get(name_of(self.kind), {})
        lines = [f"tierline {noun} {self.name} {self.noun.example}"]
        for words in _words({field: value for field, value in payload.items() if field not in dict(self.fixed)}):
            if len(lines[-1]) + len(words) < LINE:
                lines[-1] += f" {words}"
            else:
                lines.append(f"    {words}")
        return [*(f"{line} \\" for line in lines[:-1]), lines[-1]]

    def mount(self, app: typer.Typer) -> None:
        """Add the command to the terminal."""
        takes_texts = "fields" in self.kind.model_fields or takes_text(self.kind, skip=self.skip)
        app.command(
            self.name,
            help=self.help or description_of(self.kind),
            epilog=(f"{TEXTS}\n\n" if takes_texts else "") + example(*self.example()),
        )(as_function(self.name, self.parameters(), self.run))


_OF_FIELDS = ("refused (missing_fields)", "refused (malformed)", "wrong usage")
"""Refusals that name fields; others quote one where they mean it."""
_QUOTED = re.compile(r"`(\w+)`")


def _option_of(name: str) -> str:
    """Return the option that a field has in the terminal: a bug report has one for each of its parts."""
    return "--bug-..." if name == "bug_report" else NAMES.get(name, (kebab(name),))[0]


def _words(payload: Mapping[str, Any]) -> Iterator[str]:
    """Yield the options that give a payload."""
    for name, value in payload.items():
        match value:
            case {"absent": word, "reason": reason}:
                yield f"{kebab(word)} {shlex.quote(reason)}"
            case dict():
                yield from _words(value)
            case list():
                yield from (f"{kebab(name)} {shlex.quote(one)}" for one in value)
            case _:
                yield f"{kebab(name)} {shlex.quote(str(value))}"


def who() -> list[Parameter]:
    """Return the options that say who does it."""
    by = "Who does it. Through an API, its token says so."
    return [
        option("by", str, by, envvar="TIERLINE_AGENT", show_default="your login name", metavar="NAME"),
        option("role", Claimed | None, "In which role. Through an API, its token says so.", show_default="agent"),
    ]


def by_and_role(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return who does it, where that was said."""
    return {name: str(options[name]) for name in ("by", "role") if options[name]}
