"""`tierline sla forecast`: what comes of a ticket if nobody acts, and what one act would change."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.backend import backend
from cli.output import console, exit_on_failure, print_json, print_line, safe
from cli.times import short
from domain.core.enums import Plan, Priority
from domain.core.ids import spoken
from domain.core.refusal import Refused

LONGEST = 90
"""Days that a forecast looks ahead at most."""


def forecast_ticket(
    ticket: Annotated[str, typer.Argument(help="The ticket's id, as people say it.", show_default=False)],
    days: Annotated[int, typer.Option(min=1, max=LONGEST, help="How far to look ahead.")] = 7,
    priority: Annotated[
        Priority | None,
        typer.Option(case_sensitive=False, help="Suppose that the priority is changed now.", show_default=False),
    ] = None,
    plan: Annotated[
        Plan | None,
        typer.Option(case_sensitive=False, help="Suppose that the account changes its plan now.", show_default=False),
    ] = None,
    replied: Annotated[bool, typer.Option("--replied", help="Suppose that the customer answers now.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Foresee what comes of a ticket if nobody acts: what lapses, when, who is notified, what it may cost.

    With one of --priority, --plan, --replied it says what that would change, before it is done. Nothing is recorded.
    """
    with exit_on_failure(as_json):
        ask = {"days": days, "priority": priority, "plan": plan, "replied": replied or None}
        try:
            known = spoken(ticket)
        except ValueError as error:
            raise Refused("not_found", str(error)) from None
        found = backend().forecast(known, {name: value for name, value in ask.items() if value is not None})
        if as_json:
            print_json(found)
            return
        print_line(f"if nobody acts, until {short(found['until'])}:")
        _draw(found["coming"])
        if found["coming_then"] is not None:
            print_line("")
            print_line(f"{_supposed(found['supposed'])}:")
            _draw(found["coming_then"])
            print_line("")
            print_line("what is different then:")
            _draw_changes(found["changes"])
        print_line("")
        print_line("assumed: " + "; ".join(found["assumed"]))


def _supposed(supposed: dict[str, Any]) -> str:
    if supposed["priority"]:
        return f"if the priority is changed to {supposed['priority']} now"
    if supposed["plan"]:
        return f"if the account changes to the plan {supposed['plan']} now"
    return "if the customer answers now"


def _draw(coming: Sequence[dict[str, Any]]) -> None:
    if not coming:
        print_line("  nothing lapses")
        return
    table = _table("when", "what", "who is notified")
    for one in coming:
        table.add_row(*map(safe, (short(one["at"]), _what(one), _notified(one["notified"]))))
    console().print(table)


def _what(one: dict[str, Any]) -> str:
    parts = [one["what"]]
    if one["repeated_until"]:
        parts.append(f"again and again until {short(one['repeated_until'])}")
    if one["starts"]:
        parts.append("starts " + ", ".join(kind.replace("_", " ") for kind in one["starts"]))
    if credit := one["credit"]:
        amount = f", {credit['amount']}" if credit["amount"] else ""
        parts.append(f"a credit of at most {credit['percent']} % of a month's fee{amount}")
    return "; ".join(parts)


def _notified(notices: Sequence[dict[str, Any]]) -> str:
    return ", ".join(
        f"{one['audience']} ({one['recipient']})" if one["recipient"] else one["audience"] for one in notices
    )


def _draw_changes(changes: Sequence[dict[str, Any]]) -> None:
    if not changes:
        print_line("  nothing")
        return
    table = _table("what", "now", "then")
    for one in changes:
        before, after = (short(one[side]) if one[side] else "not at all" for side in ("before", "after"))
        table.add_row(*map(safe, (one["what"], before, after)))
    console().print(table)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name)
    return table
