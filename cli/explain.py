"""`tierline sla explain`: why a ticket is due when it is, line by line."""

from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.backend import backend
from cli.output import console, exit_on_failure, print_json, print_line, safe
from domain.core.ids import spoken
from domain.core.refusal import Refused

_KIND = {
    "open": "open",
    "hours": "outside support hours",
    "holiday": "closed date",
    "own_hours": "outside the date's own hours",
    "pause": "pause",
}


def explain_ticket(
    ticket: Annotated[str, typer.Argument(help="The ticket's id, as people say it.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Explain every clock of a ticket: where its promise stands, and each stretch of time that counted or did not.

    The stretches follow each other without a gap, and what they counted adds up to the budget.
    """
    with exit_on_failure(as_json):
        try:
            explained = backend().explain(spoken(ticket))
        except ValueError as error:
            raise Refused("not_found", str(error)) from None
        if as_json:
            print_json(explained)
            return
        if hours := explained.get("support_hours"):
            _draw_hours(hours)
        for one in explained["clocks"]:
            _draw(one)


def _draw_hours(hours: dict[str, Any]) -> None:
    holidays = {"none": "no public holidays", "unknown": "no public holidays", None: "public holidays not noted"}
    place = holidays.get(hours["holidays"], f"public holidays of {hours['holidays']}")
    zones = f"time zones {hours['time_zones']}" if hours["time_zones"] else "time zones not noted"
    print_line(safe(f"support hours: {hours['calendar']}, {hours['zone']}; {place}; {zones}"))
    if hours["unclear"]:
        print_line(safe(f"note: {hours['unclear']}"))
    print_line("")


def _draw(one: dict[str, Any]) -> None:
    promise = f"{one['days']} business days" if one["days"] is not None else _span(one["budget_s"])
    mark = "  (effective)" if one["effective"] else ""
    metric = one["metric"].replace("_", " ")
    print_line(f"{one['side']} {metric}{mark}: {promise} by {one['cell']}, on {one['ticks']}, policy {one['policy']}")
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("from", "to", "what", "counted", "total"):
        table.add_column(name, justify="right" if name in ("counted", "total") else "left")
    for line in one["lines"]:
        what = _KIND[line["kind"]] + (f": {line['label']}" if line["label"] else "")
        row = (
            _local_text(line["from"]),
            _local_text(line["to"]),
            what,
            _span(line["counted_s"]),
            _span(line["total_s"]),
        )
        table.add_row(*map(safe, row))
    console().print(table)
    print_line(_result(one) + "\n")


def _result(one: dict[str, Any]) -> str:
    if one["met_at"]:
        end = f"met at {_local_text(one['met_at'])}, due {_local_text(one['due'])}"
    elif one["due"]:
        end = f"due {_local_text(one['due'])}"
    else:
        end = f"stands still; {_span(one['used_s'])} of {_span(one['budget_s'])} are used"
    floor = "; not earlier than the change of terms" if one["floor"] else ""
    breach = f"; breach: {one['breach']}" if one["breach"] else ""
    return f"= {_span(one['used_s'])}: {end}{floor}{breach}"


def _local_text(at: str | None) -> str:
    return f"{datetime.fromisoformat(at):%a %Y-%m-%d %H:%M:%S}Z" if at else "-"


def _span(seconds: float) -> str:
    """Return hours, minutes and seconds; hours of support do not add up to days."""
    minutes, seconds = divmod(round(seconds, 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else "", f"{seconds:g} s" if seconds else ""]
    return " ".join(part for part in parts if part) or "0"
