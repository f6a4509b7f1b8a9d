"""What every command says, and how it ends: one line for a person, one object for a program, a stable exit code.

Free text of customers and agents is shown to people here, so it passes `safe`: no control character, no terminal
escape, nothing that turns the direction of reading, and no markup.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import typer
from rich.console import Console
from sqlalchemy.exc import ProgrammingError
from temporalio.service import RPCError

from domain.core.refusal import Refused
from domain.core.text import clean, one_line, strip_invisible
from services.policy_file.load import PolicyError
from services.security.auth import NotAuthenticated
from services.security.codec import CodecError
from services.tickets import Unavailable
from store.database import DatabaseDown
from store.migrate import SchemaError
from workers.processes import ProcessError
from workers.run_file import AlreadyRunning
from workers.settings import SettingsError
from workers.temporal import TemporalError

LONGEST_LINE = 4000
"""Characters of one line about a failure: a refusal names every field of both packages in fewer."""


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
    Code.REFUSED: "refused: the line says what is missing, or what would fit",
    Code.USAGE: "wrong usage: see --help",
    Code.UNAVAILABLE: "unavailable: Temporal, the database or a worker does not answer, or a port is taken",
    Code.NOT_FOUND: "there is no such ticket",
    Code.CONFIGURATION: "the environment or the policy file cannot be used",
    Code.BUG: "a bug of ours: please report what it printed",
    Code.INTERRUPTED: "interrupted",
}

_UNAVAILABLE = (Unavailable, TemporalError, DatabaseDown, SchemaError, ProcessError, AlreadyRunning, RPCError)
_CONFIGURATION = (SettingsError, PolicyError, CodecError, NotAuthenticated)
_NO_SUCH_TABLE_OR_COLUMN = ("42P01", "42703")


def safe(text: str) -> str:
    """Free text as a terminal may get it."""
    return strip_invisible(clean(text))


def console() -> Console:
    """The terminal, or a wide page where the output goes into a file or a pipe. What it prints is never markup."""
    screen = Console(markup=False, highlight=False, emoji=False)
    return screen if screen.is_terminal else Console(markup=False, highlight=False, emoji=False, width=140)


def say(line: str) -> None:
    """One line to a person, on stdout."""
    typer.echo(one_line(safe(line), LONGEST_LINE))


def complain(line: str) -> None:
    """One line to a person, on stderr."""
    typer.echo(one_line(safe(line), LONGEST_LINE), err=True)


def print_json(value: Any) -> None:
    """One object on one line of stdout, for a program."""
    typer.echo(json.dumps(value))


def example(*lines: str) -> str:
    """The end of a command's help: how it is used, in lines that can be copied."""
    return "\b\n" + "\n".join(["Example:", *(f"  {line}" for line in lines)])


@contextmanager
def telling(as_json: bool) -> Iterator[None]:
    """The body of a command: an expected failure in it is told, and ends the command with its code."""
    try:
        yield
    except Exception as error:
        if not expected(error):
            raise
        raise typer.Exit(tell(error, as_json)) from None


def expected(error: Exception) -> bool:
    """Whether it may go wrong without a bug of ours: such a failure is told in one line."""
    return isinstance(error, (Refused, *_UNAVAILABLE, *_CONFIGURATION)) or _is_of_another_schema(error)


def _is_of_another_schema(error: Exception) -> bool:
    return isinstance(error, ProgrammingError) and getattr(error.orig, "pgcode", "") in _NO_SUCH_TABLE_OR_COLUMN


def tell(error: Exception, as_json: bool) -> Code:
    """Say in one line what went wrong; with `as_json`, what went wrong as an object on stdout instead."""
    code = code_of(error)
    if as_json:
        kind = {"code": code.name.lower(), "message": _line(error)}
        print_json(error.as_dict() if isinstance(error, Refused) else kind)
    else:
        complain(_line(error))
    return code


def code_of(error: Exception) -> Code:
    """The exit code of an expected failure."""
    if isinstance(error, Refused):
        return Code.NOT_FOUND if error.code == "not_found" else Code.REFUSED
    return Code.CONFIGURATION if isinstance(error, _CONFIGURATION) else Code.UNAVAILABLE


def _line(error: Exception) -> str:
    match error:
        case Refused(code="not_found"):
            return error.message
        case Refused():
            return _refusal(error)
        case RPCError():
            return f"Temporal does not do it ({error.status.name}): {error.message}"
        case ProgrammingError():
            return "the database has another schema than this program: bring it up to date with `tierline migrate`"
    return str(error)


def _refusal(refused: Refused) -> str:
    """With the missing names, where the message does not say them itself, and with what would fit."""
    parts = [f"refused ({refused.code}): {refused.message}"]
    if not all(name in refused.message for name in refused.missing):
        parts.append(f"missing: {', '.join(refused.missing)}")
    if refused.would_fit:
        parts.append(f"would fit: {', '.join(refused.would_fit)}")
    return "; ".join(parts)


def readable_streams() -> None:
    """A terminal that cannot show a character shows a question mark; it must not end the command."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
