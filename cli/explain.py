"""`tierline sla explain`: why a ticket is due when it is, line by line."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from cli.output import console, iso, print_json, say, telling
from cli.show import look_up
from domain.explain import Explanation, explain
from domain.ids import spoken
from domain.refusal import Refused
from workers.settings import load_settings

_KIND = {"open": "open", "hours": "outside support hours", "holiday": "holiday", "pause": "pause"}


def explain_ticket(
    ticket: Annotated[str, typer.Argument(help="The ticket's id, as people say it.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Explain every clock of a ticket: where its promise stands, and each stretch of time that counted or did not.

    The stretches follow each other without a gap, and what they counted adds up to the budget.
    """
    with telling(as_json):
        try:
            seen = asyncio.run(look_up(load_settings(), spoken(ticket)))
        except ValueError as error:
            raise Refused("not_found", str(error)) from None
        explanations = explain(seen.ticket, datetime.now(UTC))
        if as_json:
            print_json({"ticket": seen.ticket.id, "clocks": [_as_json(one) for one in explanations]})
            return
        for one in explanations:
            _draw(one)


def _as_json(one: Explanation) -> dict[str, Any]:
    told = one.model_dump(mode="json", exclude={"lines", "budget", "used"})
    told["budget_s"] = one.budget.total_seconds()
    told["used_s"] = one.used.total_seconds()
    told["lines"] = [
        {
            "from": iso(line.start),
            "to": iso(line.end),
            "kind": line.kind.value,
            "label": line.label,
            "counted_s": line.counted.total_seconds(),
            "total_s": line.total.total_seconds(),
        }
        for line in one.lines
    ]
    return told


def _draw(one: Explanation) -> None:
    promise = f"{one.days} business days" if one.days is not None else _span(one.budget)
    mark = "  (effective)" if one.effective else ""
    say(
        f"{one.side} {one.metric.replace('_', ' ')}{mark}: {promise} by {one.cell}, on {one.ticks}, policy {one.policy}"
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("from", "to", "what", "counted", "total"):
        table.add_column(name, justify="right" if name in ("counted", "total") else "left")
    for line in one.lines:
        what = _KIND[line.kind.value] + (f": {line.label}" if line.label else "")
        row = (_shown(line.start), _shown(line.end), what, _span(line.counted), _span(line.total))
        table.add_row(*(Text(cell) for cell in row))
    console().print(table)
    say(_result(one) + "\n")


def _result(one: Explanation) -> str:
    if one.met_at:
        end = f"met at {_shown(one.met_at)}, due {_shown(one.due)}"
    elif one.due:
        end = f"due {_shown(one.due)}"
    else:
        end = f"stands still; {_span(one.used)} of {_span(one.budget)} are used"
    floor = "; not earlier than the change of terms" if one.floor else ""
    breach = f"; breach: {one.breach}" if one.breach else ""
    return f"= {_span(one.used)}: {end}{floor}{breach}"


def _shown(at: datetime | None) -> str:
    return f"{at:%a %Y-%m-%d %H:%M:%S}Z" if at else "-"


def _span(span: timedelta) -> str:
    """Hours, minutes and seconds; hours of support do not add up to days."""
    minutes, seconds = divmod(round(span.total_seconds(), 3), 60)
    hours, minutes = divmod(int(minutes), 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else "", f"{seconds:g} s" if seconds else ""]
    return " ".join(part for part in parts if part) or "0"
