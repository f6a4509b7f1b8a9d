"""Lists in a terminal of any width: nothing that must be copied or seen is cut, and the last column takes the rest."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

GAP = 2
"""Blanks between two columns."""
NARROWEST = 10
"""Characters that the last column has at least."""


class Column(NamedTuple):
    """One column of a list."""

    heading: str
    most: int | None = None
    """Characters beyond which it is cut; None: it is never cut. The last column is cut where the terminal ends."""


def draw_table(screen: Console, columns: Sequence[Column], rows: Sequence[Sequence[Text]]) -> None:
    """Print rows under their headings, each on one line."""
    widths: list[int] = []
    for place, one in enumerate(columns):
        longest = max(cell_len(text) for text in (one.heading, *(row[place].plain for row in rows)))
        widths.append(min(longest, one.most or longest))
    left = screen.width - sum(widths[:-1]) - GAP * (len(columns) - 1)
    widths[-1] = min(widths[-1], max(left, NARROWEST))
    table = Table(box=None, pad_edge=False, show_edge=False, padding=(0, GAP, 0, 0))
    for one, width in zip(columns, widths, strict=True):
        table.add_column(Text(one.heading, style="bold"), no_wrap=True, overflow="ellipsis", width=width)
    for row in rows:
        table.add_row(*row)
    screen.print(table, crop=False)
