"""`tierline token`: who may use the API. It speaks to the database itself: whoever can, may give tokens out."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from cli.output import console, example, exit_on_failure, print_error, print_json, print_line, safe
from cli.tables import Column, draw_table
from cli.times import ago, local, zone
from domain.core.enums import Role
from domain.core.refusal import Refused
from domain.core.text import one_line
from services.reading.instants import instant_text, iso
from services.security.auth import GRANTABLE, LONGEST, create_token
from services.security.sessions import make_sign_in_code
from store import tokens
from store.database import Database
from store.tables.integrations import TokenRow
from workers.bootstrap import database
from workers.settings import Settings, load_settings

app = typer.Typer(
    no_args_is_help=True, help="Tokens of the API, and sign-in links of the desk: give one out, list them, revoke one."
)

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
    with exit_on_failure(as_json):
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
            print_line(secret)  # nothing else on stdout, so that a script can keep it
            until = instant_text(row.expires_at)
            print_error(f"token {row.id} of {row.actor}, {row.role}, until {until}: it is not shown again")


@app.command("sign-in", epilog=example("tierline token sign-in ada --role agent"))
def sign_in(
    name: Annotated[str, typer.Argument(help="Who signs in, as events will name them.", metavar="NAME")],
    role: Annotated[Grantable, typer.Option(case_sensitive=False, help="What they may do.", show_default=False)],
    days: Annotated[int, typer.Option(min=1, max=LONGEST.days, help="How long the token behind it is good for.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Make a link with which a person signs in to the desk once, within 15 minutes."""
    with exit_on_failure(as_json):
        settings = load_settings()
        db = database(settings, "token")
        try:
            link = sign_in_link(db, desk_address(settings), name.strip(), Role(role.value), timedelta(days=days))
        finally:
            db.dispose()
        if as_json:
            print_json({"link": link})
        else:
            print_line(link)


def sign_in_link(db: Database, desk: str, name: str, role: Role, lifetime: timedelta) -> str:
    """Make a token, and a link that signs its holder in to the desk once. The token itself is shown to nobody.

    Raises Refused, DatabaseDown.
    """
    now = datetime.now(UTC)
    _, row = create_token(db, name, role, lifetime, now)
    return f"{desk}/sign-in?code={make_sign_in_code(db, row.id, now)}"


def desk_address(settings: Settings) -> str:
    """Return the address of the desk that these settings name."""
    if settings.api_url:
        return f"{str(settings.api_url).rstrip('/')}/desk"
    host = "127.0.0.1" if settings.api_host in ("0.0.0.0", "::") else settings.api_host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.api_port}/desk"


@app.command("list", epilog=example("tierline token list"))
def list_(as_json: AsJson = False) -> None:
    """List all tokens, without their secrets, the newest first."""
    with exit_on_failure(as_json):
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
    with exit_on_failure(as_json):
        token = token.removeprefix("tl_").partition("_")[0]  # the whole token is as good, and its secret stays unsaid
        db = database(load_settings(), "token")
        try:
            known = _revoke(db, token)
        finally:
            db.dispose()
        if not known:
            raise Refused("not_found", f"there is no token {token[:20]!r}: `tierline token list` lists them")
        if as_json:
            print_json({"revoked": token})
        else:
            print_line(f"token {token} is revoked")


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
        "used_at": iso(row.used_at),
    }


def _draw(rows: list[dict[str, Any]], screen: Console | None = None) -> None:
    """Print tokens as a table, their instants in the terminal's zone."""
    columns = [
        *(Column(name) for name in ("id", "name", "role")),
        Column("last used"),
        Column(f"expires ({zone()})"),
        Column(""),
    ]
    shown = [(row["id"], row["name"], row["role"], _used(row), local(row["expires_at"]), _state(row)) for row in rows]
    draw_table(
        screen or console(uncut=True), columns, [[Text(one_line(safe(cell), 100)) for cell in row] for row in shown]
    )


def _used(row: dict[str, Any]) -> str:
    return ago(row["used_at"]) if row["used_at"] else "never"


def _state(row: dict[str, Any]) -> str:
    """Return what else there is to say of a token, the most important first."""
    revoked = f"revoked {local(row['revoked_at'])}" if row["revoked_at"] else ""
    return "; ".join(filter(None, (revoked, ", ".join(row.get("sources", ())), f"created {local(row['created_at'])}")))
