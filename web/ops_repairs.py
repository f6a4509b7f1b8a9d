"""The repairs of the page for ops that are about all tickets: compare the journal with Temporal, and count deadlines
anew. The same as `tierline ops reconcile` and `tierline ops recalculate`."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from temporalio.service import RPCError

from api.parts import Parts
from domain.core.failures import Unavailable
from domain.core.refusal import Refused
from services import comparison, recalculation, repair
from services.commands import is_away
from services.comparison import NOTHING, Looked
from services.recalculation import Recalculated
from services.reconciliation import Reconciler
from services.security.auth import speak
from store import reconciliation
from store.reconciliation import Compared
from web.gate import read_form
from web.ops import OPS, check_reader
from web.refusal import Refusal
from web.render import page

log = logging.getLogger("tierline.web")

RECONCILE, RECALCULATE = f"{OPS}/reconcile", f"{OPS}/recalculate"
LOOKED_AT = 50
"""How many of each kind of difference a page looks at and mends; the command does more."""
AT_ONCE = 50
"""Tickets that one form gives new terms; then the page shows the next ones."""
PATIENCE = 45.0
"""Seconds that a look at Temporal may take before the page says that it does not answer."""


class Differs(NamedTuple):
    """A line of the comparison."""

    workflow: str
    about: str
    """As in `4k7m-3q9x-tbd2` or `incident-7`."""
    why: str
    mended: bool


class Done(NamedTuple):
    """What became of one ticket that was to get today's terms."""

    ticket: str
    refused: str
    """Why not; "" where it has them."""


# -- Compare the journal with Temporal ------------------------------------------------------------------------


async def show_comparison(request: Request) -> Response:
    """Show what the latest comparison found, by numbers. Looks at nothing."""
    check_reader(request)
    return await _comparison(request)


async def compare(request: Request) -> Response:
    """Compare now, with `mend` mend what can be mended, and show what differs. Both put on record what is left."""
    check_reader(request)
    filled = await read_form(request, request.state.signed_in)
    parts: Parts = request.app.state.parts
    mended: Collection[str] = ()
    try:
        async with asyncio.timeout(PATIENCE):
            client = await parts.connected()
            found = await comparison.look(client, parts.db, LOOKED_AT)
            if filled.text("mend"):
                log.info("%s has what differs mended", request.state.signed_in.caller.actor)
                mended = await Reconciler(client, parts.db, parts.service.policy).mend(found)
        await asyncio.to_thread(comparison.put_on_record, parts.db, found, mended)
    except (TimeoutError, RPCError, Unavailable):
        return await _comparison(request, away=True)
    except RuntimeError as error:
        if not is_away(error):
            raise
        return await _comparison(request, away=True)
    return await _comparison(request, looked=True, found=found, mended=mended)


async def _comparison(
    request: Request,
    *,
    looked: bool = False,
    found: Looked = NOTHING,
    mended: Collection[str] = (),
    away: bool = False,
) -> Response:
    parts: Parts = request.app.state.parts
    lines = [
        *((name, f"open in the journal, not running ({one.status})") for name, one in found.stopped.items()),
        *((one.workflow, f"journal at {one.journal}, workflow at {one.decided or '?'}") for one in found.behind),
        *((name, "over in the journal, and running") for name in found.over),
    ]
    return page(
        request, "ops_reconcile.html", 503 if away else 200,
        latest=await asyncio.to_thread(_latest, parts),
        looked=looked,
        differ=[Differs(name, _about(name), why, name in mended) for name, why in lines],
        more=found.more,
        away=away,
    )  # fmt: skip


def _latest(parts: Parts) -> Compared | None:
    with parts.db.session() as session:
        return reconciliation.latest_comparison(session)


def _about(workflow: str) -> str:
    noun, key = comparison.of_workflow(workflow)
    return str(key) if noun == "ticket" else f"incident-{key}"


# -- Count deadlines anew -------------------------------------------------------------------------------------


