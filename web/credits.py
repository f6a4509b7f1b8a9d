"""Credits as pages (F2, F8): the ledger with its decisions, what open clocks would cost, and an account's month."""

import asyncio

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.parts import Parts
from domain.core.enums import Role
from domain.core.refusal import Refused
from domain.credits.credit import CreditState
from services import credits
from services.security.auth import Caller
from services.statement import Month, clock_line, month_of, ticket_line
from services.statement_texts import as_csv
from web.gate import PREFIX, Form, read_form
from web.refusal import Refusal
from web.render import page

LIST = f"{PREFIX}/credits"
EXPOSURE = f"{LIST}/exposure"
LINES = 50
EXPOSED_LINES = 20
STATEMENT_LINES = 500
"""Tickets, and clocks, that a statement shows as a page; as CSV it has all of them."""
LONGEST_ID = 200


async def show(request: Request) -> Response:
    """Show the ledger, in one state or of one account; of an account also what its open clocks would cost."""
    return await _ledger(request)


async def show_exposure(request: Request) -> Response:
    """Show what the open clocks of all accounts would cost if nobody acts. Every active ticket is read for it."""
    parts: Parts = request.app.state.parts
    exposure = await asyncio.to_thread(credits.exposure, parts.db)
    return page(request, "credits_exposure.html", exposure=exposure, lines=exposure.credits[:EXPOSED_LINES])


async def decide(request: Request) -> Response:
    """Approve or void a credit, or say that billing has it."""
    parts: Parts = request.app.state.parts
    me: Caller = request.state.signed_in.caller
    if me.role not in _deciders(parts):
        raise Refused("not_allowed", f"the role {me.role} reads credits: {', '.join(sorted(_deciders(parts)))} decide")
    filled = await read_form(request, request.state.signed_in)
    rules, name = parts.service.policy.credits, filled.text("credit")[:60]
    try:
        match filled.text("do"):
            case "approve":
                await asyncio.to_thread(credits.approve, parts.db, rules, name, me.actor, me.role)
            case "void":
                reason = filled.text("reason")
                await asyncio.to_thread(credits.call_off, parts.db, rules, name, me.actor, me.role, reason)
            case "apply":
                await asyncio.to_thread(credits.apply, parts.db, rules, name, me.actor, me.role)
            case _:
                raise Refused("unknown_command", "a credit is approved, voided or applied")
    except Refused as refused:
        return await _ledger(request, refused=Refusal.of(name, refused), typed=filled)
    return RedirectResponse(LIST, 303)


async def show_statement(request: Request) -> Response:
    """Show the statement of an account and month, fit to be printed; or send all of it as CSV."""
    parts: Parts = request.app.state.parts
    given = request.query_params
    account, month = given.get("account", "").strip()[:LONGEST_ID], given.get("month", "").strip()[:7]
    found: Month | None = None
    refused = None
    if account and month:
        try:
            found = await asyncio.to_thread(month_of, parts.db, parts.service.policy, account, month)
        except Refused as error:
            refused = Refusal.of("statement", error)
    if found and given.get("format") == "csv":
        headers = {"Content-Disposition": f'attachment; filename="statement-{found.head.month}.csv"'}
        return Response(as_csv(found), headers=headers, media_type="text/csv; charset=utf-8")
    clocks = sorted(found.clocks, key=lambda one: one[2] == "kept") if found else []  # those that count first
    tickets = found.tickets if found else []
    return page(
        request, "statement.html", refused.status if refused else 200,
        found=found.head if found else None, account=account, month=month, refused=refused, most=STATEMENT_LINES,
        tickets=[ticket_line(one) for one in tickets[:STATEMENT_LINES]], many_tickets=len(tickets),
        clocks=[clock_line(one) for one in clocks[:STATEMENT_LINES]], many_clocks=len(clocks),
    )  # fmt: skip


async def _ledger(request: Request, *, refused: Refusal | None = None, typed: Form | None = None) -> Response:
    parts: Parts = request.app.state.parts
    given = request.query_params
    account = given.get("account", "").strip()[:LONGEST_ID] or None
    state = next((one for one in CreditState if one == given.get("state")), None)
    listed = await asyncio.to_thread(
        credits.listed, parts.db, states=(state,) if state else (), account=account, after=given.get("after", "")[:60],
        limit=LINES,
    )  # fmt: skip
    # Of one account it comes by an index. Of all, every active ticket is read: that is a page of its own.
    exposure = await asyncio.to_thread(credits.exposure, parts.db, account) if account else None
    lines = exposure.credits[:EXPOSED_LINES] if exposure else []
    return page(
        request, "credits.html", refused.status if refused else 200,
        listed=listed, exposure=exposure, lines=lines, account=account, state=state,
        states=list(CreditState), may_decide=request.state.signed_in.caller.role in _deciders(parts),
        refused=refused, typed=typed or Form({}),
    )  # fmt: skip


def _deciders(parts: Parts) -> frozenset[Role]:
    return frozenset(Role(one) for one in parts.service.policy.credits.approvers) | {Role.FINANCE}


ROUTES = [
    Route(LIST, show, methods=["GET"]),
    Route(LIST, decide, methods=["POST"]),
    Route(EXPOSURE, show_exposure, methods=["GET"]),
    Route(f"{PREFIX}/statement", show_statement, methods=["GET"]),
]
