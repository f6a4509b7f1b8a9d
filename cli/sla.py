"""`tierline sla`: the arithmetic of support hours, for anyone to check against their own."""

import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from cli.explain import explain_ticket
from cli.forecast import forecast_ticket
from cli.groups import Group
from cli.output import example
from domain.calendars.calendar import Calendar, CalendarError

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    help="Support hours: when is it due, why, and what comes if nobody acts.",
)

MAX_LINE = 1_048_576
"""Bytes. A longer line is answered with an error and skipped without being held."""
_FIRST_YEAR, _LAST_YEAR = 2000, 2100
_START = datetime(_FIRST_YEAR, 1, 1, tzinfo=UTC)
_HORIZON = datetime(_LAST_YEAR + 2, 1, 1, tzinfo=UTC)
_MAX_MINUTES = 60 * 24 * 366 * (_LAST_YEAR + 2 - _FIRST_YEAR)
_CALENDAR_KEYS = {"name", "timezone", "hours", "holidays"}


_HELP = """Answer questions about support hours: JSON lines in, JSON lines out, in order.

A question gives its calendar, its "kind" and "start". Of the kinds,

add (with "minutes" of support time) is answered with the "due" instant,

elapsed (with "end") with the "seconds" of support time until then,

within with whether it is "open".

Optional "pauses" do not count. Dates lie in the years 2000 to 2100. What
cannot be answered gets its "id" and an "error", and the run goes on.

Example: tierline sla due questions.jsonl

A question, which stands on one line:

{"id": 1, "kind": "add", "start": "2026-01-02T16:00:00+01:00", "minutes": 90,
"calendar": {"timezone": "Europe/Berlin", "holidays": ["2026-01-06"],
"hours": {"mon": [["09:00", "12:00"], ["13:00", "17:00"]],
"fri": [["09:00", "17:00"]]}},
"pauses": [["2026-01-02T16:10:00+01:00", "2026-01-02T16:20:00+01:00"]]}
"""


app.command("explain", epilog=example("tierline sla explain 4k7m-3q9x-tbd2"))(explain_ticket)

app.command("forecast", epilog=example("tierline sla forecast 4k7m-3q9x-tbd2 --priority P0"))(forecast_ticket)


@app.command(help=_HELP)
def due(
    file: Annotated[Path | None, typer.Argument(help="JSON lines; '-' or nothing: standard input.")] = None,
) -> None:
    """Exit code 0 once every line is answered, 2 if the file cannot be read."""
    with _opened(file) as lines:
        for answer in answers(lines):
            typer.echo(json.dumps(answer))


def _opened(file: Path | None) -> AbstractContextManager[BinaryIO]:
    if file is None or str(file) == "-":
        return nullcontext(sys.stdin.buffer)
    try:
        return file.open("rb")
    except OSError as error:
        typer.echo(f"cannot read {file}: {error.strerror}", err=True)
        raise typer.Exit(2) from None


def answers(lines: BinaryIO) -> Iterator[dict[str, Any]]:
    """Yield one answer for each line that is not blank, in order; never raises for what a line says."""
    number = 0
    while line := lines.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            _skip_rest(lines, line)
            yield {"id": None, "error": f"line {number} is longer than {MAX_LINE} bytes"}
        elif line.strip():
            yield _answer(line, number)


