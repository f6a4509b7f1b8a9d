"""The refunds of tickets (F6), kept with the journal, and what billing has of them.

What people decided is written in the transaction of the ticket's events, and so is the hand-over to billing. Its id is
made of the event that approved the refund: the same event, recorded again after a restore, has the same id, and an
approval that took the place of another one in a reset workflow has another.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from domain.core.values import Frozen, Instant
from domain.ticket.events import RefundApproved
from domain.ticket.state import Refund, Ticket
from store import billing
from store.tables.credits import RefundRow
from store.tables.journal import EventRow

PREFIX = "refund-"
"""How the ids begin under which billing gets refunds."""
_APPROVED = RefundApproved.model_fields["type"].default


class RefundState(StrEnum):
    """Where a refund stands."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    APPLIED = "applied"
    """Billing has accepted it."""
    REVERSED = "reversed"
    """A reset of the ticket's workflow took its approval back: billing is told, where it has it or may have it."""


class RefundLine(Frozen):
    """A refund, as lists show it."""

    id: int
    ticket: str
    number: int
    """Its number on the ticket."""
    state: RefundState
    account: str
    amount: Decimal
    """With all digits of its currency; in JSON as text."""
    currency: str
    reason: str
    requested_by: str
    requested_at: Instant
    decided_by: str | None
    decided_at: Instant | None
    billing_id: str | None
    """Under which billing gets it, from its approval on."""
    applied_by: str | None
    applied_at: Instant | None
    reversed_at: Instant | None


def line_of(row: RefundRow) -> RefundLine:
    """Return the refund of a row."""
    values: dict[str, Any] = {name: getattr(row, name) for name in RefundLine.model_fields if name != "ticket"}
    return RefundLine.model_validate(values | {"ticket": row.ticket_id})


# -- Written with the journal --------------------------------------------------------------------------------


def follow(session: Session, ticket: Ticket, *, write: bool = True) -> Sequence[str]:
    """Make the rows of a ticket's refunds as the ticket has them, and hand over what has been approved. Its events are
    recorded already, and its row is locked.

    Returns the names of the tables that were not so. With `write` off, nothing is changed.
    """
    rows = {row.number: row for row in _of_ticket(session, ticket.id, lock=write)}
    ids = _approvals(session, ticket.id) if rows or ticket.refunds else {}
    wanted = {one.number: _values(ticket, one, ids.get(one.number)) for one in ticket.refunds}
    differ = [number for number in {*rows, *wanted} if _differs(rows.get(number), wanted.get(number))]
    for number in sorted(differ) if write else ():
        row, values = rows.get(number), wanted.get(number)
        if row is not None and row.billing_id and (values is None or values["billing_id"] != row.billing_id):
            row = _taken_back(session, row)
        _put(session, row, values)
    return ["refunds"] if differ else []


def _values(ticket: Ticket, refund: Refund, billing_id: str | None) -> dict[str, Any]:
    return {
        "ticket_id": ticket.id, "number": refund.number, "current": True, "state": refund.state,
        "account": ticket.account.id, "amount": refund.amount, "currency": refund.currency, "reason": refund.reason,
        "requested_by": refund.by, "requested_at": refund.since,
        "decided_by": refund.decided_by, "decided_at": refund.decided_at, "billing_id": billing_id,
    }  # fmt: skip


def _differs(row: RefundRow | None, values: dict[str, Any] | None) -> bool:
    """Return whether a row is another than the ticket has it. What was approved keeps the account that it was for; and
    what billing has is approved."""
    if row is None or values is None:
        return True
    if row.billing_id and row.billing_id == values["billing_id"]:
        return False
    return any(getattr(row, name) != value for name, value in values.items())


def _put(session: Session, row: RefundRow | None, values: dict[str, Any] | None) -> None:
    if values is None:
        if row is not None:
            session.delete(row)
    elif row is None:
        session.add(RefundRow(**values))
    else:
        for name, value in values.items():
            setattr(row, name, value)
    session.flush()
    if values and values["billing_id"]:
        billing.hand_over(session, values["billing_id"], billing.GRANT)


