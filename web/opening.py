"""Opening a ticket at the desk: for a customer who calls, or writes somewhere that is not connected."""

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from api.callers import OPENERS
from api.parts import Parts
from domain.core.enums import Role
from domain.core.refusal import Refused
from services.field_help import ACCOUNT_HELPS, FORM_HELPS
from services.intake import sources
from services.intake.request import AccountForm, OpenRequest
from services.policy_file.zones import zone_info
from services.security.auth import Caller, speak
from web.forms import CommandForm, model_fields, payload_of
from web.gate import PREFIX, Form, read_form
from web.refusal import Refusal
from web.render import page

DESK = "desk"
"""What the source of such tickets is called behind the API's own (`services.intake.sources`)."""
_ID, _PLAN = model_fields(AccountForm, ("id", "plan"), ACCOUNT_HELPS, prefix="account.")
_ACCOUNT = [_ID._replace(label="account"), _PLAN]
_ASKED = model_fields(OpenRequest, ("subject", "description", "channel", "priority", "message"), FORM_HELPS)
_MORE = model_fields(
    OpenRequest,
    ("category", "product_area", "impact", "urgency", "attachments", "tags", "language", "parent", "external_id"),
    FORM_HELPS,
)
FORM = CommandForm("open", "Open a ticket", tuple(_ACCOUNT + _ASKED + _MORE))
WAYS = frozenset(OPENERS - {Role.INTEGRATION, Role.BOT})
"""Roles of people who open tickets."""


async def show(request: Request) -> Response:
    """Show the form that opens a ticket. Raises Refused for a role that opens none."""
    _check(request.state.signed_in.caller)
    return _form(request)


async def open_ticket(request: Request) -> Response:
    """Open a ticket, and go to its page; or show the refusal, with all that was typed.

    Where no id of another system is given, the form's own is the ticket's: sent twice, it opens one ticket.
    """
    parts: Parts = request.app.state.parts
    me: Caller = request.state.signed_in.caller
    filled = await read_form(request, request.state.signed_in)
    _check(me)
    try:
        payload = payload_of(FORM, filled, zone_info(request.state.signed_in.zone))
        once = {"external_id": filled.text("once")[:60]} if filled.text("once") else {}
        source = sources.of_token(me.role, me.sources, DESK)
        said: dict[str, Any] = once | speak(me, payload) | {"source": source}
        receipt = await parts.service.open(OpenRequest.parse(said))
    except Refused as refused:
        return _form(request, refused=Refusal.of("open", refused), typed=filled)
    return RedirectResponse(f"{PREFIX}/tickets/{receipt.ticket}", 303)


def _check(caller: Caller) -> None:
    if caller.role not in WAYS:
        raise Refused("not_allowed", f"the role {caller.role} opens no tickets")


def _form(request: Request, *, refused: Refusal | None = None, typed: Form | None = None) -> Response:
    return page(
        request, "opening.html", refused.status if refused else 200,
        form=FORM, asked=_ACCOUNT + _ASKED, more=_MORE, refused=refused, typed=typed or Form({}),
    )  # fmt: skip


ROUTES = [
    Route(f"{PREFIX}/new", show, methods=["GET"]),
    Route(f"{PREFIX}/new", open_ticket, methods=["POST"]),
]
