"""`tierline session`: who is signed in to the desk. It speaks to the database itself, as `tierline token` does."""

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.output import console, example, exit_on_failure, print_json, print_line, safe
from domain.core.refusal import Refused
from services.reading.instants import iso
from services.security.sessions import end_sessions, live_sessions
from workers.bootstrap import database
from workers.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Sessions of the desk: list who is signed in, end a session.")

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]


@app.command("list", epilog=example("tierline session list"))
def list_(as_json: AsJson = False) -> None:
    """List the sessions that have not ended, the newest first."""
    with exit_on_failure(as_json):
        db = database(load_settings(), "session")
        try:
            rows: list[dict[str, Any]] = [
                {
                    "id": row.id,
                    "name": row.actor,
                    "role": row.role,
                    "by": f"token {row.token_id}" if row.token_id else "identity provider",
                    "created_at": iso(row.created_at),
                    "seen_at": iso(row.seen_at),
                    "expires_at": iso(row.expires_at),
                }
                for row in live_sessions(db, datetime.now(UTC))
            ]
        finally:
            db.dispose()
        if as_json:
            print_json({"sessions": rows})
        else:
            _draw(rows)


@app.command(epilog=example("tierline session end ada", "tierline session end 3k9x7q2m5tb8w4zc"))
def end(
    who: Annotated[
        str,
        typer.Argument(
            help="A session's id, as the list shows it, or a name: all sessions of that person.",
            show_default=False,
            metavar="ID-OR-NAME",
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """End a session, or all of a person: with the next request they are signed out."""
    with exit_on_failure(as_json):
        db = database(load_settings(), "session")
        try:
            ended = end_sessions(db, who.strip())
        finally:
            db.dispose()
        if not ended:
            raise Refused(
                "not_found",
                f"there is no session {safe(who[:40])!r}, and nobody of that name is signed in: "
                "`tierline session list` lists who is",
            )
        if as_json:
            print_json({"ended": ended})
        else:
            print_line(f"{ended} {'session is' if ended == 1 else 'sessions are'} ended")


def _draw(rows: list[dict[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "name", "role", "signed in by", "since", "last used", "until"):
        table.add_column(heading)
    for row in rows:
        table.add_row(*(safe(str(value or "-")) for value in row.values()))
    console().print(table)
