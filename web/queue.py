"""The queue as pages: views that are addresses, the next ticket, and acts on many tickets at once."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.callers import OPENERS
from api.parts import Parts
from api.problems import Problem
from domain.core.enums import Tier
from domain.core.failures import Unavailable
from domain.core.ids import spoken
from domain.core.refusal import Refused
from domain.ticket.rules.conversation import Respond
from services.policy_file.zones import zone_info
from services.reading import lists
from services.reading.something_else import to_take
from services.security.auth import Caller, speak
from services.undo import UNDOABLE, undo_each
from store.database import DatabaseDown
from web import forms
from web.gate import PREFIX, Form, read_form
from web.render import page

LINES = 50
MOST_AT_ONCE = 100
"""Tickets that one act is given to."""
AT_A_TIME = 10
"""Of these, how many are under way at once."""
BULK = ("take", "assign", "release", "note", "respond", "prioritise", "amend", "close", "escalate")
"""Commands that can be given to many tickets."""


class View(NamedTuple):
    """A view of the queue."""

    name: str
    """As it stands in the address."""
    title: str
    empty: str
    """What its page says when nothing is in it."""


VIEWS = (
    View("mine", "Mine", "You hold no ticket. Take the next one: it is the most urgent that waits for somebody."),
    View("unassigned", "Unassigned", "Somebody holds every ticket."),
    View("T1", "Tier 1", "No ticket is in Tier 1."),
    View("T2", "Tier 2", "No ticket is in Tier 2."),
    View("T3", "Tier 3", "No ticket is in Tier 3."),
    View("limit", "Limit running", "No Tier 1 limit runs."),
    View("incomplete", "Package incomplete", "Every package is complete."),
    View("at-risk", "At risk", "No clock is close to its deadline."),
    View("breached", "Breached", "No contract is breached."),
    View("attention", "Attention", "Nobody has asked for attention."),
    View("customer", "Waits on customer", "No ticket waits on a customer."),
    View("tracker", "Waits on engineering", "No ticket waits on engineering."),
    View("incident", "Waits on incident", "No ticket waits on an incident."),
    View("asked", "Asked of me", "Nobody has asked you anything."),
    View("questions", "Questions", "No question is open."),
    View("promised", "Promises", "Nothing is promised for today, and no promise is at risk."),
    View("loop", "Close the loop", "Every customer knows what engineering did."),
    View("all", "All", "No ticket is open."),
)


class Result(NamedTuple):
    """What became of one ticket of many."""

    ticket: str
    done: bool
    detail: str


async def show(request: Request) -> Response:
    """Show a view of the queue."""
    return await _list(request)


async def take_next(request: Request) -> Response:
    """Take the next ticket (G10), in the view of a tier the next one of that tier, and open it. Where somebody else was
    faster, take the one after it. With `something_else`, one of an area that they had least, where one may come first.
    """
    parts: Parts = request.app.state.parts
    me: Caller = request.state.signed_in.caller
    filled = await read_form(request, request.state.signed_in)
    tier = next((one for one in Tier if one.value == filled.text("view")), None)
    for _ in range(5):
        if filled.text("something_else"):
            zone = zone_info(parts.service.policy.report.zone)
            line = (await asyncio.to_thread(to_take, parts.db, me.actor, zone, tier)).line
        else:
            line = await asyncio.to_thread(lists.next_to_take, parts.db, tier, ())
        if line is None:
            of = f" of {tier.value}" if tier else ""
            raise Refused("not_found", f"no ticket{of} waits for an agent: there is nothing to take")
        try:
            answer = await parts.service.handle(line.id, "take", speak(me, {}))
        except Refused as refused:
            if refused.code in ("wip_limit", "not_allowed"):
                raise
            continue
        return RedirectResponse(f"{PREFIX}/tickets/{line.id}?seq={answer.seq}", 303)
    raise Unavailable("others take tickets at this moment: press it again")


async def act_on_many(request: Request) -> Response:
    """Give one command to all tickets that are chosen, and say for each what became of it."""
    filled = await read_form(request, request.state.signed_in)
    name = filled.text("command")
    if name not in BULK:
        raise Refused("unknown_command", f"{name[:40]!r} cannot be given to many tickets: {', '.join(BULK)}")
    chosen = _chosen(filled)
    payload = _of_many(name, filled, zone_info(request.state.signed_in.zone))
    return await handle_each(request, name, {ticket: payload | seen_of(filled, ticket) for ticket in chosen}, filled)


def seen_of(filled: Form, ticket: str) -> dict[str, int]:
    """Return the number of the ticket's newest event as the page showed it (G14)."""
    seen = filled.text(f"seen.{ticket}")
    return {"seen": int(seen)} if seen.isdecimal() and len(seen) < 10 else {}


async def handle_each(request: Request, name: str, payloads: Mapping[str, dict[str, Any]], filled: Form) -> Response:
    """Give a command to tickets, each with its payload, and show for each what became of it."""
    once, gate = filled.text("once")[:60], asyncio.Semaphore(AT_A_TIME)

    async def handle(named: str, payload: dict[str, Any]) -> Result:
        async with gate:
            return await _handle(request, named, name, payload, once)

    results = await asyncio.gather(*(handle(named, payload) for named, payload in payloads.items()))
    return _results(request, name, results, filled, undoable=name in UNDOABLE)


