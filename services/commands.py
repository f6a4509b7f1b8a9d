"""Commands on their way to a workflow, whichever noun they are for: sent as Updates, and refusals put on record."""

import asyncio
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Protocol, TypeVar

from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from domain.aggregate.aggregate import Aggregate
from domain.aggregate.event import Envelope
from domain.core.actor import Actor
from domain.core.enums import Role
from domain.core.failures import Unavailable
from domain.core.refusal import Refused
from domain.core.values import Frozen
from store import refusals
from store.database import Database
from workflows.known_ids import ADDED_AT_THE_DOOR

AnyAnswer = TypeVar("AnyAnswer", bound=Frozen)
Made = TypeVar("Made", covariant=True)

PATIENCE = 20.0
"""Seconds that a command may take, a restarted worker's catching up included."""


class NoWorkflow(Exception):
    """No workflow runs under this id: it has ended, or was never started."""


class Answers(Protocol[Made]):
    """The class of a noun's answers, which makes one of a state and the events that led to it."""

    def of(self, state: Any, events: Iterable[Any], /) -> Made: ...


def is_away(error: Exception) -> bool:
    """Return whether an error means that Temporal does not answer.

    A RuntimeError is that of a lazy client which could not connect.
    """
    if isinstance(error, RPCError):
        return error.status in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)
    return isinstance(error, RuntimeError) and "connect" in str(error)


AGAIN_WITHIN = 600.0
"""Seconds for which it is remembered how a command was first sent. One that comes again later counts anew."""
MOST_REMEMBERED = 10_000
"""Commands that are remembered in this way, the latest ones."""


class FirstSent:
    """What commands were first sent with, as far as this process has sent them.

    Who sends a command again means the same one, and it counts from when it first reached us. It is also the same
    Update to Temporal then, however often it comes: a workflow has room for ten that are not answered, and for 2,000.
    """

    def __init__(self) -> None:
        self._added: dict[str, tuple[float, dict[str, Any]]] = {}
        """What was said -> when it was first sent, and what the service added to it; the oldest first."""

    def payload(self, said: str, payload: dict[str, Any]) -> dict[str, Any]:
        """Return a payload with what the service added to it when `said` was first sent."""
        now = monotonic()
        while self._added and (len(self._added) > MOST_REMEMBERED or self._oldest() < now - AGAIN_WITHIN):
            del self._added[next(iter(self._added))]
        added = {field: value for field, value in payload.items() if field in ADDED_AT_THE_DOOR}
        _, first = self._added.setdefault(said, (now, added))
        return _as_given(payload) | first

    def forget(self, said: str) -> None:
        """Forget a command that was refused: when it comes again, it is a new try."""
        self._added.pop(said, None)

    def _oldest(self) -> float:
        return next(iter(self._added.values()))[0]


async def send(
    handle: WorkflowHandle[Any, Any],
    whom: str,
    name: str,
    payload: dict[str, Any],
    identity: str,
    answer: type[AnyAnswer],
    first_sent: FirstSent,
) -> AnyAnswer:
    """Send a command to the workflow of `whom`, as in "ticket 4k7m-3q9x-tbd2". Returns its `answer`.

    Raises Refused; NoWorkflow where none runs; Unavailable where nobody answers.
    """
    said = _digest(handle.id, identity, name, _as_given(payload))
    try:
        return await _send(handle, whom, name, first_sent.payload(said, payload), identity, answer)
    except Refused:
        first_sent.forget(said)
        raise