def _taken_back(session: Session, row: RefundRow) -> RefundRow | None:
    """Take back an approval that the ticket does not have any more. Returns the row if billing never had it: then it
    is free; None: it stays as it is for good."""
    assert row.billing_id
    if row.state != RefundState.APPLIED and not billing.was_begun(session, row.billing_id):
        billing.call_back(session, row.billing_id)
        return row
    row.state, row.current, row.reversed_at = RefundState.REVERSED.value, False, session.scalar(select(func.now()))
    session.flush()
    billing.hand_over(session, row.billing_id, billing.TAKE_BACK)
    return None


def _approvals(session: Session, ticket_id: str) -> dict[int, str]:
    """Return the approvals that stand on a ticket: the refund's number, and the id under which billing gets it."""
    mine = (EventRow.ticket_id == ticket_id, EventRow.type == _APPROVED, ~EventRow.superseded)
    rows = session.execute(select(EventRow.body["refund"].as_integer(), EventRow.digest).where(*mine))
    return {number: f"{PREFIX}{ticket_id}-{number}-{digest[:12]}" for number, digest in rows}


def _of_ticket(session: Session, ticket_id: str, *, lock: bool = False) -> Sequence[RefundRow]:
    query = select(RefundRow).where(RefundRow.ticket_id == ticket_id, RefundRow.current).order_by(RefundRow.number)
    query = query.execution_options(populate_existing=True)
    return session.scalars(query.with_for_update() if lock else query).all()


# -- What billing has ----------------------------------------------------------------------------------------


def accepted(session: Session, billing_id: str, step: int, by: str = billing.BILLING) -> None:
    """Note that billing has accepted a step of a refund: what was approved is applied."""
    row = find_to_change(session, billing_id)
    if row is not None and step == billing.GRANT and row.state == RefundState.APPROVED:
        row.state, row.applied_by, row.applied_at = RefundState.APPLIED.value, by, session.scalar(select(func.now()))
        session.flush()


def find(session: Session, billing_id: str) -> RefundLine | None:
    """Return the refund that billing gets under an id."""
    row = session.scalars(select(RefundRow).where(RefundRow.billing_id == billing_id)).one_or_none()
    return line_of(row) if row else None


def find_to_change(session: Session, billing_id: str) -> RefundRow | None:
    """Return the refund that billing gets under an id; nobody else changes it until the transaction ends."""
    query = select(RefundRow).where(RefundRow.billing_id == billing_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


# -- Looking -------------------------------------------------------------------------------------------------


def of_ticket(session: Session, ticket_id: str) -> list[RefundLine]:
    """Return the refunds of a ticket, by their numbers."""
    return [line_of(row) for row in _of_ticket(session, ticket_id)]


def of_month(session: Session, account: str, since: datetime, until: datetime) -> list[RefundLine]:
    """Return the refunds of an account that were approved in a span, and stand."""
    granted = RefundRow.state.in_([RefundState.APPROVED.value, RefundState.APPLIED.value])
    within = (RefundRow.account == account, RefundRow.decided_at >= since, RefundRow.decided_at < until, granted)
    rows = session.scalars(select(RefundRow).where(*within).order_by(RefundRow.decided_at, RefundRow.id))
    return [line_of(row) for row in rows]


def listed(
    session: Session, *, states: Sequence[RefundState], account: str | None, after: int, limit: int
) -> list[RefundLine]:
    """Return refunds in the order in which they were requested; `after` is the last one of the page before."""
    where: list[ColumnElement[bool]] = [RefundRow.id > after]
    if states:
        where.append(RefundRow.state.in_([one.value for one in states]))
    if account is not None:
        where.append(RefundRow.account == account)
    return [
        line_of(row) for row in session.scalars(select(RefundRow).where(*where).order_by(RefundRow.id).limit(limit))
    ]
