"""What does not go on by itself: which ticket or incident, since when, why, and what to type. For ops.

It is found by lists: a list of Temporal's, lists of the journal's, and the differences between the two. What is
asked of a ticket by itself is asked only of those that are found already, and of as many as are listed.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Literal, NamedTuple, get_args

from temporalio.client import Client, WorkflowExecution

from domain.aggregate.effect import kind_in
from domain.core.enums import WaitsOn
from domain.ticket.effect_kinds import IN_WORDS
from services.comparison import NOTHING, Behind, Looked, look
from services.reading import board
from services.reconciliation import EVERY
from store import board as rows
from store import pending
from store.board import StuckTicket
from store.database import Database
from store.pending import Effect, Unanswered
from store.queries import Line

FAILING = "TemporalReportedProblems IS NOT NULL AND ExecutionStatus = 'Running'"
"""Temporal's list of the workflows whose workflow tasks fail: each tries again, and gets no further."""
QUIET_DAYS = 2
"""Weekdays without any event after which an open ticket counts as forgotten."""

Kind = Literal[
    "workflow_fails", "no_workflow", "journal_behind", "effect_refused", "effect_late", "unanswered", "waits", "quiet"
]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""In the order in which they are listed: what a deadline may be missed for comes first."""


class Stuck(NamedTuple):
    """A ticket or an incident that does not go on by itself."""

    kind: Kind
    about: str
    """A ticket's id, or an incident as in `incident-7`."""
    since: datetime | None
    """Since when it stands still; None where nothing says it."""
    why: str
    do: str
    """What to type, or to read."""


class Found(NamedTuple):
    """All that is stuck, and how much more of it is not listed."""

    stuck: Sequence[Stuck]
    more: int
    """How many more there are than those that are listed. What is stuck for two reasons may count twice."""


class Part(NamedTuple):
    """What one look found."""

    stuck: Sequence[Stuck]
    total: int


async def find(client: Client | None, db: Database, now: datetime, zone: tzinfo, limit: int) -> Found:
    """Return what is stuck, `limit` of each kind at most. Weekdays are those of `zone`. Without a client, Temporal is
    not asked.

    Raises DatabaseDown, and RPCError where Temporal does not answer.
    """
    differs = await look(client, db, limit) if client else NOTHING
    parts = await asyncio.to_thread(_on_record, db, now, zone, limit)
    if client:
        parts = [await _failing(client, limit), _differing(differs), *parts]
    listed: dict[str, Stuck] = {}
    for one in sorted((one for part in parts for one in part.stuck), key=lambda one: KINDS.index(one.kind)):
        listed.setdefault(one.about, one)  # each once, for the first of its reasons
    more = sum(part.total - len({one.about for one in part.stuck}) for part in parts) + differs.more
    return Found(list(listed.values()), max(0, more))


# -- By Temporal ---------------------------------------------------------------------------------------------


async def _failing(client: Client, limit: int) -> Part:
    found = [_fails(one) async for one in client.list_workflows(FAILING, limit=limit, page_size=limit)]
    total = len(found) if len(found) < limit else (await client.count_workflows(FAILING)).count
    return Part(found, max(total, len(found)))


def _fails(workflow: WorkflowExecution) -> Stuck:
    said = workflow.search_attributes.get("TemporalReportedProblems", ())
    causes = sorted(word.removeprefix("cause=") for word in map(str, said) if word.startswith("cause="))
    why = f"its workflow task fails ({', '.join(causes) or 'Temporal does not say why'})"
    do = f"read the worker's log, correct the code; temporal workflow describe --workflow-id {workflow.id}"
    return Stuck("workflow_fails", _name(workflow.id), None, why, do)


def _differing(found: Looked) -> Part:
    stopped = [_stopped(workflow, one.status) for workflow, one in sorted(found.stopped.items())]
    listed = [*stopped, *(_behind(one) for one in found.behind), *(_over(workflow) for workflow in found.over)]
    return Part(listed, len(listed))


