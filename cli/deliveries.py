"""`tierline deliveries`: what other systems sent, was taken, and came to nothing. For ops."""

from datetime import UTC
from typing import Annotated, Any

import typer

from cli.output import Code, example, exit_on_failure, print_error, print_json, print_line, safe
from store import inbox
from store.database import Database
from workers.bootstrap import database
from workers.settings import load_settings

app = typer.Typer(
    no_args_is_help=True,
    help="Deliveries of other systems that were taken and came to nothing: set aside since our own code fails at them, "
    "or refused when they were acted on.",
)
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]


@app.command("list", epilog=example("tierline deliveries list"))
def list_(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 100, as_json: AsJson = False
) -> None:
    """List them, those that are set aside first, then the latest. Refused ones are kept for 14 days."""
    with exit_on_failure(as_json):
        found = _with_db(lambda db: _listed(db, limit))
        if as_json:
            return print_json({"deliveries": found})
        for one in found:
            what = "set aside" if one["set_aside"] else "refused"
            about = one["ticket"] or one["about"] or "-"
            print_line(safe(f"{one['number']}  {one['received']}  {one['source']}  {what}: {one['why']}  {about}"))
        if not found:
            print_line("none")


@app.command("retry", epilog=example("tierline deliveries retry 4711", "tierline deliveries retry 4711 4712"))
def retry(
    numbers: Annotated[list[int], typer.Argument(help="Their numbers, as `list` shows them.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Have deliveries acted on once more: after our code was mended, or once what refused them is put right.

    What they do has a key, so nothing is done twice.
    """
    with exit_on_failure(as_json):
        missing = _with_db(lambda db: _retried(db, numbers))
        again = [number for number in numbers if number not in missing]
        if as_json:
            print_json({"again": again, "unknown": missing})
        for number in missing:
            print_error(f"{number} is no delivery that came to nothing: see `tierline deliveries list`")
        if again and not as_json:
            print_line(
                f"{len(again)} will be acted on again within seconds, while `tierline api` or `tierline relay` runs"
            )
        if missing:
            raise typer.Exit(Code.REFUSED)


def _listed(db: Database, limit: int) -> list[dict[str, Any]]:
    with db.session() as session:
        return [
            {
                "number": row.id,
                "received": f"{row.received.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
                "source": row.source,
                "set_aside": row.stopped_at is not None,
                "why": row.error or "",
                "attempts": row.attempts,
                "ticket": row.ticket_id,
                "about": row.about,
            }
            for row in inbox.came_to_nothing(session, limit)
        ]


def _retried(db: Database, numbers: list[int]) -> list[int]:
    with db.begin() as session:
        return [number for number in numbers if not inbox.try_again(session, number)]


def _with_db(act: Any) -> Any:
    db = database(load_settings(), "deliveries")
    try:
        return act(db)
    finally:
        db.dispose()
