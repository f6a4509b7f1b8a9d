"""The Zendesk stand-in's page: a customer and an agent write there, so that a reader can try the connection by hand."""

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from integrations.standins.common import form, page
from integrations.standins.zendesk_state import AGENT, CUSTOMER, Act, ZendeskState

SPEAKERS = {"customer": (CUSTOMER, True), "agent": (AGENT, True), "note": (AGENT, False)}
"""What a button does -> who writes, and whether the customer sees it."""
STATUSES = ("open", "pending", "hold", "solved")
"""What an agent may set."""


def routes(state: ZendeskState, do: Callable[[Act], int]) -> list[Route]:
    """Return the page, and what its forms do. `do` carries out what a person does, and tells the subscriber."""

    async def show(_: Request) -> Response:
        return page("zendesk.html", tickets=_tickets(state), statuses=STATUSES)

    async def act(request: Request) -> Response:
        fields = await form(request)
        by, public = SPEAKERS.get(fields.get("as", ""), (CUSTOMER, True))
        status = fields.get("status") if fields.get("as") == "agent" and fields.get("ticket") else None
        text = fields.get("text", "").strip()
        what = {"by": by, "public": public, "comment": text or None, "status": status or None}
        if number := fields.get("ticket"):
            what["ticket"] = number
        else:
            what["subject"] = fields.get("subject", "")
        try:
            do(Act.model_validate(what))
        except (ValidationError, ValueError, LookupError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return RedirectResponse("/", 303)

    return [Route("/", show), Route("/act", act, methods=["POST"])]


def _tickets(state: ZendeskState) -> list[dict[str, Any]]:
    """Return every ticket that is there, the newest first, with what was said in it."""
    return [
        ticket
        | {"said": [_comment(event) for audit in state.audits[number] for event in audit["events"] if _said(event)]}
        for number, ticket in sorted(state.tickets.items(), reverse=True)
        if number not in state.deleted
    ]


def _said(event: dict[str, Any]) -> bool:
    return "public" in event and "body" in event


def _comment(event: dict[str, Any]) -> dict[str, Any]:
    who = {CUSTOMER: "customer", AGENT: "agent"}.get(event["author_id"], "Tierline")
    return {"who": who, "public": event["public"], "text": event["body"]}
