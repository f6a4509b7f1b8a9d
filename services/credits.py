"""Credits (F2): who is owed what for breaches, what people decide about it, and what open clocks would cost."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from pydantic import TypeAdapter

from activities.support.ops_alerts import OpsAlerts
from domain.clocks.clock import Clock
from domain.core.enums import Role
from domain.core.refusal import Refused
from domain.core.values import Frozen, Instant
from domain.credits.breaches import Links, Owed, month_fee, own_problem
from domain.credits.credit import Credit, CreditState, applied, approved, called_off
from domain.credits.exposure import exposed, threats
from domain.policy.money import CreditsRow
from domain.ticket.state import Account, IncidentLink
from store import billing, journal, reconciliation
from store import credits as rows
from store.database import Database
from store.journal.terms import find_terms

log = logging.getLogger("tierline.credits")

MOST_EXPOSED = 20_000
"""Active tickets of which an exposure is reckoned."""
PART = 500
"""Tickets that are compared with their breaches at once."""
MOST_DIFFERING = 100
CHECKED_EVERY = timedelta(hours=24)
_CLOCKS: TypeAdapter[tuple[Clock, ...]] = TypeAdapter(tuple[Clock, ...])


class Act(Frozen):
    """One line of what became of a credit."""

    at: Instant
    state: CreditState
    amount: Decimal | None
    by: str
    reason: str


class CreditDetail(Frozen):
    """A credit, and what became of it."""

    credit: Credit
    acts: list[Act]
    """The oldest first."""


class CreditList(Frozen):
    """Part of a list of credits."""

    credits: list[Credit]
    next: str | None
    """The id after which the next page begins; None if this is the last."""


class Exposure(Frozen):
    """What open clocks would cost if nobody acts."""

    at: Instant
    total: Decimal
    """Of the amounts that are known, in the company's one currency."""
    unknown: int
    """Credits among them whose amount is not known, since no fee is."""
    accounts: dict[str, Decimal]
    """By account, the most first."""
    credits: list[Credit]
    """By due instant; they are in no ledger."""
    complete: bool
    """False: more tickets are active than were looked at."""


def listed(
    db: Database, *, states: Sequence[CreditState] = (), account: str | None = None, month: str | None = None,
    after: str = "", limit: int = 50,
) -> CreditList:  # fmt: skip
    """Return credits by id. Raises DatabaseDown."""
    with db.session() as session:
        found = rows.listed(
            session, states=[one.value for one in states], account=account, month=month, after=after, limit=limit + 1
        )
    return CreditList(credits=found[:limit], next=found[limit - 1].id if len(found) > limit else None)


def detail(db: Database, credit_id: str) -> CreditDetail:
    """Return a credit and what became of it. Raises Refused (`not_found`), DatabaseDown."""
    with db.session() as session:
        credit = rows.find(session, credit_id)
        acts = rows.acts_of(session, credit_id)
    if credit is None:
        raise _unknown(credit_id)
    known = [Act(at=one.at, state=CreditState(one.state), amount=one.amount, by=one.by, reason=one.reason)
            for one in acts]  # fmt: skip
    return CreditDetail(credit=credit, acts=known)


def approve(db: Database, rules: CreditsRow, credit_id: str, by: str, role: Role) -> Credit:
    """Approve a credit. The same person again changes nothing. Raises Refused, DatabaseDown."""
    with db.begin() as session:
        credit = _found(session, credit_id)
        if credit.state is CreditState.APPROVED and credit.approved_by == by:
            return credit
        held = rows.holders(session, credit.tickets)
        done = approved(credit, by, role, db.clock.now(), approvers=_roles(rules), holders=held)
        rows.save(session, done, by)
    return done


def call_off(db: Database, rules: CreditsRow, credit_id: str, by: str, role: Role, reason: str) -> Credit:
    """Void a credit with a reason, or reverse it where billing has it. Raises Refused, DatabaseDown."""
    with db.begin() as session:
        done = called_off(_found(session, credit_id), by, role, reason[:2000], approvers=_roles(rules))
        rows.save(session, done, by)
        rows.reckon(session, done.account, done.month)
    return done


def apply(db: Database, rules: CreditsRow, credit_id: str, by: str, role: Role) -> Credit:
    """Say that billing has an approved credit, where that is done by hand. Raises Refused, DatabaseDown."""
    if role not in _roles(rules) | {Role.FINANCE}:
        raise Refused("not_allowed", f"the role {role} may not apply credits: finance may")
    with db.begin() as session:
        done = applied(_found(session, credit_id))
        rows.save(session, done, by)
    return done


