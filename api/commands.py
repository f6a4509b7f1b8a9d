"""What the routes of all commands have in common, those of tickets and of incidents."""

from typing import Any

from pydantic import BaseModel

from api.bodies import said
from api.callers import identity
from api.problems import ALWAYS, documented
from domain.ticket.commands import Command
from services.security.auth import Caller, speak


def payload(caller: Caller, body: BaseModel, idempotency_key: str | None) -> dict[str, Any]:
    """The command as the desk takes it: what was said, by whom the token says, under an id of its own."""
    spoken = speak(caller, said(body))
    return spoken | {"id": identity(idempotency_key, caller)} if idempotency_key else spoken


def route(kind: type[Command]) -> dict[str, Any]:
    """How a command's route is described, from its one definition."""
    text = (kind.__doc__ or "").strip()
    return {
        "methods": ["POST"],
        "summary": text.split("\n")[0].removesuffix("."),
        "description": f"{text}\n\nFor the roles {', '.join(sorted(kind.who))}.",
        "responses": documented(
            *ALWAYS, "not_found", "does_not_fit", "closed", "conflict", "too_large", "missing_fields"
        ),
    }
