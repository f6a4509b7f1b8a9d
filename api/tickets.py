"""Tickets: opened, given commands, read. Every command of the core has its route, made from its one definition."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Response

from api.bodies import opening_body, said
from api.callers import After, KnownSeq, Limit, Opener, Reader, TicketId
from api.commands import add_commands
from api.parts import Parts, PartsOf
from api.problems import ALWAYS, documented
from api.reading import Readable
from domain.core.enums import Role
from domain.ticket.aggregate import TICKET
from services.intake import sources
from services.intake.request import OpenRequest, without_blanks
from services.reading.explained import explained
from services.reading.lookup import look_up, timeline
from services.reading.ticket import entry_view, view
from services.security.auth import speak
from services.tickets import Receipt
from workflows.ticket.messages import Answer

router = APIRouter(prefix="/api/v1/tickets", tags=["tickets"], route_class=Readable)

# -- Opening -------------------------------------------------------------------------------------------------

_OpenBody = opening_body()


@router.post(
    "",
    status_code=201,
    operation_id="open_ticket",
    responses={
        201: {"description": "Opened: its workflow runs."},
        200: {"model": Receipt, "description": "This source has sent this external id before: it is the same ticket."},
        202: {"model": Receipt, "description": "On record. Temporal is down: it starts, in order, when that is back."},
        **documented(*ALWAYS, "does_not_fit", "too_large"),
    },
)
async def open_ticket(
    body: _OpenBody,  # type: ignore[valid-type]  # made from the form's definition
    caller: Opener,
    parts: PartsOf,
    response: Response,
) -> Receipt:
    """Open a ticket.

    The same `source` and `external_id` again is the same ticket, so it is safe to send it again; for another account
    they are refused as `does_not_fit`. The source is one that the integration's token is bound to; of what people open
    it is `api`, with what they call it behind that.
    """
    form = speak(caller, without_blanks(said(body)))
    form["source"] = sources.of_token(caller.role, caller.sources, form.get("source"))
    receipt = await parts.desk.open(OpenRequest.parse(form))
    response.headers["Location"] = f"{router.prefix}/{receipt.ticket}"
    response.status_code = 202 if not receipt.started else 201 if receipt.created else 200
    return receipt


# -- Commands ------------------------------------------------------------------------------------------------


async def _speaks_of(ticket: TicketId, caller: Reader, parts: PartsOf) -> str:
    """Refuse an integration that the ticket is none of. Raises Refused."""
    if caller.role is Role.INTEGRATION and (home := await parts.desk.home(ticket)):
        sources.check_speaks(caller.sources, home)
    return ticket


async def _handle(parts: Parts, ticket: str, name: str, payload: dict[str, Any]) -> Answer:
    return await parts.desk.handle(ticket, name, payload)


add_commands(router, TICKET, Annotated[str, Depends(_speaks_of)], Answer, _handle)

# -- Reading -------------------------------------------------------------------------------------------------


@router.get("/{ticket}", operation_id="read_ticket", responses=documented(*ALWAYS, "not_found"))
async def read_ticket(ticket: TicketId, _: Reader, parts: PartsOf, seq: KnownSeq = 0) -> dict[str, Any]:
    """A ticket: its fields, its clocks, what is missing for the next tier, what it waits on, its links.

    It is what the journal knows, which follows the workflow within moments; `seq` asks for no less than that event.
    `live` says that its workflow runs, `workflow_status` how it stands otherwise, `note` what hinders it, and
    `pending_activities` why pending effects wait.
    """
    return view(await look_up(parts.db, parts.connected, ticket, seq))


@router.get("/{ticket}/clocks", operation_id="explain_clocks", responses=documented(*ALWAYS, "not_found"))
async def explain_clocks(ticket: TicketId, _: Reader, parts: PartsOf, seq: KnownSeq = 0) -> dict[str, Any]:
    """Why is it due then? Every clock, stretch by stretch: what counted, what did not, and what that adds up to."""
    return explained((await look_up(parts.db, parts.connected, ticket, seq)).ticket)


@router.get("/{ticket}/timeline", operation_id="read_timeline", responses=documented(*ALWAYS, "not_found"))
async def read_timeline(
    ticket: TicketId, _: Reader, parts: PartsOf, after: After = 0, limit: Limit = 100
) -> dict[str, Any]:
    """What happened to a ticket, in order: due, occurred, received and detected are kept apart.

    `next` is what to give as `after` for the next page; null if this is the last.
    """
    entries = await timeline(parts.db, ticket, after=after, limit=limit + 1)
    page = entries[:limit]
    return {
        "entries": [entry_view(entry) for entry in page],
        "next": page[-1].event.seq if len(entries) > limit else None,
    }
