"""`tierline ops size`: what takes how much in the database, and how fast it grows."""

from typing import Annotated

import typer
from rich.text import Text

from cli.output import console, exit_on_failure, print_json, print_line
from cli.tables import Column, draw_table
from store.sizes import Sizes, TableSize, read_sizes
from workers.bootstrap import database
from workers.settings import load_settings


def size(as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False) -> None:
    """Say how many rows and bytes each table of the database has, and how fast it grows.

    Growth is what came in the last seven days, by the instants in the rows themselves. Tables that the relay prunes
    grow until their time has passed: then as much goes as comes.
    """
    with exit_on_failure(as_json):
        db = database(load_settings(), "ops")
        try:
            with db.session() as session:
                sizes = read_sizes(session, db.clock.now())
        finally:
            db.dispose()
        if as_json:
            print_json(as_object(sizes))
        else:
            draw(sizes)


def as_object(sizes: Sizes) -> dict[str, object]:
    """Return the sizes as they are printed for programs."""
    tables = [one.model_dump() | {"bytes_a_day": one.bytes_a_day} for one in sizes.tables]
    return sizes.model_dump(exclude={"tables"}) | {"bytes_a_day": sizes.bytes_a_day, "tables": tables}


def draw(sizes: Sizes) -> None:
    """Print the tables that have rows, the largest first, and the sum."""
    columns = [Column(name) for name in ("table", "rows", "size", "of it indexes", "rows a day", "a day", "")]
    rows = [_row(one) for one in sizes.tables if one.rows]
    draw_table(console(uncut=True), columns, [[Text(cell) for cell in row] for row in rows])
    print_line(
        f"the database takes {spell_bytes(sizes.database_bytes)}, and {spell_bytes(sizes.bytes_a_day)} more a day"
    )


def _row(one: TableSize) -> tuple[str, ...]:
    about = "" if one.exact else "about "
    grows = ("?", "?") if one.rows_a_day is None else (f"{one.rows_a_day:,.1f}", spell_bytes(one.bytes_a_day or 0))
    pruned = "pruned" if one.pruned else ""
    return one.table, f"{about}{one.rows:,}", spell_bytes(one.bytes), spell_bytes(one.index_bytes), *grows, pruned


def spell_bytes(count: float) -> str:
    """Return a number of bytes for people: `512 B`, `1.5 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
