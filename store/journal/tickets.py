"""The journal of tickets: their tables, and what else is written with their events.

That is notices (F5), what webhooks are to send, drafts for gaps in the knowledge base (G9), the churn alert (F1),
credits (F2), refunds (F6), the one alert for all that wait for Jira (F5), and what reports count of a ticket (F3).
"""

from collections.abc import Mapping, Sequence
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from domain.aggregate.effect import kind_in
from domain.core.actor import Actor
from domain.core.enums import Role, SlaState
from domain.ticket.aggregate import TICKET, notices
from domain.ticket.derived import flags, promise_due, sla_deadline, sla_state
from domain.ticket.events import AccountMatched, ClockMet, Event, Lapsed, Opened, Resolved, TermsReplaced
from domain.ticket.rules.churn import ChurnRule, decided
from domain.ticket.rules.pending_effects import EffectDone
from domain.ticket.rules.refund import RefundApproved, RefundRefused, RefundRequested, RefundWithdrawn
from domain.ticket.state import Ticket, workflow_id
from domain.ticket.time_left import counting
from domain.tracker.fingerprint import fingerprint
from store import (
    churn_alerts,
    credits,
    kb,
    late_effects,
    outbox,
    refunds,
    ticket_records,
    tracker_links,
    webhook_outbox,
)
from store.journal import upcast
from store.journal.content import content_of, sha256
from store.journal.journal import Appended, Journal
from store.journal.terms import find_terms, keep_terms, terms_digest
from store.journal.upcast import Json
from store.tables.journal import EventRow, TextRow
from store.tables.tickets import TicketRow

REFUNDS = RefundRequested, RefundApproved, RefundRefused, RefundWithdrawn, AccountMatched, TermsReplaced
"""The events that change refunds, or whose they are (F6)."""

LANES = {"engineering": 0, "priority": 1, "standard": 2, "community": 3}
"""G10: plan paths, in the order of the queue."""

BRINGS_TERMS = (Opened, TermsReplaced, AccountMatched)
"""The events that bring terms: they are kept once, and named by their digest."""

# -- Events --------------------------------------------------------------------------------------------------


def _digest(event: Event) -> str:
    content = content_of(event)
    content["body"]["type"] = event.body.type
    if isinstance(event.body, BRINGS_TERMS):
        content["body"]["terms"] = terms_digest(event.body.terms)
    return sha256(content)


def _event_columns(session: Session, event: Event) -> Json:
    body = event.body.model_dump(mode="json", exclude={"terms"})
    if isinstance(event.body, BRINGS_TERMS):
        body["terms"] = keep_terms(session, event.body.terms)
    return {
        "received": event.received,
        "occurred": event.occurred,
        "due": getattr(event.body, "due", None),
        "command_id": event.command_id,
        "source": event.source,
        "body": body,
        "text_names": list(event.texts),
    }


def _to_event(session: Session, row: EventRow, body: Json, texts: Mapping[str, str]) -> Event:
    if isinstance(body.get("terms"), str):
        body = body | {"terms": find_terms(session, body["terms"])}
    return Event.model_validate(
        {
            "seq": row.seq,
            "at": row.at,
            "detected": row.detected,
            "received": row.received,
            "occurred": row.occurred,
            "actor": Actor.model_validate({"id": row.actor_id, "role": row.actor_role}),
            "command_id": row.command_id,
            "source": row.source,
            "body": body,
            "texts": {name: texts.get(name, "") for name in row.text_names},
        }
    )


def _keeps_texts(row: TicketRow, event: Event) -> bool:
    """Return whether the event is from after the ticket's person was erased.

    Texts from before must not come back, whether they were on their way then, or a reset workflow brings them again.
    """
    return row.erased_at is None or (event.received or event.detected) > row.erased_at


# -- Tickets -------------------------------------------------------------------------------------------------


