"""What an edit of the policy or of a calendar would change for open tickets: a preview, and the same applied.

An edit reaches new tickets only, since a ticket keeps what it was promised. To let it reach an open one is a decision
of a person: the command `replace_terms`, with its reason, which C8 keeps from making anything due in the past.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from domain.calendars.calendar import CalendarError
from domain.core.enums import Metric, Role, Side
from domain.core.refusal import Refused
from domain.policy.policy import Policy
from domain.ticket.aggregate import TICKET
from domain.ticket.rules.terms import ReplaceTerms
from domain.ticket.state import Account, Ticket
from services.policy_file.load import resolve_terms
from services.reading.instants import iso
from services.tickets import TicketService
from store import accounts, reconciliation
from store.database import Database
from store.journal import TICKETS
from store.journal.terms import terms_digest

PART = 100
"""Tickets that are read whole together."""
MANY = 1000
"""Tickets whose accounts are read together."""


class Moved(NamedTuple):
    """A clock that would be due at another instant."""

    metric: Metric
    side: Side
    before: datetime | None
    """None: it does not run, or there was none."""
    after: datetime | None


class Recalculated(NamedTuple):
    """What today's policy would change for one open ticket."""

    ticket: str
    account: str
    seq: int
    """The number of the ticket's latest event as it was looked at."""
    moved: Sequence[Moved]
    problem: str = ""
    """Why it cannot be recalculated, such as a zone that does not exist."""


def preview(db: Database, policy: Policy, now: datetime, tickets: Sequence[str] = ()) -> Iterator[Recalculated]:
    """Yield the open tickets of which a clock would be due at another instant, all or only those that are named.

    Only tickets whose terms are not those of today are read whole, in parts. Nothing is changed. Raises Refused
    (`not_found`), DatabaseDown.
    """
    ids = tickets or _with_other_terms(db, policy, now)
    for place in range(0, len(ids), PART):
        some = ids[place : place + PART]
        with db.session() as session:
            found = TICKETS.load_many(session, some)
            known = accounts.find_accounts(session, {one.account.id for one in found.values()})
        for ticket in some:
            if one := _recalculated(policy, ticket, found.get(ticket), known, now, named=bool(tickets)):
                yield one


def _with_other_terms(db: Database, policy: Policy, now: datetime) -> list[str]:
    """Return the ids of the open tickets whose terms are not those that their account has today, in one query for the
    tickets and one for the accounts of each part."""
    digests: dict[int, str] = {}
    found = []
    with db.session() as session:
        rows = reconciliation.open_terms(session)
        for place in range(0, len(rows), MANY):
            part = rows[place : place + MANY]
            known = accounts.find_accounts(session, {row.account["id"] for row in part})
            for row in part:
                account = known.get(row.account["id"]) or Account.model_validate(row.account)
                try:
                    terms = resolve_terms(policy, account, now)
                except CalendarError:  # it is said of each ticket, with why
                    found.append(row.id)
                    continue
                digest = digests.get(id(terms))  # equal terms are one object while the policy's tables are kept
                if digest is None:
                    digest = digests[id(terms)] = terms_digest(terms)
                if digest != row.terms:
                    found.append(row.id)
    return found


async def apply(service: TicketService, one: Recalculated, who: dict[str, Any], reason: str) -> None:
    """Give a ticket the terms of today, as a command that stands on its timeline with who and why.

    Applied twice for the same look, it is done once. Raises Refused, Unavailable.
    """
    identity = f"recalculate:{one.ticket}:{one.seq}"
    await service.handle(one.ticket, "replace_terms", who | {"reason": reason, "id": identity})


def _recalculated(
    policy: Policy, ticket: str, known: Ticket | None, of_today: Mapping[str, Account], now: datetime, *, named: bool
) -> Recalculated | None:
    if known is None:
        raise Refused("not_found", f"there is no ticket {ticket}")
    if known.closed:
        if named:
            raise Refused("does_not_fit", f"ticket {ticket} is closed: its clocks have stopped")
        return None
    try:
        moved = moves(known, policy, now, of_today.get(known.account.id))
    except CalendarError as error:
        return Recalculated(ticket, known.account.id, known.seq, (), str(error))
    return Recalculated(ticket, known.account.id, known.seq, moved) if moved else None


def moves(ticket: Ticket, policy: Policy, now: datetime, account: Account | None = None) -> Sequence[Moved]:
    """Return the clocks of a ticket that `replace_terms` would make due at another instant: decided by the core itself.

    `account` is the account as it is known today. Raises CalendarError.
    """
    terms = resolve_terms(policy, account or ticket.account, now)
    if terms == ticket.terms:
        return []
    command = ReplaceTerms(
        by="preview", role=Role.OPS, reason="preview", terms=terms, account=account or ticket.account
    )
    after: Ticket = TICKET.decide(ticket, command, max(now, ticket.as_of)).state
    before = {(clock.metric, clock.side): _due(clock) for clock in ticket.clocks}
    then = {(clock.metric, clock.side): _due(clock) for clock in after.clocks}
    keys = sorted({*before, *then})
    return [
        Moved(metric, side, before.get((metric, side)), then.get((metric, side)))
        for metric, side in keys
        if before.get((metric, side)) != then.get((metric, side))
    ]


def _due(clock: Any) -> datetime | None:
    """Return when a clock that can still lapse is due."""
    due: datetime | None = clock.due if clock.running else None
    return due


def as_object(one: Recalculated) -> dict[str, Any]:
    """Return it for a program. Instants are ISO 8601 in UTC."""
    moved = [
        {"metric": m.metric.value, "side": m.side.value, "before": iso(m.before), "after": iso(m.after)}
        for m in one.moved
    ]
    return {"ticket": one.ticket, "account": one.account, "moved": moved, "problem": one.problem}
