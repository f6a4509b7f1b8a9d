"""Refunds as a page (F6): those that wait for approval, and what billing has of those that were approved."""

import asyncio

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.parts import Parts
from domain.core.refusal import Refused
from domain.ticket.rules.refund import DECIDERS
from services import refunds
from services.security.auth import Caller
from store.refunds import RefundState
from web.credits import LINES, LIST, LONGEST_ID
from web.gate import read_form
from web.refusal import Refusal
from web.render import page

REFUNDS = f"{LIST}/refunds"


async def show(request: Request) -> Response:
    """Show the refunds that wait for approval; those in another state, or of one account, where the address says so."""
    return await _refunds(request)


async def note(request: Request) -> Response:
    """Say that billing has an approved refund, or have it sent again."""
    parts: Parts = request.app.state.parts
    me: Caller = request.state.signed_in.caller
    rules = parts.service.policy.refunds
    if me.role not in (may := refunds.deciders(rules)):
        raise Refused("not_allowed", f"the role {me.role} reads refunds: {', '.join(sorted(may))} apply them")
    filled = await read_form(request, request.state.signed_in)
    name = filled.text("refund")[:100]
    try:
        match filled.text("do"):
            case "apply":
                await asyncio.to_thread(refunds.apply, parts.db, rules, name, me.actor, me.role)
            case "send":
                await asyncio.to_thread(refunds.send, parts.db, rules, name, me.role)
            case _:
                raise Refused("unknown_command", "a refund is applied, or sent again")
    except Refused as refused:
        return await _refunds(request, refused=Refusal.of(name, refused))
    return RedirectResponse(f"{REFUNDS}?state=approved", 303)


async def _refunds(request: Request, *, refused: Refusal | None = None) -> Response:
    parts: Parts = request.app.state.parts
    given = request.query_params
    account = given.get("account", "").strip()[:LONGEST_ID] or None
    wanted = given.get("state", RefundState.REQUESTED.value)
    state = next((one for one in RefundState if one == wanted), None)
    after = given.get("after", "")
    listed = await asyncio.to_thread(
        refunds.listed, parts.db, states=(state,) if state else (), account=account, limit=LINES,
        after=int(after) if after.isdecimal() and after.isascii() and len(after) < 18 else 0,
    )  # fmt: skip
    may_apply = request.state.signed_in.caller.role in refunds.deciders(parts.service.policy.refunds)
    return page(
        request, "refunds.html", refused.status if refused else 200,
        listed=listed, account=account, state=state, states=list(RefundState), may_apply=may_apply,
        deciders=DECIDERS, refused=refused,
    )  # fmt: skip


ROUTES = [Route(REFUNDS, show, methods=["GET"]), Route(REFUNDS, note, methods=["POST"])]
