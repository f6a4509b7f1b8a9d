"""Erasing a person on request: what is stored, what is erased, and what must be erased by hand elsewhere.

Each ticket is erased in a transaction of its own, together with its record. So an erasure that dies on the way has
erased some tickets whole and the rest not at all, and the same again goes on with the rest.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy.orm import Session
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest, DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.core.refusal import Refused
from domain.core.values import Frozen
from domain.ticket.state import workflow_id
from services.intake.sources import API, CLI, FOLLOW_UP
from store import account_health, account_notes, erasure, renewals
from store.database import Database
from store.erasure import Trace

ENDED = ("Completed", "Failed", "Canceled", "Terminated", "ContinuedAsNew", "TimedOut")
"""How Temporal calls runs that are over. (To ask for the rest would list paused ones, which the client cannot read.)"""
OURS = frozenset({API, CLI, FOLLOW_UP})
"""Sources that keep nothing of their own."""


class Scope(Frozen):
    """Whom to erase: from one ticket, from all of an account, or wherever a requester spoke."""

    kind: Literal["ticket", "account", "requester"]
    id: str


class Found(Frozen):
    """What is stored of a person."""

    tickets: tuple[Trace, ...]
    loose: int = 0
    """What names a requester, and belongs to no ticket."""
    notes: int = 0
    """Notes about the account that is erased."""
    noted: tuple[str, ...] = ()
    """Accounts that stay, about which there are notes that people of ours wrote."""

    @property
    def gone(self) -> bool:
        return not self.loose and not self.notes and all(trace.gone for trace in self.tickets)

    def elsewhere(self) -> list[str]:
        """Return what cannot be erased by itself, each in one line that says what to do there."""
        by_hand = [
            ("Jira: delete or redact {}", (key for one in self.tickets for key in one.jira)),
            ("{}", (f"{one.source}: erase {one.external_id} there" for one in self.tickets if one.source not in OURS)),
            ("{} was notified by webhook: ask for erasure there", (to for one in self.tickets for to in one.told)),
            ("incident-{}: read its notes, which are about more than this person", _incidents(self.tickets)),
            ("account {}: read the notes on its page, which are about more than this person", self.noted),
        ]
        return [line.format(word) for line, words in by_hand for word in sorted(set(words))]


def _incidents(tickets: Iterable[Trace]) -> Iterable[str]:
    return (str(one.incident) for one in tickets if one.incident is not None)


def look(db: Database, scope: Scope) -> Found:
    """Return what is stored of a person, without changing anything. Raises Refused (`not_found`) for no such ticket,
    DatabaseDown."""
    with db.session() as session:
        traces = (erasure.trace(session, ticket) for ticket in _tickets(db, scope))
        found = tuple(trace for trace in traces if trace)
        unlinked = erasure.count_unlinked(session, scope.id) if scope.kind == "requester" else 0
        notes = _notes_about(session, scope.id) if scope.kind == "account" else 0
        noted = _noted(session, scope, found)
    if scope.kind == "ticket" and not found:
        raise Refused("not_found", f"there is no ticket {scope.id}")
    return Found(tickets=found, loose=unlinked, notes=notes, noted=noted)


class Done(Frozen):
    """What was erased."""

    found: Found
    histories: int = 0
    """How many histories Temporal was asked to delete."""
    running: tuple[str, ...] = ()
    """Tickets that still run. What they were sent stays in their histories until they are closed, and for Temporal's
    retention after that."""


async def erase(
    db: Database,
    scope: Scope,
    *,
    at: datetime,
    actor: str,
    reason: str,
    client: Client | None = None,
    report: Callable[[Trace], None] = lambda _: None,
) -> Done:
    """Erase, and record who did it, when and why. Safe to repeat, and to go on with after it was cut off.

    With a `client`, histories of tickets that have ended are deleted at once, instead of after Temporal's retention.
    `report` is called for each ticket that is done. Raises Refused, DatabaseDown, RPCError.
    """
    if not reason.strip():
        raise Refused("missing_fields", "say why: the number of the request, for one", missing=["reason"])
    done: list[Trace] = []
    histories, running = 0, []

    def erase_one(ticket: str) -> Trace | None:
        with db.begin() as session:
            return erasure.erase(session, ticket, at=at, actor=actor, reason=reason, scope=scope.kind)

    def erase_loose() -> int:
        with db.begin() as session:
            return erasure.erase_unlinked(session, scope.id, at=at, actor=actor, reason=reason)

    def erase_notes() -> tuple[int, tuple[str, ...]]:
        with db.begin() as session:
            if scope.kind != "account":
                return 0, _noted(session, scope, done)
            return erasure.erase_notes(session, scope.id, at=at, actor=actor, reason=reason), ()

    for ticket in await asyncio.to_thread(_tickets, db, scope):
        if client:  # first: a requester's ticket is not found any more when their id has gone
            deleted, runs = await _delete_histories(client, ticket)
            histories += deleted
            running += [ticket] * runs
        if trace := await asyncio.to_thread(erase_one, ticket):
            done.append(trace)
            report(trace)
    if scope.kind == "ticket" and not done:
        raise Refused("not_found", f"there is no ticket {scope.id}")
    unlinked = await asyncio.to_thread(erase_loose) if scope.kind == "requester" else 0
    notes, noted = await asyncio.to_thread(erase_notes)
    found = Found(tickets=tuple(done), loose=unlinked, notes=notes, noted=noted)
    return Done(found=found, histories=histories, running=tuple(running))


def _notes_about(session: Session, account: str) -> int:
    return (
        account_notes.count(session, account)
        + account_health.count(session, account)
        + renewals.count(session, account)
    )


def _noted(session: Session, scope: Scope, traces: Sequence[Trace]) -> tuple[str, ...]:
    """Return the accounts of which one person or ticket is erased, and about which there are notes."""
    if scope.kind == "account":
        return ()
    return tuple(account_notes.accounts_with_notes(session, [trace.ticket for trace in traces]))


def _tickets(db: Database, scope: Scope) -> Sequence[str]:
    with db.session() as session:
        match scope.kind:
            case "ticket":
                return [scope.id]
            case "account":
                return erasure.of_account(session, scope.id)
            case "requester":
                return erasure.of_requester(session, scope.id)


# -- Histories -----------------------------------------------------------------------------------------------


async def retention(client: Client) -> timedelta:
    """Return how long Temporal keeps the history of a workflow that has ended. Raises RPCError."""
    request = DescribeNamespaceRequest(namespace=client.namespace)
    described = await client.workflow_service.describe_namespace(request)
    return described.config.workflow_execution_retention_ttl.ToTimedelta()


async def _delete_histories(client: Client, ticket: str) -> tuple[int, bool]:
    """Have Temporal delete every run of a ticket that is over. Returns how many, and whether one still runs."""
    mine = f"WorkflowId = '{workflow_id(ticket)}' and ExecutionStatus"
    over = " or ".join(f"({mine} = '{status}')" for status in ENDED)
    runs = [run async for run in client.list_workflows(over)]
    deleted = sum([await _delete(client, run.id, run.run_id) for run in runs])
    return deleted, (await client.count_workflows(f"{mine} = 'Running'")).count > 0


async def _delete(client: Client, workflow: str, run: str) -> int:
    request = DeleteWorkflowExecutionRequest(
        namespace=client.namespace, workflow_execution=WorkflowExecution(workflow_id=workflow, run_id=run)
    )
    try:
        await client.workflow_service.delete_workflow_execution(request)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:  # it is gone already, and the list lags behind
            raise
        return 0
    return 1
