"""What a backtest prints as it goes: a line for each ticket, how far it is, and the counts at the end."""

import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import typer

from cli.output import print_line, safe
from services.backtest import COUNTED, Outcome, Summary

EVERY = 2.0
"""Seconds between two words on how far it is."""
CHUNK = 65_536
"""Characters that are copied at once."""
WIDTH = 14
"""Characters of a ticket's id; a longer one moves its line."""


class Progress:
    """How far a backtest is, said on stderr now and then."""

    def __init__(self, total: int | None = None) -> None:
        """`total` is how many tickets there are, where that is known before the end."""
        self._began = time.monotonic()
        self.total = total
        self.done = 0

    @property
    def seconds(self) -> float:
        """Return how long it has taken so far, in seconds of real time."""
        return time.monotonic() - self._began

    def report(self, line: str) -> None:
        """Say something beside the results."""
        typer.echo(line, err=True)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Say now and then how far it is, as long as the block lasts."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(EVERY):
                of_all = f" of {self.total}" if self.total is not None else ""
                self.report(f"{self.done}{of_all} tickets have ended ({self.seconds:.0f} s)")

        thread = threading.Thread(target=watch, name="progress")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


class Lines:
    """A line for each ticket as it comes, and the counts at the end; for a program, one object at the end.

    What a program gets of each ticket waits in a temporary file, so that memory does not grow with the tickets.
    """

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self._waiting = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115  # closed by `__exit__`
        self._shown = 0
        if not as_json:
            self._row("id", "status", [_spoken(name) for name in COUNTED], "breaches")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.close()

    def show(self, outcome: Outcome) -> None:
        """Print what became of one ticket."""
        if self.as_json:
            self._waiting.write(f"{', ' if self._shown else ''}{json.dumps(_outcome_as_json(outcome))}")
            self._shown += 1
            return
        numbers = [str(getattr(outcome, name)) for name in COUNTED]
        rest = [*outcome.breaches, *(f"refused {refusal}" for refusal in outcome.refusals)]
        self._row(safe(outcome.external_id), outcome.status, numbers, ", ".join(rest))

    def _row(self, name: str, status: str, numbers: list[str], rest: str) -> None:
        aligned = [f"{number:>{len(column)}}" for number, column in zip(numbers, COUNTED, strict=True)]
        typer.echo("  ".join([f"{name:{WIDTH}}", f"{status:8}", *aligned, rest]).rstrip())

    def end(self, counts: Summary, how: dict[str, Any], seconds: float, notes: list[str]) -> None:
        """Print the counts of all tickets, and what they rest on."""
        if self.as_json:
            whole = json.dumps({**counts.as_dict(), **how, "seconds": round(seconds, 1), "notes": notes})
            typer.echo(f'{whole[:-1]}, "outcomes": [', nl=False)
            self._waiting.seek(0)
            while chunk := self._waiting.read(CHUNK):
                typer.echo(chunk, nl=False)
            typer.echo("]}")
            return
        typer.echo("")
        for name, value in counts.as_dict().items():
            print_line(f"{_spoken(name)}: {_words(value)}")
        print_line(f"{', '.join(f'{name} {value}' for name, value in how.items())}; in {seconds:.1f} s")
        for note in notes:
            print_line(note)


def _outcome_as_json(outcome: Outcome) -> dict[str, Any]:
    """Return one ticket, for a program."""
    numbers = {name: getattr(outcome, name) for name in COUNTED}
    lists = {"breaches": outcome.breaches, "refusals": outcome.refusals}
    return {"id": outcome.external_id, "status": outcome.status.value, **numbers, **lists}


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{count} {name}" for name, count in value.items()) or "none"
    return str(value)