async def _send(
    handle: WorkflowHandle[Any, Any],
    whom: str,
    name: str,
    payload: dict[str, Any],
    identity: str,
    answer: type[AnyAnswer],
) -> AnyAnswer:
    began = datetime.now(UTC)
    try:
        patience = timedelta(seconds=PATIENCE)
        known_as = update_id(identity, name, payload)
        update = handle.execute_update(name, payload, id=known_as, result_type=answer, rpc_timeout=patience)
        answered: AnyAnswer = await asyncio.wait_for(update, PATIENCE + 1)
        return answered
    except WorkflowUpdateFailedError as error:
        raise refused_by(error) from None
    except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError):
        waited = (datetime.now(UTC) - began).total_seconds()
        raise Unavailable(
            f"no worker answered for {whom} in {waited:.0f} s: see that `tierline worker` runs; "
            "the same command id can be sent again"
        ) from None
    except RPCError as error:
        if error.status is RPCStatusCode.FAILED_PRECONDITION:
            raise Unavailable(
                f"{whom} is stuck on an error in its worker: see the worker's log; it goes on by itself "
                "once that is corrected"
            ) from None
        kind = NoWorkflow if error.status is RPCStatusCode.NOT_FOUND else Unavailable
        raise kind(f"Temporal does not answer ({error.status.name}): try again") from None
    except RuntimeError as error:
        if not is_away(error):
            raise
        raise Unavailable("Temporal does not answer (no connection): try again") from None


def update_id(identity: str, name: str, payload: dict[str, Any]) -> str:
    """Make the id that Temporal knows a command by, from the command's own id and all that is sent with it.

    Temporal gives the first answer to whatever comes under an id again, without a look at it: so another command has
    another id there, and the workflow sees that the two have one key. The instant of receipt counts as well. Until a
    worker has answered, Temporal has an Update in memory alone; where that is lost (it was killed, say) and another one
    comes under the id, the worker's answer to the first is recorded beside what the second says, and a replay makes
    something else of it than what was done. Whoever comes with another instant is told from the first by the workflow,
    by the command's own id. No key or delivery id stands there in plain.
    """
    return _digest(identity, name, payload)


def _as_given(payload: dict[str, Any]) -> dict[str, Any]:
    """Return what a command says, without what the service adds to it."""
    return {field: value for field, value in payload.items() if field not in ADDED_AT_THE_DOOR}


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:40]


def refused_by(error: WorkflowUpdateFailedError) -> Exception:
    """Return the refusal behind a failed Update, as the core decided it."""
    cause = error.cause
    if isinstance(cause, ApplicationError) and cause.details and isinstance(cause.details[0], dict):
        detail = cause.details[0]
        return Refused(
            detail.get("code", "does_not_fit"),
            detail.get("message", cause.message),
            missing=detail.get("missing", []),
            would_fit=detail.get("would_fit", []),
            fields=detail.get("fields", {}),
            came=detail.get("came", []),
        )
    return Unavailable(f"the ticket could not decide this: {cause}")


def first_answer(aggregate: Aggregate[Any], answers: Answers[Made], events: Sequence[Envelope], identity: str) -> Made:
    """Make again the answer to the command `identity`, which the workflow knows and has forgotten the answer of.

    `events` is the whole journal of the noun. A command that led to no event gets an answer from the latest state.
    """
    led_to = [event for event in events if event.command_id == identity]
    state = aggregate.fold([event for event in events if not led_to or event.seq <= led_to[-1].seq])
    return answers.of(state, led_to)


def command_ids(events: Iterable[Envelope]) -> list[str]:
    """Return the ids of the commands that led to `events`, each once, the oldest first."""
    return list(dict.fromkeys(event.command_id for event in events if event.command_id is not None))


def record_refusal(
    db: Database,
    refused: Refused,
    payload: Mapping[str, Any],
    *,
    command: str,
    channel: str,
    ticket_id: str | None = None,
) -> None:
    """Put a refused command on record, under the name and role that its payload says. Raises DatabaseDown."""
    actor = Actor(id=str(payload.get("by", "unknown"))[:100], role=_role(payload))
    with db.begin() as session:
        refusals.refuse(
            session, refused, at=db.clock.now(), ticket_id=ticket_id, command=command, actor=actor, channel=channel
        )


def _role(payload: Mapping[str, Any]) -> Role:
    known = payload.get("role", Role.AGENT)
    return Role(known) if known in list(Role) else Role.AGENT