def send(db: Database, rules: CreditsRow, credit_id: str, role: Role) -> Credit:
    """Send billing an approved or reversed credit again, where that was given up, or billing was not set up then.

    Billing gets each credit under one id, however often this is asked for. Raises Refused, DatabaseDown.
    """
    if role not in _roles(rules) | {Role.FINANCE}:
        raise Refused("not_allowed", f"the role {role} may not send credits: finance may")
    with db.begin() as session:
        credit = _found(session, credit_id)
        step = {CreditState.APPROVED: billing.GRANT, CreditState.REVERSED: billing.TAKE_BACK}.get(credit.state)
        if step is None:
            raise Refused("does_not_fit", f"the credit is {credit.state}: there is nothing to send")
        if not billing.hand_over(session, credit.id, step):
            raise Refused("does_not_fit", "the relay's settings name no billing: set BILLING_URL")
        billing.send_again(session, credit.id)
    return credit


def _found(session: Any, credit_id: str) -> Credit:
    credit = rows.find_to_change(session, credit_id)
    if credit is None:
        raise _unknown(credit_id)
    return credit


def _unknown(credit_id: str) -> Refused:
    return Refused("not_found", f"there is no credit {credit_id[:60]!r}")


def _roles(rules: CreditsRow) -> frozenset[Role]:
    return frozenset(Role(one) for one in rules.approvers)


# -- If nobody acts ------------------------------------------------------------------------------------------


def exposure(db: Database, account: str | None = None, now: datetime | None = None) -> Exposure:
    """Return what the open contract clocks would cost if nobody acts, of one account or of all. Raises DatabaseDown."""
    with db.session() as session:
        active = rows.open_clocks(session, account, MOST_EXPOSED + 1)
        coming = [owed for row in active[:MOST_EXPOSED] for owed in _coming(session, row)]
        owed_already = rows.months_of(session, {(one.account, one.month) for one in coming})
        keys = rows.current_keys(session, {one.account for one in coming})
    coming = [one for one in coming if (one.account, one.metric, one.problem) not in keys]
    found = exposed(coming, owed_already)
    by_account: dict[str, Decimal] = {}
    for one in found:
        by_account[one.account] = by_account.get(one.account, Decimal(0)) + (one.amount or Decimal(0))
    return Exposure(
        at=now or datetime.now(UTC),
        total=sum(by_account.values(), Decimal(0)),
        unknown=sum(one.amount is None for one in found),
        accounts=dict(sorted(by_account.items(), key=lambda item: (-item[1], item[0]))),
        credits=found,
        complete=len(active) <= MOST_EXPOSED,
    )


def _coming(session: Any, row: Any) -> list[Owed]:
    terms = find_terms(session, row.terms)
    if not terms.plan.credit_percent:
        return []
    account = Account.model_validate(row.account)
    incident = IncidentLink.model_validate(row.incident) if row.incident else None
    problem = own_problem(Links(row.id, incident, None, None))
    return [
        Owed(
            ticket=row.id, account=account.id, metric=one.metric, problem=problem, due=one.due,
            month=f"{terms.calendar.local(one.due):%Y-%m}", percent=terms.plan.credit_percent, fee=month_fee(account),
        )
        for one in threats(_CLOCKS.validate_python(row.clocks or ()))
    ]  # fmt: skip


# -- Whether the ledger is right -----------------------------------------------------------------------------


class LedgerCheck(Frozen):
    """Where the ledger, the breaches and the tickets do not agree."""

    tickets: list[str]
    """Tickets whose breaches are not those of their clocks."""
    credits: list[str]
    """Account, metric and problem of credits that are owed and not in the ledger, or in it and not owed."""
    mended: bool

    @property
    def agrees(self) -> bool:
        """Return whether nothing differs."""
        return not (self.tickets or self.credits)


def check_if_due(db: Database, ops: OpsAlerts, every: timedelta = CHECKED_EVERY) -> LedgerCheck | None:
    """Check the ledger, unless a process has within `every`: then None is returned. Nothing is mended: what differs is
    a bug, or a ledger from before it was kept. Raises DatabaseDown."""
    with db.begin() as session:
        if not reconciliation.begin(session, every, reconciliation.CREDITS):
            return None
    return check(db, ops)


def check(db: Database, ops: OpsAlerts | None = None, *, mend: bool = False) -> LedgerCheck:
    """Compare the ledger with the contract breaches that stand, and these with the clocks of all tickets.

    `ops` are alerted of what differs, once a day. With `mend`, it is made anew. Raises DatabaseDown.
    """
    tickets: list[str] = []
    after: str | None = ""
    while after is not None:
        with db.session() as session:
            some, after = rows.tickets_that_differ(session, after, PART)
        tickets += some
    for ticket in tickets if mend else ():
        with db.begin() as session:
            if known := journal.load(session, ticket, lock=True):
                rows.update(session, known)
    with db.begin() as session:
        keys = rows.differing(session, MOST_DIFFERING)
        if mend:
            rows.follow_all(session, keys)
        found = LedgerCheck(tickets=tickets, credits=[" ".join(key) for key in keys], mended=mend)
        if ops and not found.agrees:
            message = f"credits: {len(tickets)} tickets and {len(keys)} credits differ: `tierline credit check --mend`"
            log.error("%s", message)
            ops.alert(session, f"credits:{db.clock.now():%Y-%m-%d}", message)
    return found