def _stopped(workflow: str, status: str) -> Stuck:
    how = "Temporal does not know it" if status == "none" else status
    why = f"it is open in the journal, and its workflow does not run ({how})"
    minutes = EVERY.seconds // 60
    do = f"tierline ops resume {_name(workflow)}; a worker or relay does it by itself within {minutes} minutes"
    return Stuck("no_workflow", _name(workflow), None, why, do)


def _behind(one: Behind) -> Stuck:
    decided = f"has decided event {one.decided}" if one.decided else "shows another state, and no worker answers"
    why = f"the journal is at event {one.journal}, and its workflow {decided}"
    do = 'tierline ops reconcile --repair; "A gap in the journal" in docs/ops.md'
    return Stuck("journal_behind", _name(one.workflow), None, why, do)


def _over(workflow: str) -> Stuck:
    why = "it is over in the journal, and its workflow still runs"
    return Stuck("journal_behind", _name(workflow), None, why, f"temporal workflow describe --workflow-id {workflow}")


# -- By the journal ------------------------------------------------------------------------------------------


def _on_record(db: Database, now: datetime, zone: tzinfo, limit: int) -> list[Part]:
    since = board.stuck_since(now, zone)
    forgotten = board.weekdays_before(now, QUIET_DAYS, zone)
    with db.session() as session:
        effects, late = pending.late_effects(session, limit)
        questions, unanswered = pending.unanswered(session, limit)
        waiting = rows.stuck(session, since, limit)
        stuck = sum(one.stuck for one in rows.waiting(session, since))
        quiet, silent = pending.quiet(session, forgotten, since, limit)
    return [
        Part([_pending(one) for one in effects], late),
        Part([_unanswered(one) for one in questions], unanswered),
        Part([_waits(one) for one in waiting], stuck),
        Part([_quiet(line, at) for line, at in quiet], silent),
    ]


def _pending(one: Effect) -> Stuck:
    what = IN_WORDS.get(kind_in(one.key), kind_in(one.key).replace("_", " "))
    retry = f"tierline retry {one.about}"
    show = f"tierline show {one.about}"
    if one.about.startswith("incident-"):
        number = one.about.removeprefix("incident-")
        retry, show = f"tierline incident retry {number}", f"tierline incident show {number}"
    if one.refused:
        return Stuck("effect_refused", one.about, one.since, f"refused: {what}", f"{show}; then {retry}")
    return Stuck(
        "effect_late", one.about, one.since, f"pending for too long: {what}", f"{show}; tierline ops retry {one.about}"
    )


def _unanswered(one: Unanswered) -> Stuck:
    if not one.who:
        why, do = "a lead was asked to look, and nobody has in time", f"tierline attend {one.ticket}"
        return Stuck("unanswered", one.ticket, one.since, why, do)
    why = f"a question to {one.who} is not answered in time"
    return Stuck("unanswered", one.ticket, one.since, why, f"tierline answer {one.ticket}")


def _waits(one: StuckTicket) -> Stuck:
    ticket, line, why = one.line.id, one.line, board.why(one)
    if one.failed_effects:
        return Stuck(
            "effect_refused", ticket, line.waits_since, why, f"tierline show {ticket}; tierline retry {ticket}"
        )
    if one.open_questions:
        return Stuck("unanswered", ticket, line.waits_since, why, f"tierline answer {ticket}")
    return Stuck("waits", ticket, line.waits_since, why, _next(line))


def _quiet(line: Line, at: datetime) -> Stuck:
    who = f"{line.assignee} has it" if line.assignee else "nobody has taken it"
    return Stuck("quiet", line.id, at, f"nothing has happened for {QUIET_DAYS} weekdays: {who}", _next(line))


def _next(line: Line) -> str:
    """Return what a person does about a ticket that waits on this."""
    match line.waits_on:
        case WaitsOn.AGENT:
            return f"tierline assign {line.id}"
        case WaitsOn.ESCALATION:
            return f"tierline escalate {line.id}"
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
