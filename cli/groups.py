"""Groups of commands: found under more than one spelling, and imported when one of their commands is asked for.

`tierline --help` and `tierline --version` need none of the code behind the commands, so the first group knows of each
command where it is, and the one line that the help shows of it.
"""

import gc
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer._click.shell_completion import CompletionItem
from typer.core import TyperGroup, TyperOption

OTHER_NAMES = {
    "acknowledge": "ack",
    "customer-wrote": "reply",
    "prioritize": "prioritise",
    "review-done": "review",
    "search": "list",
}
"""Other names of commands, for people who know them from the API, from elsewhere, or in American English."""


class Part(NamedTuple):
    """Where a command, or a group of commands, is defined."""

    module: str
    name: str
    """Its name there: a function, or a `typer.Typer`."""
    help: str
    """The first sentence of its help."""
    epilog: str = ""
    """The end of a command's help; a group has its own."""


class Group(TyperGroup):
    """A group whose commands may be spelt with hyphens or underscores, in any case, and by their other names."""

    late: Mapping[str, Callable[[], Any]] = {}
    """Commands that are made when they are asked for, behind those that were added: a command has many options."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        added = {name: partial(_same, command) for name, command in self.commands.items()}
        self.commands = _Commands(added | dict(self.late))  # type: ignore[assignment]  # it is only read

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of this name, or None."""
        known = self.commands
        if cmd_name not in known:
            plain = {_plain(name): name for name in known}
            wanted = _plain(cmd_name)
            cmd_name = plain.get(wanted) or plain.get(OTHER_NAMES.get(wanted, wanted)) or ""
        return _in_plain_words(known[cmd_name], ctx) if cmd_name else None


class _Commands(Mapping[str, Any]):
    """The commands of a group, each made when it is asked for."""

    def __init__(self, makers: Mapping[str, Callable[[], Any]]) -> None:
        self._makers = makers
        self._made: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


class LazyGroup(Group):
    """The first group. A subclass names its parts, and the group whose commands may stand without its name."""

    parts: Mapping[str, Part]
    implied: str
    """As in `tierline take`, which is `tierline ticket take`."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        makers = {name: partial(_make, name, part) for name, part in self.parts.items()}
        self.commands = _Commands(makers)  # type: ignore[assignment]  # it is only read

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of this name, also one of the implied group, or None."""
        return super().get_command(ctx, cmd_name) or self.commands[self.implied].get_command(ctx, cmd_name)  # type: ignore[attr-defined]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that the first word names. Raises an error that names those like it."""
        try:
            return super().resolve_command(ctx, args)
        except typer.TyperException as error:
            like = get_close_matches(_plain(args[0]), list(self.commands[self.implied].commands))  # type: ignore[attr-defined]
            if like and "Did you mean" not in error.message:
                error.message = f"{error.message.rstrip('.')}. Did you mean {', '.join(map(repr, like))}?"
            raise

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands, of which none is imported for it."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, part.help) for name, part in self.parts.items()])

    def shell_complete(self, ctx: Any, incomplete: str) -> list[CompletionItem]:
        """Return what a shell offers for a word: commands, or options."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        named = [(name, part) for name, part in self.parts.items() if name.startswith(incomplete)]
        return [CompletionItem(name, help=part.help) for name, part in named]


def _make(name: str, part: Part) -> Any:
    """Return the command of a part, or its group."""
    gc.disable()  # what is imported stays: a collection would find nothing, and takes a tenth of the time
    try:
        found = getattr(import_module(part.module), part.name)
    finally:
        gc.enable()
    around = typer.Typer(add_completion=False, rich_markup_mode=None)
    around.callback()(_nothing)  # keeps a group of one a group
    if isinstance(found, typer.Typer):
        around.add_typer(found, name=name)
    else:
        around.command(name, epilog=part.epilog or None)(found)
    return typer.main.get_group(around).commands[name]


def make_command(name: str, mount: Callable[[typer.Typer], None]) -> Any:
    """Return the command that `mount` adds to an app under this name."""
    around = typer.Typer(add_completion=False, rich_markup_mode=None)
    around.callback()(_nothing)
    mount(around)
    return typer.main.get_group(around).commands[name]


def _in_plain_words(command: Any, ctx: Any) -> Any:
    """Return a command, or a group of them, whose help says what an option takes without words of Python, such as
    `<list[...]>`. The commands of a `Group` come here one by one, when they are made."""
    if isinstance(known := getattr(command, "commands", None), dict):
        for each in known.values():
            _in_plain_words(each, ctx)
    for option in command.params:
        if not isinstance(option, TyperOption) or option.metavar is not None:
            continue
        takes = option.type_descriptor
        if takes.is_ranged:
            option.metavar = "NUMBER"
        elif takes.is_datetime:
            option.metavar = "TIME"
        elif takes.is_choice and takes.is_list:
            option.metavar = option.display_type(ctx).replace("list[", "").replace("]", "")
    return command


def _same(command: Any) -> Any:
    return command


def _nothing() -> None:
    """Do nothing before a command."""


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")