def _skip_rest(lines: BinaryIO, line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = lines.readline(MAX_LINE)


def _answer(line: bytes, number: int) -> dict[str, Any]:
    try:
        text = line.decode("utf-8-sig")
        question = json.loads(text, parse_int=_whole, parse_float=_exact, parse_constant=Decimal)
    except (ValueError, RecursionError):
        return {"id": None, "error": f"line {number} is not JSON in UTF-8"}
    if not isinstance(question, dict):
        return {"id": None, "error": f"line {number} is not a JSON object"}
    ident = question.get("id")
    if not isinstance(ident, str | int | None):
        return {"id": None, "error": f"line {number}: id must be text or a whole number"}
    try:
        return {"id": ident, **_work_out(question)}
    except (CalendarError, OverflowError) as error:
        return {"id": ident, "error": str(error)}


def _whole(digits: str) -> int | Decimal:
    """Return a whole number; Python makes no int of more than some thousand digits, and they are no reason to lose
    the id."""
    try:
        return int(digits)
    except ValueError:
        return Decimal(digits)


def _exact(number: str) -> Decimal:
    """Return a number to its last digit; not a number where the exponent is beyond all arithmetic."""
    try:
        return Decimal(number)
    except ArithmeticError:
        return Decimal("NaN")


def _work_out(question: dict[str, Any]) -> dict[str, Any]:
    kind = question.get("kind")
    if kind not in ("add", "elapsed", "within"):
        raise CalendarError(f"kind must be add, elapsed or within, not {str(kind)[:40]!r}")
    calendar = _calendar(question.get("calendar"))
    start = _instant(question, "start")
    pauses = _pauses(question.get("pauses"))
    if kind == "within":
        return {"open": calendar.is_open(start)}
    if kind == "elapsed":
        return {"seconds": _seconds(calendar.elapsed(start, _instant(question, "end"), pauses))}
    return {"due": _iso(calendar.add(start, _budget(question), pauses))}


def _calendar(value: Any) -> Calendar:
    if not isinstance(value, dict):
        raise CalendarError('calendar must be an object with "timezone", "hours" and, optionally, "holidays"')
    if unknown := sorted(value.keys() - _CALENDAR_KEYS):
        # A misspelt "holidays" would otherwise be a wrong answer instead of none.
        raise CalendarError(f"calendar has an unknown key {unknown[0][:40]!r}")
    from services.policy_file.calendars import build_calendar  # with the holidays of all countries

    dates = value.get("holidays")
    dates = [] if dates is None else dates
    if not isinstance(dates, list):
        raise CalendarError('holidays must be a list of dates, as "2026-12-25"')
    return build_calendar(
        "business",
        value.get("timezone", ""),
        value.get("hours", {}),
        closed={_date(one): "holiday" for one in dates},
        start=_START,
        horizon=_HORIZON,
    )


def _date(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise CalendarError(f'{str(value)[:40]!r} is not a date, as "2026-12-25"') from None


def _instant(question: dict[str, Any], key: str) -> datetime:
    if key not in question:
        raise CalendarError(f"{key} is missing")
    return _parse(question[key], key)


def _parse(value: Any, key: str) -> datetime:
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise CalendarError(f"{key}: {str(value)[:60]!r} is not an ISO 8601 instant") from None
    if at.tzinfo is None:
        raise CalendarError(f"{key}: {value[:60]!r} has no UTC offset; end it with Z or, say, +01:00")
    if not _FIRST_YEAR <= at.year <= _LAST_YEAR:
        raise CalendarError(f"{key}: {value[:60]!r} is not in the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return at


def _pauses(value: Any) -> list[tuple[datetime, datetime]]:
    pairs = [] if value is None else value
    if not isinstance(pairs, list) or any(not isinstance(pair, list) or len(pair) != 2 for pair in pairs):
        raise CalendarError("pauses must be a list of pairs of instants, [[from, to], ...]")
    return [(_parse(begin, "pause"), _parse(end, "pause")) for begin, end in pairs]


def _budget(question: dict[str, Any]) -> timedelta:
    """Return minutes as exact decimals, to the nearest microsecond."""
    minutes = question.get("minutes")
    if isinstance(minutes, bool) or not isinstance(minutes, int | Decimal) or not Decimal(minutes).is_finite():
        raise CalendarError("minutes must be a number")
    if minutes < 0:
        raise CalendarError(f"minutes cannot be negative ({str(minutes)[:40]})")
    if minutes > _MAX_MINUTES:
        raise CalendarError(f"minutes lead beyond the year {_LAST_YEAR + 1}")
    return timedelta(microseconds=round(minutes * 60_000_000))


def _seconds(time: timedelta) -> int | float:
    """Return a number of seconds without decimals if it is whole."""
    seconds = time // timedelta(seconds=1)
    return time.total_seconds() if time.microseconds else seconds


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


if __name__ == "__main__":
    app()
