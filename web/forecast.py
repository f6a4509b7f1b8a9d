"""What comes of a ticket if nobody acts, and what one act would change, before it is done."""

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from api.parts import Parts
from domain.core.enums import Plan, Priority
from domain.core.refusal import Refused
from services.reading.forecast import Ask, forecast
from web.refusal import Refusal
from web.render import page
from web.ticket_view import id_of, load, seq_of


async def show(request: Request) -> Response:
    """Show the forecast of a ticket. The address says how far to look, and what to suppose; a supposition that would be
    refused is shown with the reason, above the forecast without it."""
    ticket, parts = id_of(request), _parts(request)
    shown = await load(request, ticket, seq=seq_of(request))
    ask, refused = _ask(request)
    state = shown.seen.ticket
    try:
        foreseen = forecast(parts.service.policy, state, ask)
    except Refused as error:
        refused = Refusal.of("forecast", error)
        foreseen = forecast(parts.service.policy, state, Ask(days=ask.days))
    values = shown.values | {"refused": refused}
    waits = any(suspension.end is None for suspension in state.suspensions)
    return page(
        request, "forecast.html", refused.status if refused else 200,
        **values, forecast=foreseen, ask=ask, priorities=list(Priority), plans=list(Plan), waits=waits,
    )  # fmt: skip


def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


def _ask(request: Request) -> tuple[Ask, Refusal | None]:
    """Return what the address asks, and why that cannot be answered."""
    asked = {name: value for name, value in request.query_params.items() if value and name != "seq"}
    try:
        return Ask.model_validate(asked), None
    except ValidationError as error:
        names = ", ".join(sorted({str(one["loc"][0])[:40] for one in error.errors(include_url=False)}))
        return Ask(), Refusal.of("forecast", Refused("malformed", f"the address says something wrong of: {names}"))
