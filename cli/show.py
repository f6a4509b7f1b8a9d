"""`tierline ticket show`: one ticket, whole: its fields, clocks, what is missing, what it waits on, its timeline.

What a person sees and what a program gets are drawn from one object (`view`), so they cannot disagree.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, NamedTuple

import typer
from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError, RPCStatusCode

from cli.drawing import draw
from cli.output import iso, print_json, telling
from cli.timeline import told
from domain import limit
from domain.clocks import Clock, effective
from domain.fits import would_fit
from domain.gates import missing
from domain.ids import spoken
from domain.refusal import Refused
from domain.settle import next_deadline
from domain.standing import sla_deadline, sla_state
from domain.ticket import ACTIVE, Ticket, workflow_id
from domain.tiers import ABOVE
from domain.words import PROMISED, Metric, Side
from frontdoor.desk import Unavailable
from store import journal
from store.database import Database, DatabaseDown
from store.journal import Entry
from workers.outside import database
from workers.settings import Settings, load_settings
from workers.temporal import TemporalError, connect

PATIENCE = timedelta(seconds=5)
"""How long a worker may take to answer, before the journal is shown instead."""


class Seen(NamedTuple):
    """A ticket as it could be seen."""

    ticket: Ticket
    entries: Sequence[Entry]
    live: bool
    """Whether its workflow said so; otherwise the journal did."""
    note: str = ""
    """Why something could not be seen, for a person."""


def show(
    ticket: Annotated[str, typer.Argument(help="The ticket's id, as people say it.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Show a ticket: fields, clocks, what is missing, what it waits on, and its timeline.

    It is the workflow that says how the ticket stands, while it runs and a worker answers; otherwise the journal.
    """
    with telling(as_json):
        try:
            seen = asyncio.run(look_up(load_settings(), spoken(ticket)))
        except ValueError as error:
            raise Refused("not_found", str(error)) from None
        shown = view(seen)
        if as_json:
            print_json(shown)
        else:
            draw(shown)


# -- Where it is seen ----------------------------------------------------------------------------------------


async def look_up(settings: Settings, ticket: str) -> Seen:
    """The ticket from its workflow and its journal, or from the one that answers.

    Raises Refused (`not_found`), Unavailable where neither answers.
    """
    known, entries, lost = await asyncio.to_thread(_from_journal, settings, ticket)
    if known is not None and known.closed:
        return Seen(known, entries, live=False)  # what comes after closing stands in the journal alone
    try:
        live = await _from_workflow(await connect(settings), ticket)
    except TemporalError as error:
        live, lost = None, f"{lost}; {error}" if lost else str(error)
    if live is not None and (known is None or live.seq >= known.seq):
        return Seen(live, entries, live=True, note=lost)
    if known is not None:
        return Seen(known, entries, live=False, note=lost or "no worker answers: this is what the journal knows")
    if lost:
        raise Unavailable(lost)
    raise Refused("not_found", f"there is no ticket {ticket}")


def _from_journal(settings: Settings, ticket: str) -> tuple[Ticket | None, Sequence[Entry], str]:
    """The ticket, its timeline, and why they could not be read."""
    try:
        db = database(settings, "show")
    except DatabaseDown as error:
        return None, (), str(error)
    try:
        return *_read(db, ticket), ""
    except DatabaseDown as error:
        return None, (), str(error)
    finally:
        db.dispose()


def _read(db: Database, ticket: str) -> tuple[Ticket | None, Sequence[Entry]]:
    with db.session() as session:
        return journal.load(session, ticket), journal.timeline(session, ticket)


async def _from_workflow(client: Client, ticket: str) -> Ticket | None:
    """The ticket as its workflow has it; None where there is none, or nobody answers for it."""
    handle = client.get_workflow_handle(workflow_id(ticket))
    try:
        ticket_now: Ticket = await handle.query("ticket", result_type=Ticket, rpc_timeout=PATIENCE)
        return ticket_now
    except WorkflowQueryFailedError:
        return None
    except RPCError as error:
        nobody = (RPCStatusCode.NOT_FOUND, RPCStatusCode.DEADLINE_EXCEEDED, RPCStatusCode.CANCELLED)
        if error.status in nobody or error.status is RPCStatusCode.FAILED_PRECONDITION:
            return None
        raise TemporalError(f"Temporal does not answer ({error.status.name})") from None


# -- What is seen --------------------------------------------------------------------------------------------


