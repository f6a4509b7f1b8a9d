"""Commands of the terminal, for tickets and incidents: each is made from its one definition in the core."""

import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import uuid4

import typer

from cli.backend import backend
from cli.options import (
    Parameter,
    argument,
    as_function,
    given_of,
    kebab,
    option,
    options_of,
    package_of,
    package_options,
    takes_text,
)
from cli.output import example, print_json, say, telling
from domain.aggregate.aggregate import Aggregate
from domain.aggregate.command import Command, description_of, name_of
from domain.core.enums import Role
from services.examples import EXAMPLES
from services.field_help import COMMAND_HELPS
from services.tickets import Unavailable

TEXTS = "A text may be read from standard input (-) or from a file (@file); @@ begins one with an @."
COMMON = frozenset({"do", "by", "role", "id", "received", "fields"})
"""What the options of every command take care of, the service stamps, or the packages' own options say."""
LINE = 100
"""Characters of one line of an example."""

Claimed = StrEnum("Claimed", {role.name: role.value for role in Role if role is not Role.SYSTEM})  # type: ignore[misc]
"""The roles that somebody may say to have. `system` is Tierline itself."""
AS_JSON = option("as_json", bool, "Print one JSON object instead.", names=("--json",), default=False)


@dataclass(frozen=True)
class Noun:
    """What the commands of the terminal need to know of tickets, or of incidents."""

    aggregate: Aggregate[Any]
    help: str
    """What the argument is, in a line."""
    example: str
    """An id."""
    id_of: Callable[[str], Any]
    """Makes an id of what was typed. Raises Refused."""
    line: Callable[[Any], str]
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
        """The fields that are no options of their own."""
        return COMMON | dict(self.fixed).keys()

    def parameters(self) -> list[Parameter]:
        """Return the id, the command's own options, and those of every command."""
        noun = self.noun.aggregate.noun
        says = "The command's own id: the same again gets the first answer, and is not carried out twice."
        return [
            argument(noun, self.noun.help),
            *options_of(self.kind, COMMAND_HELPS[noun], names={}, skip=self.skip),
            *(package_options() if "fields" in self.kind.model_fields else []),
            *who(),
            option("id", str, says, metavar="ID"),
            AS_JSON,
        ]

    def payload(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the terminal gave, as the command's payload. Raises Refused for what the model does not take."""
        payload = given_of(self.kind, given, skip=self.skip) | dict(self.fixed)
        if "fields" in self.kind.model_fields and (fields := package_of(given)):
            payload["fields"] = fields
        payload |= who_said(given) | {"id": given["id"] or uuid4().hex}
        self.noun.aggregate.parse(payload, name_of(self.kind))  # what is malformed is told without a server
        return payload

    def run(self, given: dict[str, Any]) -> None:
        """Hand the command over, and print the answer."""
        noun = self.noun.aggregate.noun
        with telling(given["as_json"]):
            id, payload = self.noun.id_of(given[noun]), self.payload(given)
            try:
                answer = backend().handle(noun, id, name_of(self.kind), payload)
            except Unavailable as error:
                # It may have arrived all the same.
                raise Unavailable(f"{error} (this one is --id {payload['id']})") from None
            print_json(answer.model_dump(mode="json")) if given["as_json"] else say(self.noun.line(answer))

    def example(self) -> list[str]:
        """Return how the command is used, in lines of a shell."""
        noun = self.noun.aggregate.noun
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
        told = "fields" in self.kind.model_fields or takes_text(self.kind, skip=self.skip)
        app.command(
            self.name,
            help=self.help or description_of(self.kind),
            epilog=(f"{TEXTS}\n\n" if told else "") + example(*self.example()),
        )(as_function(self.name, self.parameters(), self.run))


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


def who_said(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return who does it, where that was said."""
    return {name: str(given[name]) for name in ("by", "role") if given[name]}
