"""Tickets: opened, given commands, read. Every command of the core has its route, made from its one definition."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response

from api.answers import Clocks, Forecast, KeptTexts, TicketAnswer, TicketTimeline, WholeText, described_by
from api.bodies import opening_body, opening_of
from api.callers import After, KnownSeq, Limit, Opener, Reader, TicketId
from api.commands import add_commands
from api.parts import Parts, PartsOf
from api.problems import WITH_BODY, documented
from api.reading import Readable
from domain.core.enums import Role
from domain.ticket.aggregate import TICKET
from services.intake import sources
from services.reading import kept
from services.reading.explained import explained
from services.reading.forecast import Ask, forecast
from services.reading.lookup import look_up, timeline
from services.reading.ticket import timeline_view, view
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
        **documented(*WITH_BODY, "does_not_fit"),
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
    it is `api`, with what they call it behind that. A field that only describes, and cannot be read, keeps no ticket of
    an integration out: it is taken as not said, and named in `taken_as_unknown`. A person is told at once (422).
    """
    receipt = await parts.service.open(opening_of(body, caller, datetime.now(UTC)))
    response.headers["Location"] = f"{router.prefix}/{receipt.ticket}"
    response.status_code = 202 if not receipt.started else 201 if receipt.created else 200
    return receipt


# -- Commands ------------------------------------------------------------------------------------------------


async def _speaks_of(ticket: TicketId, caller: Reader, parts: PartsOf) -> str:
    """Refuse an integration that the ticket is none of. Raises Refused."""
    if caller.role is Role.INTEGRATION and (home := await parts.service.home(ticket)):
        sources.check_speaks(caller.sources, home)
    return ticket


async def _handle(parts: Parts, ticket: str, name: str, payload: dict[str, Any]) -> Answer:
    return await parts.service.handle(ticket, name, payload)


add_commands(router, TICKET, Annotated[str, Depends(_speaks_of)], Answer, _handle)

# -- Reading -------------------------------------------------------------------------------------------------


@router.get("/{ticket}", operation_id="read_ticket", **described_by(TicketAnswer))
async def read_ticket(ticket: TicketId, _: Reader, parts: PartsOf, seq: KnownSeq = 0) -> dict[str, Any]:
    """Return a ticket: its fields, its clocks, what is missing for the next tier, what it waits on, its links.

    It is what the journal knows, which follows the workflow within moments; `seq` asks for no less than that event.
    `live` says that its workflow runs, `workflow_status` how it stands otherwise, `note` what hinders it, and
    `pending_activities` why pending effects wait.
    """
    return view(await look_up(parts.db, parts.connected, ticket, seq))


@router.get("/{ticket}/clocks", operation_id="explain_clocks", **described_by(Clocks))
async def explain_clocks(ticket: TicketId, _: Reader, parts: PartsOf, seq: KnownSeq = 0) -> dict[str, Any]:
    """Explain when a ticket is due. Every clock, stretch by stretch: what counted, what did not, and what that adds up
    to."""
    return explained((await look_up(parts.db, parts.connected, ticket, seq)).ticket)


@router.get(
    "/{ticket}/forecast",
    operation_id="forecast_ticket",
    **described_by(Forecast, "not_found", "closed", "does_not_fit"),
)
async def forecast_ticket(ticket: TicketId, _: Reader, parts: PartsOf, ask: Annotated[Ask, Query()]) -> dict[str, Any]:
    """Foresee what comes if nobody acts: what lapses, when, and who is notified. Nothing is recorded.

    With a supposition (a priority, a plan, an answer of the customer; one at a time) also what comes then, and what is
    different. A supposition that would be refused as a command is refused here.
    """
    found = await look_up(parts.db, parts.connected, ticket, ask.seq)
    return forecast(parts.service.policy, found.ticket, ask)


@router.get("/{ticket}/texts", operation_id="list_texts", **described_by(KeptTexts))
async def list_texts(ticket: TicketId, _: Reader, parts: PartsOf) -> dict[str, Any]:
    """List the texts that are kept whole: those that came too long for the timeline, and those that came as HTML."""
    return await kept.listed(parts.db, ticket)


@router.get("/{ticket}/texts/{text}", operation_id="read_text", **described_by(WholeText))
async def read_text(
    ticket: TicketId, text: Annotated[str, Path(max_length=40, description="Its id.")], _: Reader, parts: PartsOf
) -> dict[str, Any]:
    """Return one of the texts that are kept whole."""
    return await kept.whole(parts.db, ticket, text)


@router.get("/{ticket}/timeline", operation_id="read_timeline", **described_by(TicketTimeline))
async def read_timeline(
    ticket: TicketId, _: Reader, parts: PartsOf, after: After = 0, limit: Limit = 100
) -> dict[str, Any]:
    """Return what happened to a ticket, in order: due, occurred, received and detected are kept apart.

    A line of the type `delivery_refused` is no event: it says that something was taken and then refused, and has the
    number of the event before it. `next` is what to give as `after` for the next page; null if this is the last.
    """
    page = await timeline(parts.db, ticket, after=after, limit=limit)
    return {"entries": timeline_view(page), "next": page.next}
