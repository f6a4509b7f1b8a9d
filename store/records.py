"""Between the core's values and rows: what an event, a ticket and its terms look like in the journal."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.clocks.terms import Terms, intern_terms
from domain.core.actor import Actor
from domain.core.enums import SlaState
from domain.ticket.derived import sla_deadline, sla_state
from domain.ticket.events import AccountMatched, Event, Opened, TermsReplaced
from domain.ticket.rules.churn import decided
from domain.ticket.state import Ticket
from store.tables.journal import EventRow, TermsRow
from store.upcast import upcast, version_of

Json = dict[str, Any]

LANES = {"engineering": 0, "priority": 1, "standard": 2, "community": 3}
"""G10: plan paths, in the order of the queue."""


def sha256(value: Any) -> str:
    """The digest of a JSON value in its one canonical spelling."""
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


# -- Terms ---------------------------------------------------------------------------------------------------

_BY_DIGEST: dict[str, Terms] = {}
"""What this process has read; terms never change, and a handful serve thousands of tickets."""


class _Record(NamedTuple):
    """What terms look like in the database."""

    terms: Terms
    digest: str
    body: Json


_RECORDS: dict[int, _Record] = {}
"""By the identity of the terms: they are interned, and large."""


def _record_of(terms: Terms) -> _Record:
    known = _RECORDS.get(id(terms))
    if known is None or known.terms is not terms:
        if len(_RECORDS) > 256:
            _RECORDS.clear()
        digest = sha256(terms.model_dump(mode="json", exclude_defaults=True))
        known = _Record(terms, digest, terms.model_dump(mode="json"))
        _RECORDS[id(terms)] = known  # with the terms themselves, so that no other object can get their id
    return known


def terms_digest(terms: Terms) -> str:
    """Fields at their defaults are left out, so that a field added later leaves the digests of older terms alone."""
    return _record_of(terms).digest


def keep_terms(session: Session, terms: Terms) -> str:
    """Make sure that the terms are stored. Returns their digest."""
    known = _record_of(terms)
    row = {"digest": known.digest, "body": known.body}
    session.execute(insert(TermsRow).values(row).on_conflict_do_nothing())
    return known.digest


def find_terms(session: Session, digest: str) -> Terms:
    """The terms of a digest: one object for all who share them."""
    terms = _BY_DIGEST.get(digest)
    if terms is None:
        body = session.scalars(select(TermsRow.body).where(TermsRow.digest == digest)).one()
        terms = intern_terms(Terms.model_validate(body))
        if len(_BY_DIGEST) > 256:
            _BY_DIGEST.clear()
        _BY_DIGEST[digest] = terms
    return terms


# -- Events --------------------------------------------------------------------------------------------------


def storable(event: Event) -> Event:
    """The event as PostgreSQL takes it: without NUL. What the front door lets through, or somebody signals past it,
    must not stop a ticket's journal for ever."""
    if "\\u0000" not in event.model_dump_json():
        return event
    return Event.model_validate(_without_nul(event.model_dump(mode="json")))


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\x00", "\ufffd")
        case dict():
            return {_without_nul(name): _without_nul(item) for name, item in value.items()}
        case list():
            return [_without_nul(item) for item in value]
        case _:
            return value


BRINGS_TERMS = (Opened, TermsReplaced, AccountMatched)
"""The events that bring terms: they are kept once, and named by their digest."""


def event_digest(event: Event) -> str:
    """The digest that tells a repeat from another decision in the same place.

    It covers all of the event, `detected` and `received` too. A repeat is never a new computation: an activity's
    next attempt carries the same recorded payload, and a replay rebuilds it from the same history, so every instant
    is equal. A decision that was made anew after a reset is another fact even where only `detected` differs, since
    that instant stands in the ticket's breaches. Fields at their defaults are left out: the same event, sent again
    by a newer program that knows one field more, is still the same.
    """
    content = event.model_dump(mode="json", exclude_defaults=True)
    content["body"]["type"] = event.body.type
    if isinstance(event.body, BRINGS_TERMS):
        content["body"]["terms"] = terms_digest(event.body.terms)
    return sha256(content)


def event_record(session: Session, event: Event, *, digest: str, place: Mapping[str, Any]) -> Json:
    """The columns of an event. `place` has those of ticket, epoch and run."""
    body = event.body.model_dump(mode="json", exclude={"terms"})
    if isinstance(event.body, BRINGS_TERMS):
        body["terms"] = keep_terms(session, event.body.terms)
    return {
        **place,
        "seq": event.seq,
        "type": event.body.type,
        "version": version_of(event.body.type),
        "at": event.at,
        "detected": event.detected,
        "received": event.received,
        "occurred": event.occurred,
        "due": getattr(event.body, "due", None),
        "actor_id": event.actor.id,
        "actor_role": event.actor.role.value,
        "command_id": event.command_id,
        "source": event.source,
        "body": body,
        "text_names": list(event.texts),
        "digest": digest,
    }


def to_event(session: Session, row: EventRow, texts: Mapping[str, str]) -> Event:
    """The event of a row. A text that is not given (erased, or not asked for) is an empty string: the fold needs to
    know that it was there."""
    body = upcast(row.type, row.version, row.body)
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


# -- Tickets -------------------------------------------------------------------------------------------------


def ticket_record(ticket: Ticket, *, epoch: int, terms: str) -> Json:
    """The columns of a ticket: the state, and what queries need of it."""
    return {
        "id": ticket.id,
        "seq": ticket.seq,
        "epoch": epoch,
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
        "waits_on": ticket.waits_on.value,
        "waits_since": ticket.waits_since,
        "urgency": urgency(ticket),
        "lane": LANES[ticket.terms.plan.path],
        "churn_counts": decided(ticket),
        "opened_at": ticket.opened_at,
        "resolved_at": ticket.resolved_at,
        "closed_at": ticket.closed_at,
        "jira_key": ticket.jira.key if ticket.jira else None,
        "incident_number": ticket.incident.number if ticket.incident else None,
        "parent": ticket.parent,
        "refs": list(ticket.refs()),
        "terms": terms,
        "state": ticket.model_dump(mode="json", exclude={"terms"}),
    }


def urgency(ticket: Ticket) -> int:
    """G10: an open incident comes first, then a contract breach that stands, then the rest."""
    if ticket.incident and ticket.incident.open:
        return 0
    return 1 if sla_state(ticket) is SlaState.BREACHED else 2


def to_ticket(session: Session, state: Json, terms: str) -> Ticket:
    """The ticket of a stored state."""
    return Ticket.model_validate({**state, "terms": find_terms(session, terms)})
