"""Accounts as pages: those of a customer success manager, all that are known, and one account with its notes."""

import asyncio
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.parts import Parts
from domain.core.enums import Role
from domain.core.refusal import Refused
from services import account_notes
from services.reading import account
from services.security.auth import Caller
from web.gate import PREFIX, Form, read_form
from web.refusal import Refusal
from web.render import account_address, page

LINES = 50
LONGEST_ID = 200
"""Characters of an account's id."""


async def show_list(request: Request) -> Response:
    """List the accounts of which the reader is the customer success manager, or all that are known. With `id`, go to
    that account."""
    parts: Parts = request.app.state.parts
    me: Caller = request.state.signed_in.caller
    given = request.query_params
    if named := given.get("id", "").strip():
        return RedirectResponse(account_address(named[:LONGEST_ID]), 303)
    shared = account.plans_shared_with(parts.service.policy, me)
    of_all = given.get("view", "mine" if me.role is Role.CSM else "all") == "all"
    if of_all:
        found = await asyncio.to_thread(account.known_accounts, parts.db, given.get("after", "")[:LONGEST_ID], LINES)
    else:
        found = await asyncio.to_thread(account.of_csm, parts.db, me.actor, shared)
    return page(
        request, "accounts.html", accounts=found.accounts, next=found.next, more=found.more, of_all=of_all,
        shared=shared, team=parts.service.policy.customer_success.shared,
    )  # fmt: skip


async def show(request: Request) -> Response:
    """Show an account."""
    return await _account(request, request.path_params["account"])


async def note(request: Request) -> Response:
    """Write, change or remove a note about an account."""
    parts: Parts = request.app.state.parts
    me: Caller = request.state.signed_in.caller
    filled = await read_form(request, request.state.signed_in)
    named, text, now = filled.text("account")[:LONGEST_ID], filled.text("text"), datetime.now(UTC)
    which, revision = _number(filled.text("note")), _number(filled.text("revision"))
    try:
        match filled.text("do"):
            case "add":
                key = f"desk:{request.state.signed_in.id}:{filled.text('once')[:60]}"
                await asyncio.to_thread(account_notes.add, parts.db, me, named, key, text, now)
            case "change":
                await asyncio.to_thread(account_notes.change, parts.db, me, named, which, revision, text, now)
            case "remove":
                await asyncio.to_thread(account_notes.remove, parts.db, me, named, which, revision)
            case _:
                raise Refused("unknown_command", "a note is added, changed or removed")
    except Refused as refused:
        return await _account(request, named, refused=Refusal.of(str(which or ""), refused), typed=filled)
    return RedirectResponse(f"{account_address(named)}#notes", 303)


async def _account(
    request: Request, named: str, *, refused: Refusal | None = None, typed: Form | None = None
) -> Response:
    parts: Parts = request.app.state.parts
    me: Caller = request.state.signed_in.caller
    all_notes = request.query_params.get("notes") == "all" or refused is not None
    seen = await asyncio.to_thread(account.view, parts.db, named, datetime.now(UTC), all_notes=all_notes)
    return page(
        request, "account.html", refused.status if refused else 200,
        seen=seen,
        known=seen.known.account,
        may_write=me.role in account_notes.WRITERS,
        may_change={one.id for one in seen.notes if account_notes.may_change(me, one)},
        csm=account.csm_of(parts.service.policy, seen.known.account),
        window=account.WINDOW.days,
        most_tickets=account.MOST_TICKETS,
        longest=account_notes.LONGEST,
        refused=refused,
        typed=typed or Form({}),
    )  # fmt: skip


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 16 else 0


ROUTES = [
    Route(f"{PREFIX}/accounts", show_list, methods=["GET"]),
    Route(f"{PREFIX}/account-notes", note, methods=["POST"]),
    Route(f"{PREFIX}/accounts/{{account:path}}", show, methods=["GET"]),
]
