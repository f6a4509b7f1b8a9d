"""Resolving a ticket: what the record still needs for each way of ending it (G9)."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from domain.core.enums import Metric, Resolution
from domain.ticket.rules.resolution import Resolve, missing_to_resolve
from domain.ticket.state import Ticket
from web.forms import CommandForm, FormField
from web.gate import Form
from web.refusal import Refusal
from web.render import page
from web.ticket_view import id_of, load, seq_of


async def show(request: Request) -> Response:
    """Show the form with which a ticket is resolved. `resolution` is the way of ending it that was chosen."""
    return await form_page(request, id_of(request))


async def form_page(
    request: Request, ticket: str, *, refused: Refusal | None = None, typed: Form | None = None
) -> Response:
    """Show the form; where it was refused, with the refusal and what was typed."""
    shown = await load(request, ticket, seq=seq_of(request), refused=refused, typed=typed, draft_of="resolve")
    if not typed and (article := request.query_params.get("kb_article", "")[:200]):
        shown.values["typed"] = Form(shown.values["typed"].values | {"kb_article": [article]})
    state = shown.seen.ticket
    kept = shown.values["typed"].text("resolution")
    requested = typed.text("resolution") if typed else request.query_params.get("resolution", kept)
    chosen = next((one for one in Resolution if one == requested), _proposed(shown.values["ticket"]))
    form: CommandForm | None = shown.values["forms"].get("resolve")
    needs = needed_for(state, chosen)
    wanted, others = _apart(form, needs) if form else ([], [])
    return page(
        request, "resolve.html", refused.status if refused else 200,
        **shown.values,
        form=form,
        chosen=chosen,
        ways={one.value: needed_for(state, one) for one in Resolution},
        needs=needs,
        wanted=wanted,
        others=others,
    )  # fmt: skip


def needed_for(ticket: Ticket, resolution: Resolution) -> list[str]:
    """Return what the record needs to end the ticket in this way, by name (G9). Of a choice, the usual name."""
    answered = any(clock.metric is Metric.FIRST_RESPONSE and clock.met_at for clock in ticket.clocks)
    return missing_to_resolve(ticket, Resolve(resolution=resolution), answered=answered)


def _proposed(shown: dict[str, Any]) -> Resolution:
    """Return what engineering's resolution proposes, otherwise that it is solved."""
    issue = shown["links"]["jira"] or {}
    return next((one for one in Resolution if one == issue.get("proposed")), Resolution.SOLVED)


_EITHER = {"kb_article": "kb_reason", "kb_reason": "kb_article"}


def _apart(form: CommandForm, needs: list[str]) -> tuple[list[FormField], list[FormField]]:
    """Return the fields that the record needs, either of a choice, and all others. What the customer is told is always
    asked for."""
    names = {"message", *needs, *(_EITHER[name] for name in needs if name in _EITHER)}
    rest = [field for field in form.fields if field.name != "resolution"]
    wanted = sorted((field for field in rest if field.name in names), key=lambda field: field.name != "message")
    return wanted, [field for field in rest if field.name not in names]
