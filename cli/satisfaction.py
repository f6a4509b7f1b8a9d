"""`tierline satisfaction`: how satisfied customers were with the tickets that were closed (F7)."""

from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.text import Text

from cli.backend import backend
from cli.output import console, exit_on_failure, print_json, safe
from cli.tables import Column, draw_table


class By(StrEnum):
    """How scores are grouped."""

    ALL = "all"
    TEAM = "team"
    CATEGORY = "category"
    CHANNEL = "channel"
    TEMPLATE = "template"
    HOUR = "hour"


COLUMNS = (
    Column("of"), Column("closed"), Column("answers"), Column("4 or 5"), Column("1 or 2"), Column("average"),
    Column("easy"),
)  # fmt: skip


def show_satisfaction(
    by: Annotated[By, typer.Option(case_sensitive=False, help="How the scores are grouped.")] = By.ALL,
    days: Annotated[int, typer.Option(help="Of the tickets that were closed in so many days.", min=1, max=400)] = 28,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Show how satisfied customers were: tickets closed, answers, how many 4 or 5, how many 1 or 2, the average.

    Easy is how easy it was to get it solved, 1 to 7 on average, where five or more customers said so, of how many.
    A ticket counts for each template that a reply of it was made of. Hours are those of the day in which tickets were
    opened, in the zone of their support hours.
    """
    with exit_on_failure(as_json):
        found = backend().satisfaction(by.value, days)
        if as_json:
            return print_json(found)
        rows = [_row(one) for one in found["scores"]]
        draw_table(console(uncut=True), COLUMNS, [*rows, _row(found["all"] | {"name": "all"})])


def _row(one: dict[str, Any]) -> list[Text]:
    share = f"{100 * one['satisfied'] / one['rated']:.0f} %" if one["rated"] else "-"
    average = f"{one['average']:.2f}" if one["average"] is not None else "-"
    few = "too few" if one["efforts"] else "-"
    easy = f"{one['effort']:.2f} of {one['efforts']}" if one["effort"] is not None else few
    cells = (one["name"] or "none", str(one["closed"]), str(one["rated"]), share, str(one["low"]), average, easy)
    return [Text(safe(cell)) for cell in cells]
