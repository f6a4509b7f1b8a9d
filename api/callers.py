"""Who may ask for what, as endpoints say it."""

import hashlib
import json
from typing import Annotated, Any

from fastapi import Depends, Header, Path, Query, Request, Security
from fastapi.security import HTTPBearer

from api.problems import Problem
from domain.aggregate.command import STAFF
from domain.core.enums import Role
from domain.core.ids import spoken
from domain.core.refusal import Refused
from services.intake.declaration import number_of
from services.security.auth import GRANTABLE, Caller

_SCHEME = HTTPBearer(
    scheme_name="token", description="A token that `tierline token create` has given out.", auto_error=False
)

EVERYBODY = frozenset(GRANTABLE)
PEOPLE = EVERYBODY - {Role.INTEGRATION, Role.BOT}
"""An integration, or a bot, speaks of the tickets that it knows by id: it reads no lists."""
OPENERS = STAFF | {Role.CSM, Role.INTEGRATION, Role.BOT}


def allowed(roles: frozenset[Role]) -> Any:
    """Return a dependency: the caller, who has one of these roles. The guard has let them in already."""

    def check(request: Request, _: Annotated[Any, Security(_SCHEME)]) -> Caller:
        caller: Caller | None = request.state.caller
        if caller is None:  # a path that the guard leaves open must not ask who it is
            raise Problem("unauthenticated", "a token is needed", headers={"WWW-Authenticate": "Bearer"})
        if caller.role not in roles:
            raise Refused("not_allowed", f"this is not for the role {caller.role}: {', '.join(sorted(roles))}")
        return caller

    return Depends(check)


def _known_form(ticket: Annotated[str, Path(description="The ticket's id, as people say it.", max_length=40)]) -> str:
    """Return the id in its one form. What cannot be an id is no ticket's."""
    try:
        return spoken(ticket)
    except ValueError as error:
        raise Refused("not_found", str(error)) from None


def _number(
    incident: Annotated[str, Path(description="The incident's number, or incident-<number>.", max_length=40)],
) -> int:
    return number_of(incident)


IncidentNumber = Annotated[int, Depends(_number)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]+$",
        max_length=200,
        description="The command's own id: sent again, it gets the first answer and is not carried out twice. It is "
        "the caller's own; with another command it is refused as a conflict.",
    ),
]


def identity(key: str, caller: Caller) -> str:
    """Make the id of a command that came under an `Idempotency-Key`. The key belongs to the token's actor.

    So one key of two callers is two ids, whoever's words an integration carries, and none passes
    for an id of our own, which begin with another word. What was said is compared where the id is known
    (`workflows.shell`): the same key with another command is a conflict.
    """
    named = json.dumps([caller.role.value, caller.actor, key])
    return f"api:{hashlib.sha256(named.encode()).hexdigest()}"


KnownSeq = Annotated[
    int,
    Query(
        ge=0,
        le=10**9,
        description="The number of an event that the caller knows of, as the answer to a command has it in `seq`: "
        "what is read is not older than that, if the workflow can be reached.",
    ),
]
After = Annotated[int, Query(ge=0, le=10**9, description="The event that the page begins behind.")]
Limit = Annotated[int, Query(ge=1, le=500, description="How many events at most.")]
TicketId = Annotated[str, Depends(_known_form)]
Reader = Annotated[Caller, allowed(EVERYBODY)]
Person = Annotated[Caller, allowed(PEOPLE)]
Opener = Annotated[Caller, allowed(OPENERS)]
Responder = Annotated[Caller, allowed(STAFF)]