def _columns(ticket: Ticket) -> Json:
    counted = counting(ticket)
    return {
        "id": ticket.id,
        "source": ticket.source,
        "external_id": ticket.external_id,
        "account": ticket.account.id,
        "plan": ticket.account.plan.value,
        "status": ticket.status.value,
        "tier": ticket.tier.value,
        "priority": ticket.priority.value,
        "category": ticket.category.value,
        "assignee": ticket.assignee,
        "team": ticket.route.team if ticket.route else None,
        "account_unknown": ticket.account_unknown,
        "sla_state": sla_state(ticket).value,
        "sla_deadline": sla_deadline(ticket),
        "sla_counted": counted.counted,
        "sla_left": counted.left,
        "account_zone": ticket.account.zone,
        "waits_on": ticket.waits_on.value,
        "waits_since": ticket.waits_since,
        "urgency": _urgency(ticket),
        "lane": LANES[ticket.terms.plan.path],
        "churn_counts": decided(ticket),
        "opened_at": ticket.opened_at,
        "resolved_at": ticket.resolved_at,
        "closed_at": ticket.closed_at,
        "flags": list(flags(ticket)),
        "asked": sorted({question.to for question in ticket.questions}) if not ticket.closed else [],
        "promise_due": promise_due(ticket) if not ticket.closed else None,
        "jira_key": ticket.issue.key if ticket.issue else None,
        "incident_number": ticket.incident.number if ticket.incident else None,
        "parent": ticket.parent,
        "refs": list(ticket.refs()),
        "terms": terms_digest(ticket.terms),
        "state": ticket.model_dump(mode="json", exclude={"terms"}),
        "updated_at": func.now(),
    }


def _urgency(ticket: Ticket) -> int:
    """Return the rank in the queue (G10): an open incident, then a contract breach that stands, then the rest."""
    if ticket.incident and ticket.incident.open:
        return 0
    return 1 if sla_state(ticket) is SlaState.BREACHED else 2


def _to_state(session: Session, row: TicketRow) -> Ticket:
    return Ticket.model_validate({**row.state, "terms": find_terms(session, row.terms)})


# -- What else is written ------------------------------------------------------------------------------------


_LINKED_AS = {"jira_bug": "bug", "jira_request": "request", "jira_link": "link"}
"""Effect that brings an issue -> what its link is called."""


def _recorded(session: Session, steps: Sequence[tuple[Event, Ticket]], epoch: int) -> None:
    events, ticket = [event for event, _ in steps], steps[-1][1]
    announced = [(event, then) for event, then in steps if not _withdrawn_at_once(event, events)]
    outbox.put(session, [(event.seq, notice) for event, then in announced for notice in notices(then, event)], epoch)
    webhook_outbox.put(session, ticket, events, epoch)
    if epoch > 1:  # breaches may have been taken back with the past that was rewritten
        credits.update(session, ticket)
    if epoch > 1 or any(isinstance(event.body, REFUNDS) for event in events):
        refunds.follow(session, ticket)
    for event, then in steps:
        if isinstance(event.body, Resolved) and event.body.kb_gap:
            kb.draft(session, ticket, event)
        if isinstance(event.body, EffectDone) and event.body.jira_key and event.body.jira_url is not None:
            _see_that_it_is_linked(session, event, event.body, then)
    whole, texts_of = partial(_whole, session, ticket.id), partial(TICKETS.texts, session, ticket.id)
    ticket_records.keep(session, steps, whole, texts_of, rewritten=epoch > 1)


def _whole(session: Session, ticket_id: str) -> list[tuple[Event, Ticket]]:
    """Return all live events of a ticket, with their texts, each with the ticket as it left it."""
    steps: list[tuple[Event, Ticket]] = []
    for entry in TICKETS.timeline(session, ticket_id):
        steps.append((entry.event, TICKET.evolve(steps[-1][1] if steps else None, entry.event)))
    return steps


def _remade(session: Session, ticket_id: str, write: bool) -> Sequence[str]:
    """Make what reports count of a ticket anew, and the breaches that stand with the credits that follow
    (F2), and the refunds (F6)."""
    texts, whole = partial(TICKETS.texts, session, ticket_id), _whole(session, ticket_id)
    counted = ["record"] if ticket_records.remake(session, ticket_id, whole, texts, write) else []
    ticket = whole[-1][1]
    return [*counted, *credits.update(session, ticket, write=write), *refunds.follow(session, ticket, write=write)]


def _see_that_it_is_linked(session: Session, event: Event, done: EffectDone, ticket: Ticket) -> None:
    """See that the issue which an effect has brought is linked. The activity has linked it before the ticket heard of
    it, so this writes only where the database has lost that link, and the journal is caught up."""
    kind = _LINKED_AS.get(kind_in(done.key))
    if kind is None:
        return
    missing = tracker_links.put_back(
        session,
        done.key,
        owner=workflow_id(ticket.id),
        seq=event.seq,
        kind=kind,
        key=done.jira_key or "",
        url=done.jira_url or "",
        at=event.detected,
    )
    if missing and (label := fingerprint(ticket, TICKETS.texts(session, ticket.id))):
        tracker_links.put_label_back(session, done.key, label)


