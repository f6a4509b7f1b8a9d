"""What every command says, and how it ends: one line for a person, one object for a program, a stable exit code.

Free text of customers and agents is shown to people here, so it passes `safe`: no control character, no terminal
escape, nothing that turns the direction of reading, and no markup.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from domain.core.failures import ExpectedFailure, NotUsable
from domain.core.refusal import Refused
from domain.core.text import clean, one_line, strip_invisible

if TYPE_CHECKING:
    from rich.console import Console

Parsed = TypeVar("Parsed")

LONGEST_LINE = 4000
"""Characters of one line about a failure: a refusal names every field of both packages in fewer."""


class Mistyped(Refused):
    """What was typed is nothing that the command takes: wrong usage, reported before any server is asked."""


def mistyped(parse: Callable[..., Parsed], *arguments: Any) -> Parsed:
    """Return what `parse` makes of what was typed. Raises Mistyped with what is wrong."""
    try:
        return parse(*arguments)
    except Refused as refused:
        raise Mistyped(refused.code, refused.message, missing=refused.missing, fields=refused.fields) from None


class Code(IntEnum):
    """The exit codes. They are never renumbered: scripts branch on them."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    UNAVAILABLE = 3
    NOT_FOUND = 4
    CONFIGURATION = 5
    BUG = 70
    INTERRUPTED = 130


MEANING = {
    Code.DONE: "done",
    Code.REFUSED: "refused: the line says what is missing, or what is allowed now",
    Code.USAGE: "wrong usage: see --help",
    Code.UNAVAILABLE: "unavailable: Temporal, the database or a worker does not answer, or a port is taken",
    Code.NOT_FOUND: "there is no such ticket",
    Code.CONFIGURATION: "the environment or the policy file cannot be used",
    Code.BUG: "a bug of ours: please report what it printed",
    Code.INTERRUPTED: "interrupted",
}

_NO_SUCH_TABLE_OR_COLUMN = ("42P01", "42703")


def safe(text: str) -> str:
    """Return free text as a terminal may get it."""
    return strip_invisible(clean(text))


def console(*, uncut: bool = False) -> "Console":
    """Return the terminal, or a wide page where the output goes into a file or a pipe. What it prints is never markup.

    With `uncut`, the page is as wide as its longest line: for lists, of which nothing may be cut. Without a terminal,
    and where NO_COLOR is set, nothing is coloured.
    """
    from rich.console import Console

    screen = Console(markup=False, highlight=False, emoji=False)
    if screen.is_terminal:
        return screen
    return Console(markup=False, highlight=False, emoji=False, width=5000 if uncut else 140)


def print_line(line: str) -> None:
    """Print one line for a person on stdout."""
    typer.echo(one_line(safe(line), LONGEST_LINE))


def print_error(line: str) -> None:
    """Print one line for a person on stderr."""
    typer.echo(one_line(safe(line), LONGEST_LINE), err=True)


def print_json(value: Any) -> None:
    """Print one object on one line of stdout, for a program."""
    typer.echo(json.dumps(value))


def example(*lines: str) -> str:
    """Return the end of a command's help: how it is used, in lines that can be copied."""
    return "\b\n" + "\n".join(["Example:", *(f"  {line}" for line in lines)])


@contextmanager
def exit_on_failure(as_json: bool, worded: Callable[[str], str] = str) -> Iterator[None]:
    """Run the body of a command: an expected failure is printed, and ends the command with its exit code.

    `worded` changes the line that a person reads.
    """
    try:
        yield
    except Exception as error:
        if not expected(error):
            raise
        raise typer.Exit(print_failure(error, as_json, worded)) from None


def expected(error: Exception) -> bool:
    """Return whether it may go wrong without a bug of ours: such a failure is reported in one line."""
    return isinstance(error, (Refused, ExpectedFailure)) or _is_of_temporal(error) or _is_of_another_schema(error)


def _is_of_temporal(error: Exception) -> bool:
    """Return whether it is Temporal's word. Where its client was never imported, nothing is."""
    service = sys.modules.get("temporalio.service")
    return service is not None and isinstance(error, service.RPCError)


def _is_of_another_schema(error: Exception) -> bool:
    return getattr(getattr(error, "orig", None), "pgcode", "") in _NO_SUCH_TABLE_OR_COLUMN


def print_failure(error: Exception, as_json: bool, worded: Callable[[str], str] = str) -> Code:
    """Say in one line what went wrong; with `as_json`, what went wrong as an object on stdout instead."""
    code = code_of(error)
    if as_json:
        kind = {"code": code.name.lower(), "message": _line(error)}
        print_json(error.as_dict() if isinstance(error, Refused) else kind)
    else:
        print_error(worded(_line(error)))
    return code


def code_of(error: Exception) -> Code:
    """Return the exit code of an expected failure."""
    if isinstance(error, Mistyped):
        return Code.USAGE
    if isinstance(error, Refused):
        return Code.NOT_FOUND if error.code == "not_found" else Code.REFUSED
    return Code.CONFIGURATION if isinstance(error, NotUsable) else Code.UNAVAILABLE


def _line(error: Exception) -> str:
    match error:
        case Mistyped():
            return f"wrong usage: {error.message}"
        case Refused(code="not_found"):
            return error.message
        case Refused():
            return _refusal(error)
    if _is_of_temporal(error):
        return f"Temporal does not do it ({error.status.name}): {error.message}"  # type: ignore[attr-defined]
    if _is_of_another_schema(error):
        return "the database has another schema than this program: bring it up to date with `tierline migrate`"
    return str(error)


def _refusal(refused: Refused) -> str:
    """Return a refusal as text: with the missing names, where the message does not have them, and the allowed
    commands."""
    parts = [f"refused ({refused.code}): {refused.message}"]
    if not all(name in refused.message for name in refused.missing):
        parts.append(f"missing: {', '.join(refused.missing)}")
    if refused.would_fit:
        parts.append(f"allowed now: {', '.join(refused.would_fit)}")
    return "; ".join(parts)


def readable_streams() -> None:
    """Replace a character that the terminal cannot show by a question mark: it must not end the command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