def view(seen: Seen) -> dict[str, Any]:
    """The ticket as an object with stable keys. Instants are ISO 8601 in UTC."""
    ticket = seen.ticket
    texts = {f"{entry.event.seq}.{name}": text for entry in seen.entries for name, text in entry.event.texts.items()}
    deadline = next_deadline(ticket)
    return {
        "id": ticket.id,
        "live": seen.live,
        "note": seen.note,
        "seq": ticket.seq,
        "as_of": iso(ticket.as_of),
        "opened_at": iso(ticket.opened_at),
        "source": ticket.source,
        "external_id": ticket.external_id,
        "channel": ticket.channel.value,
        "account": ticket.account.model_dump(mode="json"),
        "category": ticket.category.value,
        "priority": ticket.priority.value,
        "priority_guessed": ticket.priority_guessed,
        "product_area": ticket.product_area,
        "language": ticket.language,
        "tags": list(ticket.tags),
        "subject": texts.get("1.subject", ""),
        "description": texts.get("1.description", ""),
        "status": ticket.status.value,
        "tier": ticket.tier.value,
        "assignee": ticket.assignee,
        "sla": {"state": sla_state(ticket).value, "deadline": iso(sla_deadline(ticket)), "policy": ticket.terms.policy},
        "clocks": {
            metric.value: {side.value: _clock(ticket, metric, side) for side in Side}
            for metric in Metric
            if metric in PROMISED or any(clock.metric is metric for clock in ticket.clocks)
        },
        "tier_1_limit": _limit(ticket),
        "waits": {"on": ticket.waits_on.value, "since": iso(ticket.waits_since)},
        "missing": _missing(ticket),
        "package": {
            name: {"text": "\n".join(texts.get(ref, "") for ref in field.refs), "absent": field.absent}
            for name, field in ticket.fields.items()
        },
        "owed": _owed(ticket),
        "next": {"at": iso(deadline.at), "what": deadline.summary} if deadline else None,
        "would_fit": would_fit(ticket),
        "links": _links(ticket),
        "outstanding": [effect.model_dump(mode="json") for effect in ticket.undone],
        "bounces": ticket.bounces,
        "reopenings": ticket.reopenings,
        "resolution": _resolution(ticket),
        "timeline": [_entry(entry) for entry in seen.entries],
    }


def _clock(ticket: Ticket, metric: Metric, side: Side) -> dict[str, Any] | None:
    """One of the four clocks (C1); None where the terms have none."""
    clock = next((c for c in ticket.clocks if (c.metric, c.side) == (metric, side)), None)
    if clock is None:
        return None
    breach = clock.breach
    missed = {"due": iso(breach.due), "detected": iso(breach.detected), "standing": breach.standing} if breach else None
    cell = clock.legs[clock.leading].cell
    return {
        "state": _state(ticket, clock),
        "due": iso(clock.due),
        "met_at": iso(clock.met_at),
        "missed": missed,
        "cell": cell.source,
        "counted": cell.clock,
        "binding": clock.binding,
        "effective": clock == effective(ticket.clocks, metric),
    }


def _state(ticket: Ticket, clock: Clock) -> str:
    """The clock in a word or two."""
    if clock.breach and clock.breach.standing != "withdrawn":
        return "missed" if clock.breach.standing == "stands" else "waived"
    if clock.met_at:
        return "met"
    if not clock.binding:
        return "best effort"
    if clock.due is None:
        return "stopped" if ticket.suspended else "beyond the calendar"
    return "running" if ticket.status in ACTIVE else "over"


def _limit(ticket: Ticket) -> dict[str, Any] | None:
    """G1: the stay in Tier 1; None elsewhere, before the first take, and once it is resolved."""
    stay = ticket.stay
    if stay is None or stay.since is None or ticket.status not in ACTIVE:
        return None
    due: datetime | None = None
    if limit.ticks(ticket) and stay.reached is None:
        due = limit.used_up_at(ticket, ticket.terms.limits.t1_limit)
    return {
        "stay": stay.number,
        "since": iso(stay.since),
        "due": iso(due),
        "reached": iso(stay.reached),
        "over": stay.over,
        "counted": stay.clock,
    }


def _missing(ticket: Ticket) -> dict[str, Any] | None:
    """G3, G4: what the next tier needs and does not have; None where there is no next tier."""
    above = ABOVE.get(ticket.tier)
    if above is None or ticket.status not in ACTIVE:
        return None
    return {"to": above.value, "names": missing(ticket, above)}


def _owed(ticket: Ticket) -> dict[str, Any] | None:
    """G6: the packages that a P0 owes."""
    debt = ticket.debt
    if debt is None:
        return None
    names = [] if debt.paid else missing(ticket, ticket.tier)
    return {"due": iso(debt.due), "paid": iso(debt.paid), "overdue": debt.overdue, "names": names}


def _links(ticket: Ticket) -> dict[str, Any]:
    return {
        "jira": ticket.jira.model_dump(mode="json") if ticket.jira else None,
        "incident": ticket.incident.model_dump(mode="json") if ticket.incident else None,
        "parent": ticket.parent,
        "workflow": workflow_id(ticket.id),
    }


def _resolution(ticket: Ticket) -> dict[str, Any] | None:
    if ticket.resolution is None:
        return None
    return {
        "type": ticket.resolution.value,
        "resolved_at": iso(ticket.resolved_at),
        "closed_at": iso(ticket.closed_at),
        "kb_article": ticket.kb_article,
        "csat": ticket.csat,
    }


def _entry(entry: Entry) -> dict[str, Any]:
    """One line of the timeline. The four instants are kept apart: due, occurred, received, detected."""
    event = entry.event
    return {
        "seq": event.seq,
        "type": event.body.type,
        "told": told(event.body),
        "at": iso(event.at),
        "due": iso(getattr(event.body, "due", None)),
        "occurred": iso(event.occurred),
        "received": iso(event.received),
        "detected": iso(event.detected),
        "by": event.actor.id,
        "role": event.actor.role.value,
        "source": event.source,
        "command_id": event.command_id,
        "texts": {name: text for name, text in event.texts.items() if text},
        "erased": list(entry.erased),
    }