def _withdrawn_at_once(event: Event, events: Sequence[Event]) -> bool:
    """Return whether a miss was withdrawn in the moment of its recording, by evidence that had waited with us (C12):
    then nobody is notified of it."""
    body = event.body
    return isinstance(body, Lapsed) and any(
        isinstance(other.body, ClockMet)
        and other.detected == event.detected
        and other.body.metric is body.metric
        and body.side in other.body.withdrawn
        for other in events
        if other.seq > event.seq
    )


def _rewritten(session: Session, row: TicketRow, events: Sequence[Event], seq: int) -> None:
    """Cancel what the events from `seq` on caused. Raises ValueError if they are those of another ticket.

    Ids are derived, so that two tickets might share one, however unlikely: neither may overwrite the other.
    """
    first = events[0].body
    if isinstance(first, Opened) and (first.source, first.external_id) != (row.source, row.external_id):
        raise ValueError(f"ticket id {row.id} is taken by another ticket, of {row.source}")
    outbox.orphan(session, seq, ticket=row.id)
    webhook_outbox.orphan(session, row.id, seq)
    kb.forget_drafts(session, row.id, seq)
    ticket_records.forget(session, row.id)


TICKETS = Journal[str, Event, Ticket](
    noun="ticket",
    aggregate=TICKET,
    owner=TicketRow,
    owner_key="id",
    events=EventRow,
    text_rows=TextRow,
    key="ticket_id",
    versions=upcast.TICKETS,
    key_of=lambda ticket: ticket.id,
    digest=_digest,
    event_columns=_event_columns,
    body_of=lambda row: row.body,
    to_event=_to_event,
    columns=_columns,
    to_state=_to_state,
    of_state=("state", "terms"),
    recorded=_recorded,
    rewritten=_rewritten,
    remade=_remade,
    keeps_texts=_keeps_texts,
)

load, fold, timeline, texts = TICKETS.load, TICKETS.fold, TICKETS.timeline, TICKETS.texts


def append(
    session: Session, ticket_id: str, run_id: str, events: Sequence[Event], *, churn: ChurnRule | None = None
) -> Appended[Ticket]:
    """Record events of one ticket, and raise the alerts that follow. `churn` is the policy's rule for F1.

    See `Journal.append`.
    """
    return TICKETS.append(session, ticket_id, run_id, events, also=partial(_alert, churn or ChurnRule()))


def open_once(
    session: Session, ticket_id: str, events: Sequence[Event], *, churn: ChurnRule | None = None
) -> Appended[Ticket]:
    """Record the opening of a ticket at intake, and raise the alerts that follow. See `Journal.open_once`."""
    return TICKETS.open_once(session, ticket_id, events, also=partial(_alert, churn or ChurnRule()))


def _alert(churn: ChurnRule, session: Session, before: Ticket | None, after: Ticket, event: Event) -> None:
    credits.watch(session, before, after)
    late_effects.watch(session, before, after, event)
    churn_alerts.watch(session, before, after, event, churn)


# -- Look-ups ------------------------------------------------------------------------------------------------


def origin(session: Session, ticket_id: str) -> tuple[str, str] | None:
    """Return the source and external id of a ticket; None if there is none."""
    query = select(TicketRow.source, TicketRow.external_id).where(TicketRow.id == ticket_id)
    row = session.execute(query).one_or_none()
    return (row.source, row.external_id) if row else None


def opened_by(session: Session, ticket_id: str) -> str | None:
    """Return the identity of whatever opened a ticket, where it has one."""
    first = select(EventRow.command_id).where(EventRow.ticket_id == ticket_id, EventRow.seq == 1, ~EventRow.superseded)
    return session.scalars(first).one_or_none()


def requester(session: Session, ticket_id: str) -> str | None:
    """Return who asked for a ticket, where it was opened in the customer's name."""
    first = select(EventRow.actor_id).where(
        EventRow.ticket_id == ticket_id,
        EventRow.seq == 1,
        EventRow.actor_role == Role.CUSTOMER.value,
        ~EventRow.superseded,
    )
    return session.scalars(first).one_or_none()


def events_of_command(session: Session, ticket_id: str, command_id: str) -> list[Event]:
    """Return the live events that a command led to, without their texts."""
    query = select(EventRow).where(
        EventRow.ticket_id == ticket_id, EventRow.command_id == command_id, ~EventRow.superseded
    )
    return [TICKETS.event(session, row) for row in session.scalars(query.order_by(EventRow.seq))]
