"""`tierline incident forecast`: what a critical problem would set off, now or at 03:00 on a Sunday."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.output import console, exit_on_failure, print_json, print_line, safe
from cli.times import local
from domain.core.enums import Plan, Priority
from workers.settings import load_settings

FORMATS = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S%z"]


def forecast(
    area: Annotated[str, typer.Option(help="The part of the product.", metavar="TEXT")] = "",
    priority: Annotated[str, typer.Option(help="P0 or P1.", metavar="P0|P1")] = "P0",
    plan: Annotated[
        Plan, typer.Option(case_sensitive=False, help="The plan of the customer whose clocks are shown.")
    ] = Plan.ENTERPRISE,
    at: Annotated[
        datetime | None,
        typer.Option(formats=FORMATS, help="When it begins, in the terminal's zone if it names none. [default: now]"),
    ] = None,
    hours: Annotated[int, typer.Option(min=1, max=240, help="How far to look ahead.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Foresee whom a critical problem would page, when and in which order, and what would be due.

    It is worked out from the policy file alone: nothing is declared, nobody is paged, and no server is needed.
    """
    from services.incident_forecast import forecast_incident  # with the holidays of all countries
    from workers.bootstrap import load_policy_at_speed

    with exit_on_failure(as_json):
        if priority.upper() not in ("P0", "P1"):
            raise typer.BadParameter("--priority is P0 or P1: only they become incidents")
        begins = (at or datetime.now()).astimezone(UTC)
        policy, ahead = load_policy_at_speed(load_settings()), timedelta(hours=hours)
        found = forecast_incident(policy, area, Priority(priority.upper()), plan, begins, ahead)
        print_json(found) if as_json else _draw(found)


def _draw(found: dict[str, Any]) -> None:
    where = found["area"] or "the service"
    print_line(safe(f"a {found['priority']} in {where} at {local(found['at'])}; commander: {found['commander']}"))
    print_line("")
    print_line("if nobody acknowledges it:")
    table = _table("when", "what", "pages", "second channel", "notified")
    for one in found["coming"]:
        second = local(one["second_channel_at"]) if one["second_channel_at"] else ""
        row = (local(one["at"]), one["what"], one["pages"] or "", second, ", ".join(one["notified"]))
        table.add_row(*map(safe, row))
    console().print(table)
    print_line("")
    print_line(f"the clocks of a ticket of a customer on {found['plan']}:")
    table = _table("due", "clock", "from")
    for one in found["dues"]:
        table.add_row(*map(safe, (local(one["due"]), f"{one['side']} {one['metric'].replace('_', ' ')}", one["cell"])))
    console().print(table)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name)
    return table