async def preview(request: Request) -> Response:
    """Show which deadlines of open tickets today's policy and calendars would move. Changes nothing.

    `ticket` in the address names one ticket to look at; without it the page shows the first ones of all.
    """
    check_reader(request)
    asked = request.query_params.get("ticket", "").strip()[:40]
    return await (_preview_one(request, asked) if asked else _preview(request))


async def _preview_one(request: Request, ticket: str) -> Response:
    parts: Parts = request.app.state.parts
    try:
        found = await asyncio.to_thread(_previewed, parts, parts.db.clock.now(), 1, [ticket])
    except Refused as error:
        refused = Refusal.of("recalculate", error)
        return _recalculation(request, refused=refused, asked=ticket)
    return _recalculation(request, found=found, asked=ticket)


async def recalculate(request: Request) -> Response:
    """Give the tickets of the form today's terms, each by a command with who and why, and show what is left.

    What was previewed is what is applied: a ticket that has moved on since is looked at anew, and so is the policy.
    """
    check_reader(request)
    filled = await read_form(request, request.state.signed_in)
    tickets, reason = filled.texts("ticket")[:AT_ONCE], filled.text("reason")
    try:
        if not reason.strip():
            raise Refused("missing_fields", "missing: reason", missing=["reason"])
        if not tickets or any(repair.named(ticket[:40]).noun != "ticket" for ticket in tickets):
            raise Refused("missing_fields", "choose the tickets that get today's terms", missing=["ticket"])
    except Refused as refused:
        return await _preview(request, refused=Refusal.of("recalculate", refused), reason=reason)
    who: dict[str, Any] = speak(request.state.signed_in.caller, {})
    return await _preview(request, done=[await _apply(request, ticket, who, reason) for ticket in tickets])


async def _apply(request: Request, ticket: str, who: dict[str, Any], reason: str) -> Done:
    parts: Parts = request.app.state.parts
    try:
        found = await asyncio.to_thread(_previewed, parts, parts.db.clock.now(), 1, [ticket])
        for one in found:
            if one.problem:
                return Done(ticket, one.problem)
            await recalculation.apply(parts.service, one, who, reason)
    except (Refused, Unavailable) as error:
        return Done(ticket, str(error))
    return Done(ticket, "")


async def _preview(
    request: Request, *, done: Sequence[Done] = (), refused: Refusal | None = None, reason: str = ""
) -> Response:
    parts: Parts = request.app.state.parts
    applied = {one.ticket for one in done if not one.refused}
    found = await asyncio.to_thread(_previewed, parts, parts.db.clock.now(), AT_ONCE + 1 + len(applied))
    left = [one for one in found if one.ticket not in applied]  # the journal may have it a moment later
    return _recalculation(
        request, found=left[:AT_ONCE], more=len(left) > AT_ONCE, done=done, refused=refused, reason=reason
    )


def _recalculation(
    request: Request,
    *,
    found: Sequence[Recalculated] = (),
    more: bool = False,
    done: Sequence[Done] = (),
    refused: Refusal | None = None,
    reason: str = "",
    asked: str = "",
) -> Response:
    """Render the page of what would change; `asked` is the one ticket that it is about, "" where it is about all."""
    return page(
        request, "ops_recalculate.html", refused.status if refused else 200,
        found=found, more=more, done=done, refused=refused, reason=reason, asked=asked,
    )  # fmt: skip


def _previewed(parts: Parts, now: datetime, most: int, tickets: Sequence[str] = ()) -> list[Recalculated]:
    return list(islice(recalculation.preview(parts.db, parts.service.policy, now, tickets), most))


ROUTES = [
    Route(RECONCILE, show_comparison, methods=["GET"]),
    Route(RECONCILE, compare, methods=["POST"]),
    Route(RECALCULATE, preview, methods=["GET"]),
    Route(RECALCULATE, recalculate, methods=["POST"]),
]
