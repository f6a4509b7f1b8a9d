"""Two backtests side by side: the counts, the promises that differ, and the tickets that go another way."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from cli.output import console, print_json, print_line, safe
from cli.times import short
from domain.core.enums import Priority
from services.backtest import Outcome
from services.policy_comparison import (
    ByPriority,
    ChangedTerm,
    DifferentTicket,
    by_priority,
    different_tickets,
    load_by_hour,
)

MOST_LISTED = 50
"""Tickets that are listed at a terminal; --json has all of them."""


def compare(
    before: Sequence[Outcome],
    after: Sequence[Outcome],
    changed: Sequence[ChangedTerm],
    *,
    names: tuple[str, str],
    as_json: bool,
) -> None:
    """Print what two policies make of the same tickets. `names` are what the two are called in the columns."""
    different = list(different_tickets(before, after, changed))
    counts = (by_priority(before), by_priority(after))
    if as_json:
        print_json(
            {
                "policies": list(names),
                "changed": [term.__dict__ for term in changed],
                "tickets": len(before),
                "by_priority": [{key.value: _as_object(one) for key, one in side.items()} for side in counts],
                "busiest_hours": [_busiest(side) for side in (before, after)],
                "different": [one.as_dict() for one in different],
            }
        )
        return
    _draw_changed(changed, names)
    _draw_counts(counts, names)
    _draw_different(different, len(before))


def _as_object(one: ByPriority) -> dict[str, Any]:
    return {
        "tickets": one.tickets,
        "t1_overruns": one.t1_overruns,
        "pages": one.pages,
        "breaches": dict(sorted(one.breaches.items())),
        "credit_percent": one.credit_percent,
    }


def _busiest(outcomes: Sequence[Outcome]) -> list[dict[str, int]]:
    found = load_by_hour(outcomes).most_common(5)
    return [{"weekday": day, "hour": hour, "acts": acts} for (day, hour), acts in found]


def _draw_changed(changed: Sequence[ChangedTerm], names: tuple[str, str]) -> None:
    if not changed:
        print_line("the two policies promise the same to tickets of this plan")
    table = _table("promise", *names)
    for term in changed:
        table.add_row(*map(safe, (term.name, term.before, term.after)))
    if changed:
        console().print(table)
    print_line("")


def _draw_counts(counts: tuple[dict[Priority, ByPriority], ...], names: tuple[str, str]) -> None:
    table = _table("", *names)
    for priority in counts[0]:
        one, other = (side[priority] for side in counts)
        table.add_row(f"{priority}: tickets", str(one.tickets), str(other.tickets))
        table.add_row("  T1 overruns", str(one.t1_overruns), str(other.t1_overruns))
        table.add_row("  pages", str(one.pages), str(other.pages))
        for name in sorted({*one.breaches, *other.breaches}):
            table.add_row(f"  missed {name.replace('_', ' ')}", str(one.breaches[name]), str(other.breaches[name]))
        percent = (f"{side.credit_percent:g} %" for side in (one, other))
        table.add_row("  credits, of a month's fee", *percent)
    console().print(table)
    print_line("")


def _draw_different(different: Sequence[DifferentTicket], tickets: int) -> None:
    print_line(f"{len(different)} of {tickets} tickets go another way; the first decision that differs:")
    if not different:
        return
    table = _table("ticket", "under the first", "under the second", "because of")
    for one in different[:MOST_LISTED]:
        sides = (f"{short(side['at'])} {side['what']}" if side else "-" for side in _sides(one))
        because = ", ".join(term.name for term in one.because) or "the calendar, or an earlier decision"
        table.add_row(*map(safe, (one.external_id, *sides, because)))
    console().print(table)
    if len(different) > MOST_LISTED:
        print_line(f"and {len(different) - MOST_LISTED} more: --json has all of them")


def _sides(one: DifferentTicket) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    found = one.as_dict()
    return found["before"], found["after"]


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(safe(name))
    return table
