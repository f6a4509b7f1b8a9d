"""`tierline token`: who may use the API. It speaks to the database itself: whoever can, may give tokens out."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.table import Table

from cli.output import complain, console, example, print_json, safe, say, telling
from domain.core.enums import Role
from domain.core.refusal import Refused
from services.reading.instants import iso, shown
from services.security.auth import GRANTABLE, LONGEST, create_token
from store import tokens
from store.database import Database
from store.tables.integrations import TokenRow
from workers.bootstrap import database
from workers.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Tokens of the API: give one out, list them, revoke one.")

Grantable = StrEnum("Grantable", {role.name: role.value for role in GRANTABLE})  # type: ignore[misc]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]


@app.command(
    epilog=example(
        "tierline token create ada --role agent",
        "tierline token create portal --role integration --source web-form",
    )
)
def create(
    name: Annotated[
        str, typer.Argument(help="Who it is for, as events will name them.", show_default=False, metavar="NAME")
    ],
    role: Annotated[Grantable, typer.Option(case_sensitive=False, help="What they may do.", show_default=False)],
    days: Annotated[int, typer.Option(min=1, max=LONGEST.days, help="How long it is good for.")] = 90,
    source: Annotated[
        list[str] | None,
        typer.Option(
            help="Of an integration: the source of the tickets that it opens and speaks for. May be said again. "
            "`api` and `cli`: it speaks for tickets that people opened.",
            show_default="its name",
            metavar="SOURCE",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a token, and print it: this once, for it is not kept."""
    with telling(as_json):
        if not name.strip() or len(name) > 100:
            raise Refused("malformed", "a name has 1 to 100 characters", fields={"name": "1 to 100 characters"})
        db = database(load_settings(), "token")
        try:
            lifetime, now = timedelta(days=days), datetime.now(UTC)
            secret, row = create_token(db, name.strip(), Role(role.value), lifetime, now, sources=source or ())
        finally:
            db.dispose()
        if as_json:
            print_json({"token": secret} | _as_object(row))
        else:
            say(secret)  # nothing else on stdout, so that a script can keep it
            complain(f"token {row.id} of {row.actor}, {row.role}, until {shown(row.expires_at)}: it is not shown again")


@app.command("list", epilog=example("tierline token list"))
def list_(as_json: AsJson = False) -> None:
    """List all tokens, without their secrets, the newest first."""
    with telling(as_json):
        db = database(load_settings(), "token")
        try:
            with db.session() as session:
                rows = [_as_object(row) for row in tokens.every(session)]
        finally:
            db.dispose()
        if as_json:
            print_json({"tokens": rows})
        else:
            _draw(rows)


@app.command(epilog=example("tierline token revoke k7m3q9xt5b"))
def revoke(
    token: Annotated[str, typer.Argument(help="The token's id, as the list shows it.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Revoke a token: from now on it opens nothing."""
    with telling(as_json):
        token = token.removeprefix("tl_").partition("_")[0]  # the whole token is as good, and its secret stays unsaid
        db = database(load_settings(), "token")
        try:
            known = _revoke(db, token)
        finally:
            db.dispose()
        if not known:
            raise Refused("not_found", f"there is no token {token[:20]!r}")
        if as_json:
            print_json({"revoked": token})
        else:
            say(f"token {token} is revoked")


def _revoke(db: Database, token: str) -> bool:
    with db.begin() as session:
        return tokens.revoke(session, token, datetime.now(UTC))


def _as_object(row: TokenRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.actor,
        "role": row.role,
        "sources": row.sources,
        "created_at": iso(row.created_at),
        "expires_at": iso(row.expires_at),
        "revoked_at": iso(row.revoked_at),
    }


def _draw(rows: list[dict[str, Any]]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "name", "role", "sources", "created", "expires", "revoked"):
        table.add_column(heading)
    for row in rows:
        shown_row = row | {"sources": ", ".join(row.get("sources", ()))}
        table.add_row(*(safe(str(value or "-")) for value in shown_row.values()))
    console().print(table)
