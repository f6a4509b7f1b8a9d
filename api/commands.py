"""The routes of all commands, of tickets and of incidents: each is made from the one definition of its command."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter

from api.bodies import command_body, needs_something, reply_fields, sent_fields
from api.callers import EVERYBODY, IdempotencyKey, allowed, identity
from api.parts import Parts, PartsOf
from api.problems import WITH_BODY, Problem, documented
from domain.aggregate.aggregate import Aggregate
from domain.aggregate.command import Command, description_of
from domain.core.refusal import Refused
from domain.ticket.commands import Reply
from domain.ticket.rules.refund import ApproveRefund, RefuseRefund, RequestRefund
from domain.ticket.rules.templates import Templated
from services.security.auth import Caller, speak

Handle = Callable[[Parts, Any, str, dict[str, Any]], Awaitable[Any]]
"""Hands a command to its service: the parts, whose command it is, its name, its payload."""


def add_commands(router: APIRouter, aggregate: Aggregate[Any], target: Any, answer: type, handle: Handle) -> None:
    """Add a route for each command that people may give. `target` is the parameter that says whose command it is."""
    for name, kind in aggregate.offered.items():
        _add_command(router, aggregate, name, kind, target, answer, handle)


def _add_command(
    router: APIRouter,
    aggregate: Aggregate[Any],
    name: str,
    kind: type[Command],
    target: Any,
    answer: type,
    handle: Handle,
) -> None:
    body_model = command_body(aggregate, kind)

    async def take(
        *,
        whose: target,
        body: body_model,  # type: ignore[valid-type]  # made from the command's definition
        caller: Annotated[Caller, allowed(EVERYBODY)],  # the core knows which roles may give it
        parts: PartsOf,
        idempotency_key: IdempotencyKey = None,
    ) -> Any:
        payload = speak(caller, reply_fields(body, caller) if kind is Reply else sent_fields(body))
        if idempotency_key:
            payload |= {"id": identity(idempotency_key, caller)}
        try:
            return await handle(parts, whose, name, payload)
        except Refused as refused:  # the service has put it on record
            raise Problem.of(refused) from None

    if not needs_something(body_model):
        take.__kwdefaults__ = {"body": body_model(), "idempotency_key": None}
    text = (kind.__doc__ or "").strip()
    router.add_api_route(
        f"/{{{aggregate.noun}}}/{name}",
        take,
        methods=["POST"],
        response_model=answer,
        operation_id=name if aggregate.noun == "ticket" else f"{aggregate.noun}_{name}",
        summary=description_of(kind).removesuffix("."),
        description=f"{text}\n\nFor the roles {', '.join(sorted(kind.who))}.",
        responses=documented(
            *WITH_BODY,
            "not_found",
            "does_not_fit",
            "closed",
            "conflict",
            "moved_on",
            "wip_limit",
            "missing_fields",
            *(("template_gap",) if issubclass(kind, Templated) else ()),
            *(("own_refund", "refund_limit") if kind in (RequestRefund, ApproveRefund, RefuseRefund) else ()),
        ),
    )
