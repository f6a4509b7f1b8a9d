"""Two backtests side by side: the counts, the promises that differ, and the tickets that go another way."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.table import Table

from cli.output import console, print_json, print_line, safe
from cli.times import short
from services.policy_comparison import ChangedTerm, Comparison, DifferentTicket, Group, Tally

MOST_LISTED = 50
"""Tickets that are listed at a terminal; --json has all that are kept."""
BUSIEST = 5
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def draw_comparison(
    compared: Comparison, names: tuple[str, str], notes: Sequence[str], seconds: float, *, as_json: bool
) -> None:
    """Print what two policies make of the same tickets. `names` are what the two are called in the columns."""
    if as_json:
        print_json(as_object(compared, names) | {"notes": list(notes), "seconds": round(seconds, 1)})
        return
    sides = (compared.before, compared.after)
    _draw_changed(compared.changed.values(), names)
    _draw_counts(sides, names)
    _draw_load(sides, names)
    _draw_different(compared)
    print_line("")
    for note in notes:
        print_line(note)
    print_line(f"in {seconds:.1f} s")


def draw_tally(tally: Tally, name: str) -> None:
    """Print what one policy makes of tickets."""
    print_line("")
    _draw_counts((tally,), (name,))
    _draw_load((tally,), (name,))


def tally_as_object(tally: Tally) -> dict[str, Any]:
    """Return what one policy makes of tickets, for a program."""
    groups = {name: _as_object(one) for name, one in tally.sorted().items()}
    return {"counted_by": tally.by, "groups": groups, "load": tally.week()}


def as_object(compared: Comparison, names: tuple[str, str]) -> dict[str, Any]:
    """Return the comparison for a program."""
    sides = (compared.before, compared.after)
    return {
        "policies": list(names),
        "changed": [term.__dict__ for term in compared.changed.values()],
        "tickets": compared.tickets,
        "by": compared.before.by,
        "groups": [{name: _as_object(one) for name, one in side.sorted().items()} for side in sides],
        "refusals": [dict(sorted(side.refusals.items())) for side in sides],
        "busiest_hours": [_busiest(side) for side in sides],
        "load": [side.week() for side in sides],
        "differ": compared.differ,
        "different": [one.as_dict() for one in compared.different],
    }


def _as_object(one: Group) -> dict[str, Any]:
    return {
        "tickets": one.tickets,
        "t1_overruns": one.t1_overruns,
        "escalations": one.escalations,
        "pages": one.pages,
        "kept": dict(sorted(one.kept.items())),
        "breaches": dict(sorted(one.breaches.items())),
        "credit_percent": one.credit_percent,
    }


def _busiest(side: Tally) -> list[dict[str, int]]:
    found = side.load.most_common(BUSIEST)
    return [{"weekday": day, "hour": hour, "acts": acts} for (day, hour), acts in found]


def _draw_changed(changed: Iterable[ChangedTerm], names: tuple[str, str]) -> None:
    terms = list(changed)
    if not terms:
        print_line("the two policies promise the same to these tickets")
    table = _table("promise", *names)
    for term in terms:
        table.add_row(*map(safe, (term.name, term.before, term.after)))
    if terms:
        console().print(table)
    print_line("")


def _draw_counts(sides: Sequence[Tally], names: Sequence[str]) -> None:
    table = _table("", *names)
    counted = [side.sorted() for side in sides]
    for name in dict.fromkeys(name for groups in counted for name in groups):
        found = [groups.get(name, Group()) for groups in counted]
        table.add_row(safe(f"{name}: tickets"), *(str(one.tickets) for one in found))
        for word, number in (("T1 overruns", "t1_overruns"), ("escalations", "escalations"), ("pages", "pages")):
            table.add_row(f"  {word}", *(str(getattr(one, number)) for one in found))
        for clock in sorted({clock for one in found for clock in (*one.kept, *one.breaches)}):
            counts = (f"{one.kept[clock]} kept, {one.breaches[clock]} missed" for one in found)
            table.add_row(f"  {clock.replace('_', ' ').replace('.', ' ')}", *counts)
        table.add_row("  credits, of a month's fee", *(f"{one.credit_percent:g} %" for one in found))
    for refusal in sorted({refusal for side in sides for refusal in side.refusals}):
        table.add_row(safe(f"refused {refusal}"), *(str(side.refusals[refusal]) for side in sides))
    console().print(table)
    print_line("")


def _draw_load(sides: Sequence[Tally], names: Sequence[str]) -> None:
    """Print the acts of people by hour of the week, once where both policies leave all of them."""
    weeks = [(name, side.week()) for name, side in zip(names, sides, strict=True)]
    if len(weeks) > 1 and weeks[0][1] == weeks[1][1]:
        weeks = [("under both", weeks[0][1])]
    for name, week in weeks:
        print_line(f"acts of people by hour of the week, in UTC, {safe(name)}:")
        table = _table("", *(f"{hour:02}" for hour in range(24)))
        table.padding = (0, 0, 0, 1)  # so narrow that it fits into 80 columns
        for column in table.columns[1:]:
            column.justify = "right"
        for day, acts in zip(DAYS, week, strict=True):
            table.add_row(day, *(str(number) if number else "." for number in acts))
        console().print(table)
        print_line("")


def _draw_different(compared: Comparison) -> None:
    print_line(f"{compared.differ} of {compared.tickets} tickets go another way; the first decision that differs:")
    if not compared.differ:
        return
    table = _table("ticket", "under the first", "under the second", "because of")
    for one in compared.different[:MOST_LISTED]:
        sides = (f"{short(side['at'])} {side['what']}" if side else "-" for side in _sides(one))
        because = ", ".join(term.name for term in one.because) or "the calendar, or an earlier decision"
        table.add_row(*map(safe, (one.external_id, *sides, because)))
    console().print(table)
    if compared.differ > MOST_LISTED:
        print_line(f"and {compared.differ - MOST_LISTED} more: --json has them")


def _sides(one: DifferentTicket) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    found = one.as_dict()
    return found["before"], found["after"]


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(safe(name))
    return table
