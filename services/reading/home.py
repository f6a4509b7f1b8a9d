"""What waits for one person now, for their home page."""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from sqlalchemy import and_
from sqlalchemy.orm import Session

from domain.aggregate.command import LEADS
from domain.core.enums import Role, WaitsOn
from domain.ticket.events import Event
from domain.ticket.rules.handling import Take
from services.reading.account import mine as accounts_of
from services.reading.board import stuck_since
from services.reading.lists import WITH_AN_AGENT, next_to_take
from services.reading.timeline import summary_of
from services.security.auth import Caller
from store import board, happened, queries, queue_views, visits
from store.account_summary import AccountLoad
from store.board import AttentionAsked
from store.database import Database
from store.promised import Promised, promised_by
from store.queries import Line

LINES = 10
OF_A_LEAD = 5
"""Breached tickets, and tickets for which attention is asked, that a lead sees at home: the board has more."""
ACCOUNTS = 10


OLDEST = timedelta(days=14)
"""How far back the home page tells what has changed, however long somebody was away."""
CHANGED = 10
"""Tickets that are listed as changed."""
EVENTS = 200
"""Events that are looked at for it."""
SHOWN = 3
"""Of each ticket, how many events are shown."""


class Changed(NamedTuple):
    """A ticket to which something happened while its holder was away."""

    line: Line
    told: Sequence[str]
    """What happened last, the latest first, in a few words each."""
    more: int
    """Events beside those."""
    at: datetime
    """When the latest of them was recorded."""


class Since(NamedTuple):
    """What happened since a person was last at the desk."""

    away_since: datetime
    tickets: Sequence[Changed]
    more: bool
    """Other tickets have changed as well."""


class ForLead(NamedTuple):
    """What waits for whoever leads."""

    breached: Sequence[Line]
    attention: Sequence[AttentionAsked]
    breached_tickets: int
    attention_tickets: int
    stuck_tickets: int
    overrun_tickets: int


class Home(NamedTuple):
    """What waits for a person now."""

    mine: Sequence[Line]
    """Active tickets that the person holds, the most urgent first (G10)."""
    mine_tickets: int
    asked: Sequence[Line]
    """Tickets with an open question to the person (G15)."""
    promised: Sequence[Promised]
    """Promises that are due before the person's day ends, the late ones too (G16), and those at risk (F10)."""
    loop: Sequence[Line]
    """Tickets of the person that engineering is done with, and whose customer does not know."""
    next: Line | None
    """The right next ticket: the most urgent of the person's own that waits on an agent; else the next to take. None
    where there is neither, or the role takes no ticket."""
    lead: ForLead | None
    accounts: Sequence[AccountLoad]
    """Of a customer success manager: the accounts with active tickets, those in trouble first."""
    since: Since | None
    """None for whoever was not here before."""


def read(
    db: Database, caller: Caller, now: datetime, tomorrow: datetime, zone: tzinfo, shared: Sequence[str] = ()
) -> Home:
    """Read what waits for a person, whose day ends at `tomorrow` in their `zone`; `shared` as `plans_shared_with` has
    it. Raises DatabaseDown."""
    me = caller.actor
    of = queue_views.conditions(me, tomorrow)
    with db.session() as session:
        mine = queries.queue(session, statuses=(), where=of["mine"], limit=LINES).lines
        waits = queries.queue(session, assignee=me, waits_on=WITH_AN_AGENT, limit=1).lines
        loop = queries.queue(session, statuses=(), where=and_(of["mine"], of["loop"]), limit=LINES).lines
        found = Home(
            mine=mine,
            mine_tickets=queries.held(session, me, besides=""),
            asked=queries.queue(session, statuses=(), where=of["asked"], limit=LINES).lines,
            promised=promised_by(session, me, until=tomorrow, limit=LINES),
            loop=loop,
            next=waits[0] if waits else None,
            lead=None,
            accounts=(),
            since=_since(session, me, now),
        )
        if caller.role in LEADS:
            waiting = board.waiting(session, stuck_since(now, zone))
            counted = queue_views.counts(session, me, tomorrow, ("breached", "attention"))
            found = found._replace(
                lead=ForLead(
                    breached=queries.queue(session, statuses=(), where=of["breached"], limit=OF_A_LEAD).lines,
                    attention=board.attention(session, OF_A_LEAD),
                    breached_tickets=counted["breached"],
                    attention_tickets=counted["attention"],
                    stuck_tickets=sum(one.stuck for one in waiting),
                    overrun_tickets=sum(one.tickets for one in waiting if one.waits_on is WaitsOn.ESCALATION),
                )
            )
        if caller.role is Role.CSM:
            listed = accounts_of(session, me, shared, ACCOUNTS)
            found = found._replace(accounts=[one for one in listed if one.load.active])
    if found.next is None and caller.role in Take.who:
        found = found._replace(next=next_to_take(db, None, ()))
    return found


def _since(session: Session, person: str, now: datetime) -> Since | None:
    """Return what others, and deadlines, did to a person's tickets since they were last at the desk."""
    away = visits.away_since(session, person)
    if away is None:
        return None
    away = max(away, now - OLDEST)
    ids = happened.changed_tickets(session, person, away, 5 * CHANGED)
    events: dict[str, list[Event]] = {}
    for ticket, event in happened.by_others(session, ids, person, away, EVENTS) if ids else ():
        events.setdefault(ticket, []).append(event)
    lines = {line.id: line for line in queries.by_id(session, list(events)[:CHANGED])}
    found = [
        Changed(line, [summary_of(one.body) for one in all_[:SHOWN]], max(0, len(all_) - SHOWN), all_[0].detected)
        for ticket, all_ in events.items()
        if (line := lines.get(ticket))
    ]
    return Since(away, found, len(events) > CHANGED)
