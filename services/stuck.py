"""What does not go on by itself: which ticket or incident, since when, why, and what to type. For ops.

It is found by lists: a list of Temporal's, a list of the journal's, and the differences between the two. What is
asked of a ticket by itself is asked only of those that are found already.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Literal, NamedTuple

from temporalio.client import Client, WorkflowExecution

from domain.core.enums import WaitsOn
from domain.policy.policy import Policy
from services.reading import board
from services.reconciliation import EVERY, PAGE, Reconciler
from store import board as rows
from store.board import StuckTicket
from store.database import Database
from store.queries import Line

FAILING = "TemporalReportedProblems IS NOT NULL AND ExecutionStatus = 'Running'"
"""Temporal's list of the workflows whose workflow tasks fail: each tries again, and gets no further."""
KINDS = ("workflow_fails", "no_workflow", "effect_refused", "unanswered", "waits")
"""In the order in which they are listed: what a deadline may be missed for comes first."""

Kind = Literal["workflow_fails", "no_workflow", "effect_refused", "unanswered", "waits"]


class Stuck(NamedTuple):
    """A ticket or an incident that does not go on by itself."""

    kind: Kind
    about: str
    """A ticket's id, or an incident as in `incident-7`."""
    since: datetime | None
    """Since when it stands still; None where Temporal does not say it."""
    why: str
    do: str
    """What to type, or to read."""


class Found(NamedTuple):
    """All that is stuck, and how much more of it is not listed."""

    stuck: Sequence[Stuck]
    more: int
    """Tickets that have waited for too long beyond those that are listed."""


async def find(client: Client, db: Database, policy: Policy, now: datetime, zone: tzinfo, limit: int) -> Found:
    """Return what is stuck, of tickets that wait for too long at most `limit`. Weekdays are those of `zone`.

    Raises DatabaseDown, and RPCError where Temporal does not answer.
    """
    failing = [_failing(one) async for one in client.list_workflows(FAILING, page_size=PAGE)]
    missing = await Reconciler(client, db, policy).look()
    waiting, tickets = await asyncio.to_thread(_waiting, db, now, zone, limit)
    stopped = [_stopped(workflow, described.status) for workflow, described in sorted(missing.items())]
    found = [*failing, *stopped, *(_waits(one) for one in waiting)]
    return Found(sorted(found, key=lambda one: KINDS.index(one.kind)), more=tickets - len(waiting))


def _waiting(db: Database, now: datetime, zone: tzinfo, limit: int) -> tuple[Sequence[StuckTicket], int]:
    """Return the tickets that have waited the longest, and how many have waited for too long."""
    since = board.stuck_since(now, zone)
    with db.session() as session:
        return rows.stuck(session, since, limit), sum(one.stuck for one in rows.waiting(session, since))


def _failing(workflow: WorkflowExecution) -> Stuck:
    said = workflow.search_attributes.get("TemporalReportedProblems", ())
    causes = sorted(word.removeprefix("cause=") for word in map(str, said) if word.startswith("cause="))
    why = f"its workflow task fails ({', '.join(causes) or 'Temporal does not say why'})"
    do = f"read the worker's log, correct the code; temporal workflow describe --workflow-id {workflow.id}"
    return Stuck("workflow_fails", _name(workflow.id), None, why, do)


def _stopped(workflow: str, status: str) -> Stuck:
    how = "Temporal does not know it" if status == "none" else status
    why = f"it is open in the journal, and its workflow does not run ({how})"
    minutes = EVERY.seconds // 60
    do = f"a worker or relay resumes it within {minutes} minutes: if it is still here then, tierline health"
    return Stuck("no_workflow", _name(workflow), None, why, do)


def _waits(one: StuckTicket) -> Stuck:
    ticket, line, why = one.line.id, one.line, board.why(one)
    if one.failed_effects:
        return Stuck(
            "effect_refused", ticket, line.waits_since, why, f"tierline show {ticket}; tierline retry {ticket}"
        )
    if one.open_questions:
        return Stuck("unanswered", ticket, line.waits_since, why, f"tierline answer {ticket}")
    return Stuck("waits", ticket, line.waits_since, why, _next(line))


def _next(line: Line) -> str:
    """Return what a person does about a ticket that waits on this."""
    match line.waits_on:
        case WaitsOn.AGENT:
            return f"tierline assign {line.id}"
        case WaitsOn.CUSTOMER:
            return f"tierline respond {line.id}, or tierline resolve {line.id}"
        case WaitsOn.ENGINEERING:
            return f"tierline tell-engineering {line.id}"
        case WaitsOn.INCIDENT:
            return f"tierline incident show {line.incident_number}"
        case WaitsOn.TRACKER:
            return "tierline jira check"
        case _:
            return f"tierline show {line.id}"


def _name(workflow: str) -> str:
    """Return a ticket's id, or an incident as in `incident-7`, from a workflow's id."""
    return workflow.removeprefix("ticket-")
