"""What is stuck, breached and at risk, as a page for ops, with the repairs as forms: the same as `tierline ops`."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from temporalio.service import RPCError

from api.parts import Parts
from domain.aggregate.command import LEADS
from domain.core.failures import Unavailable
from domain.core.refusal import Refused
from services import repair, stuck
from services.commands import is_away
from services.policy_file.zones import zone_info
from services.reading import lapses
from services.reconciliation import Reconciler
from services.repair import About
from services.security.auth import speak
from services.stuck import Found, Kind
from web.gate import PREFIX, Form, read_form
from web.refusal import Refusal
from web.render import page

OPS = f"{PREFIX}/ops"
LINES = 25
"""Lines of each list, and of each kind of what is stuck."""
PATIENCE = 10.0
"""Seconds that Temporal may take for its lists before the page is shown without them."""
REPAIRS: dict[Kind, Sequence[str]] = {
    "workflow_fails": (),
    "no_workflow": ("resume",),
    "journal_behind": ("rebuild",),
    "effect_refused": ("retry",),
    "effect_late": ("retry",),
    "unanswered": ("reassign",),
    "waits": ("reassign",),
    "quiet": ("reassign",),
}
"""What the page offers to do about each kind of what is stuck."""
DONE = {
    "retry": "is tried again",
    "resume": "goes on from its journal, or ran already",
    "reassign": "was handed over",
    "rebuild": "is shown as its journal has it",
}
"""Each act, and what is said of a ticket to which it was done."""
KINDS = {
    "workflow_fails": "Its workflow fails",
    "no_workflow": "No workflow runs",
    "journal_behind": "Journal and workflow differ",
    "effect_refused": "Another system refused",
    "effect_late": "Another system has not answered",
    "unanswered": "A question is open",
    "waits": "It waits for too long",
    "quiet": "Nothing happens",
}


class RefusedAct(NamedTuple):
    """A repair that was refused."""

    about: str
    refusal: Refusal


async def show(request: Request) -> Response:
    """Show the lists. `did` and `about` name a repair that was just done."""
    check_reader(request)
    did, about = request.query_params.get("did", ""), request.query_params.get("about", "")[:40]
    said = ""
    if did in DONE:
        try:
            said = f"{repair.named(about)} {DONE[did]}"
        except Refused:  # somebody has typed an address
            said = ""
    return await _lists(request, said=said)


async def act(request: Request) -> Response:
    """Do one repair, and show the lists after it; or the refusal."""
    check_reader(request)
    filled = await read_form(request, request.state.signed_in)
    name, typed = request.path_params["act"], filled.text("about")[:40]
    if name not in DONE:
        raise Refused("unknown_command", f"{name[:40]!r} is no repair of this page")
    try:
        about = repair.named(typed)
        await _repair(request, name, about, filled)
    except Refused as refused:
        return await _lists(request, refused=RefusedAct(typed, Refusal.of(name, refused)))
    return RedirectResponse(f"{OPS}?did={name}&about={about}", 303)


async def _repair(request: Request, name: str, about: About, filled: Form) -> None:
    parts: Parts = request.app.state.parts
    signed_in = request.state.signed_in
    who: dict[str, Any] = speak(signed_in.caller, {})
    if once := filled.text("once"):
        who |= {"id": f"desk:{signed_in.id}:{once[:60]}"}
    match name:
        case "retry":
            await repair.retry(await parts.connected(), parts.service, parts.incidents, about, who)
        case "resume":
            reconciler = Reconciler(await parts.connected(), parts.db, parts.service.policy)
            if await reconciler.resume(about.noun, about.id) == "left":
                raise Unavailable(f"{about} cannot go on from its journal: see docs/ops.md, A gap in the journal")
        case "reassign":
            to = filled.text("to")
            if about.noun != "ticket":
                raise Refused("malformed", "an incident is handed over on its page")
            if not to:
                raise Refused("missing_fields", "missing: to", missing=["to"])
            await repair.reassign(parts.service, str(about.id), to, who, override=False)
        case _:
            await asyncio.to_thread(repair.rebuild, parts.db, [about])


def check_reader(request: Request) -> None:
    """Refuse the page to who does not lead. Raises Refused (`not_allowed`)."""
    role = request.state.signed_in.caller.role
    if role not in LEADS:
        raise Refused("not_allowed", f"this page is for {', '.join(sorted(LEADS))}, and your role is {role}")


async def _lists(request: Request, *, said: str = "", refused: RefusedAct | None = None) -> Response:
    parts: Parts = request.app.state.parts
    now = parts.db.clock.now()
    found, away = await _stuck(request)
    return page(
        request, "ops.html", refused.refusal.status if refused else 200,
        stuck=found,
        away=away,
        breached=await asyncio.to_thread(lapses.breached, parts.db, now, LINES),
        at_risk=await asyncio.to_thread(lapses.at_risk, parts.db, now, lapses.WITHIN, LINES),
        kinds=KINDS,
        repairs=REPAIRS,
        said=said,
        refused=refused,
    )  # fmt: skip


async def _stuck(request: Request) -> tuple[Found, bool]:
    """Return what is stuck, and whether Temporal was away, so that only the journal was asked."""
    parts: Parts = request.app.state.parts
    now, zone = parts.db.clock.now(), zone_info(request.state.signed_in.zone)
    try:
        async with asyncio.timeout(PATIENCE):
            return await stuck.find(await parts.connected(), parts.db, now, zone, LINES), False
    except (TimeoutError, RPCError, Unavailable):
        pass
    except RuntimeError as error:
        if not is_away(error):
            raise
    return await stuck.find(None, parts.db, now, zone, LINES), True


ROUTES = [
    Route(OPS, show, methods=["GET"]),
    Route(f"{OPS}/{{act}}", act, methods=["POST"]),
]
