"""`tierline erase`: a person's texts, deliveries and ids, on request."""

import asyncio
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer
from temporalio.service import RPCError

from cli.backend import whoever
from cli.output import exit_on_failure, print_json, print_line
from domain.core.ids import spoken
from domain.core.refusal import Refused
from services.erasure import Done, Scope, erase, look, retention
from store.database import Database
from store.erasure import Trace
from workers.bootstrap import database
from workers.settings import Settings, load_settings
from workers.temporal import TemporalError, connect


class Histories(StrEnum):
    """When Temporal's histories of ended tickets go."""

    RETENTION = "retention"
    NOW = "now"


def erase_person(
    account: Annotated[str | None, typer.Option(metavar="ID", help="From all tickets of this account.")] = None,
    ticket: Annotated[str | None, typer.Option(metavar="ID", help="From this ticket.")] = None,
    requester: Annotated[
        str | None, typer.Option(metavar="ID", help="From all tickets in which this customer spoke, by their id.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why: the number of the request. It is kept, so no names.")] = "",
    by: Annotated[
        str | None, typer.Option(envvar="TIERLINE_AGENT", show_default="your login name", metavar="NAME", help="Who.")
    ] = None,
    histories: Annotated[
        Histories, typer.Option(help="When Temporal's histories of ended tickets go: after its retention, or now.")
    ] = Histories.RETENTION,
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without it, only say what there is.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Erase a person: texts, deliveries and the customer's ids go, events and clocks stay.

    Without --yes nothing is changed. Safe to repeat, and to go on with after it was cut off. What other systems hold
    is named, for you to erase there.
    """
    with exit_on_failure(as_json):
        scope = _scope(account, ticket, requester)
        settings = load_settings()
        db = database(settings, "erase")
        try:
            if yes:
                order = {"at": datetime.now(UTC), "actor": by or whoever()["by"], "reason": reason}
                done = asyncio.run(_carry_out(settings, db, scope, order, now=histories is Histories.NOW))
            else:
                done = Done(found=look(db, scope))
        finally:
            db.dispose()
        kept = asyncio.run(_retention(settings))
        if as_json:
            print_json(
                {"erased": yes} | done.model_dump(mode="json") | {"elsewhere": done.found.elsewhere(), "kept": kept}
            )
        else:
            _print_done(done, kept, scope, erased=yes)


def _scope(account: str | None, ticket: str | None, requester: str | None) -> Scope:
    chosen = [(kind, value) for kind, value in (("account", account), ("requester", requester)) if value]
    if ticket:
        chosen.append(("ticket", _ticket(ticket)))
    if len(chosen) != 1:
        raise Refused("missing_fields", "say whom: one of --account, --ticket, --requester", missing=["account"])
    return Scope.model_validate(dict(zip(("kind", "id"), chosen[0], strict=True)))


def _ticket(text: str) -> str:
    try:
        return spoken(text)
    except ValueError as error:
        raise Refused("not_found", str(error)) from None


async def _carry_out(settings: Settings, db: Database, scope: Scope, order: dict[str, Any], *, now: bool) -> Done:
    client = await connect(settings) if now else None
    return await erase(db, scope, client=client, **order)


async def _retention(settings: Settings) -> str:
    """Return how long Temporal keeps a history; without Temporal, that nobody knows."""
    try:
        kept = await retention(await connect(settings))
    except (TemporalError, RPCError):
        return "for its namespace's retention (Temporal does not answer)"
    return f"for {_many(kept.days, 'day')}" if kept >= timedelta(days=1) else f"for {kept}"


def _print_done(done: Done, kept: str, scope: Scope, *, erased: bool) -> None:
    found = done.found
    for one in found.tickets:
        waiting = (
            f"; nobody has acted on {_many(one.waiting, 'delivery', 'deliveries')}: erase again then"
            if one.waiting
            else ""
        )
        print_line(f"{one.ticket}, {one.status}: {_counted(one)}{waiting}")
    if found.loose:
        print_line(f"no ticket: {found.loose} deliveries and refusals that name them")
    if found.notes:
        print_line(f"account {scope.id}: {_many(found.notes, 'note')} about it")
    if found.gone:
        print_line(f"nothing is left of {scope.kind} {scope.id}")
    for line in found.elsewhere():
        print_line(f"not Tierline's to erase - {line}")
    print_line("not Tierline's to erase - backups and replicas of the database: they end as they do")
    if done.histories:
        print_line(f"Temporal deletes {_many(done.histories, 'history', 'histories')}")
    else:
        print_line(
            f"Temporal keeps the histories of ended tickets {kept} after their end; --histories now deletes them"
        )
    still = [one.ticket for one in found.tickets if one.closed_at is None]
    if still:
        print_line(f"still open, with what was said so far in their histories until they end: {', '.join(still)}")
    if not erased:
        print_line("nothing was changed: with --yes and --reason it is erased")


def _counted(one: Trace) -> str:
    places = _many(one.names, "place with a customer's id", "places with a customer's id")
    return f"{_many(one.texts, 'text')}, {_many(one.deliveries, 'delivery', 'deliveries')}, {places}"


def _many(number: int, one: str, more: str | None = None) -> str:
    return f"{number} {one if number == 1 else more or one + 's'}"