async def undo_many(request: Request) -> Response:
    """Take back what one command did to many tickets, and say for each what became of it."""
    parts: Parts = request.app.state.parts
    me: Caller = request.state.signed_in.caller
    filled = await read_form(request, request.state.signed_in)
    name, before = filled.text("command"), filled.text("of")[:60]
    if name not in UNDOABLE:
        raise Refused("unknown_command", f"{name[:40]!r} cannot be taken back: {', '.join(UNDOABLE)} can")
    chosen = _chosen(filled)
    ids = {ticket: _command_id(request, before, ticket) for ticket in chosen}
    undos = await asyncio.to_thread(undo_each, parts.db, ids, me.actor)
    once, gate = filled.text("once")[:60], asyncio.Semaphore(AT_A_TIME)

    async def undo(ticket: str) -> Result:
        found = undos[ticket]
        if isinstance(found, Refused):
            return Result(ticket, False, found.message)
        async with gate:
            return await _handle(request, ticket, found.command, found.payload, once)

    results = await asyncio.gather(*(undo(ticket) for ticket in chosen))
    return _results(request, f"undo {name}", results, filled, undoable=False)


def _results(request: Request, name: str, results: Sequence[Result], filled: Form, *, undoable: bool) -> Response:
    """Show for each ticket what became of it, and a button that takes back what was done."""
    done = [one.ticket for one in results if one.done]
    return page(
        request, "many.html", command=name, results=results, back=filled.text("back") or "all",
        refused=len(results) - len(done), undo=done if undoable else [], of=filled.text("once")[:60],
    )  # fmt: skip


def _chosen(filled: Form) -> list[str]:
    """Return the tickets that were chosen. Raises Refused where there are none, or too many."""
    chosen = list(dict.fromkeys(filled.texts("ticket")))
    if not chosen:
        raise Refused("missing_fields", "choose the tickets first, with x", missing=["ticket"])
    if len(chosen) > MOST_AT_ONCE:
        raise Refused("too_large", f"{MOST_AT_ONCE} tickets at most at once")
    return chosen


def _command_id(request: Request, once: str, ticket: str) -> str:
    """Return the id of a form's command for one ticket: the form sent again is the same command."""
    return f"desk:{request.state.signed_in.id}:{once}:{ticket}"


async def _handle(request: Request, named: str, name: str, payload: dict[str, Any], once: str) -> Result:
    """Give a command to a ticket as a person named it."""
    parts: Parts = request.app.state.parts
    me: Caller = request.state.signed_in.caller
    try:
        ticket = spoken(named)
        command = speak(me, payload | {"id": _command_id(request, once, ticket)})
        answer = await parts.service.handle(ticket, name, command)
    except (Refused, Unavailable, DatabaseDown, ValueError) as error:
        return Result(named, False, str(error) if isinstance(error, ValueError) else Problem.of(error).detail)
    return Result(ticket, True, f"{answer.status} in {answer.tier}")


async def _list(request: Request) -> Response:
    parts: Parts = request.app.state.parts
    me, zone = request.state.signed_in.caller, zone_info(request.state.signed_in.zone)
    name, after = request.query_params.get("view", "all"), request.query_params.get("after")
    view = next((one for one in VIEWS if one.name == name), None)
    if view is None:
        raise Refused("not_found", f"there is no view {name[:40]!r}")
    tomorrow = end_of_day(parts.db.clock.now(), zone)
    found = await asyncio.to_thread(
        lists.queue_view, parts.db, name, me.actor, tomorrow, after=after, limit=LINES,
        counted=request.app.state.counted,
    )  # fmt: skip
    return page(
        request, "queue.html",
        view=view, views=VIEWS, counts=found.counts, lines=found.listed.tickets, behind=found.behind,
        left=found.left, next=found.listed.next,
        bulk={name: forms.form_of(name) for name in BULK}, refused=None, openers=OPENERS, writers=Respond.who,
    )  # fmt: skip


def _of_many(name: str, filled: Form, zone: tzinfo) -> dict[str, Any]:
    """Return what the one form for many tickets says as a command's payload: its text is also a command's reason."""
    payload = forms.payload_of(forms.form_of(name), filled, zone)
    text = filled.text("text")
    if text.strip() and any(field.name == "reason" for field in forms.form_of(name).fields):
        payload.setdefault("reason", text)
    return payload


def end_of_day(now: datetime, zone: tzinfo) -> datetime:
    """Return when a person's day ends, in their zone."""
    return datetime.combine(now.astimezone(zone).date() + timedelta(days=1), datetime.min.time(), zone)


ROUTES = [
    Route(f"{PREFIX}/queue", show, methods=["GET"]),
    Route(f"{PREFIX}/queue/next", take_next, methods=["POST"]),
    Route(f"{PREFIX}/queue/many", act_on_many, methods=["POST"]),
    Route(f"{PREFIX}/queue/undo", undo_many, methods=["POST"]),
]
