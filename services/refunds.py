"""Refunds (F6) as lists, and what finance says of them. What is decided about one is a command to its ticket."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from domain.aggregate.command import LEADS
from domain.core.enums import Role
from domain.core.refusal import Refused
from domain.core.values import Frozen
from domain.policy.money import RefundsRow
from store import billing
from store import refunds as rows
from store.database import Database
from store.refunds import RefundLine, RefundState
from store.tables.credits import RefundRow


class RefundList(Frozen):
    """Part of a list of refunds."""

    refunds: list[RefundLine]
    next: int | None
    """The id after which the next page begins; None if this is the last."""


def listed(
    db: Database, *, states: Sequence[RefundState] = (), account: str | None = None, after: int = 0, limit: int = 50
) -> RefundList:
    """Return refunds in the order in which they were requested. Raises DatabaseDown."""
    with db.session() as session:
        found = rows.listed(session, states=states, account=account, after=after, limit=limit + 1)
    return RefundList(refunds=found[:limit], next=found[limit - 1].id if len(found) > limit else None)


def deciders(rules: RefundsRow) -> frozenset[Role]:
    """Return the roles that say of a refund that billing has it, or have it sent again."""
    return frozenset(Role(role) for role, amounts in rules.limits.items() if amounts) | LEADS | {Role.FINANCE}


def apply(db: Database, rules: RefundsRow, billing_id: str, by: str, role: Role) -> RefundLine:
    """Say that billing has an approved refund, where that is done by hand: then it is not sent. The same again changes
    nothing. Raises Refused, DatabaseDown."""
    _check_role(rules, role, "apply")
    with db.begin() as session:
        row = _found(session, billing_id)
        if row.state == RefundState.APPROVED:
            if billing.was_begun(session, billing_id):
                raise Refused("does_not_fit", "the refund is being sent to billing: its answer applies it")
            billing.call_back(session, billing_id)
            rows.accepted(session, billing_id, billing.GRANT, by)
        elif row.state != RefundState.APPLIED:
            raise Refused("does_not_fit", f"the refund is {row.state}")
        return rows.line_of(row)


def send(db: Database, rules: RefundsRow, billing_id: str, role: Role) -> RefundLine:
    """Send billing an approved or reversed refund again, where that was given up, or billing was not set up then.

    Billing gets each refund under one id, however often this is asked for. Raises Refused, DatabaseDown.
    """
    _check_role(rules, role, "send")
    with db.begin() as session:
        row = _found(session, billing_id)
        steps = {RefundState.APPROVED: billing.GRANT, RefundState.REVERSED: billing.TAKE_BACK}
        step = steps.get(RefundState(row.state))
        if step is None:
            raise Refused("does_not_fit", f"the refund is {row.state}: there is nothing to send")
        if not billing.hand_over(session, billing_id, step):
            raise Refused("does_not_fit", "the relay's settings name no billing: set BILLING_URL")
        billing.send_again(session, billing_id)
        return rows.line_of(row)


def _found(session: Session, billing_id: str) -> RefundRow:
    row = rows.find_to_change(session, billing_id)
    if row is None:
        raise Refused("not_found", f"there is no refund {billing_id[:60]!r} for billing: what is approved has an id")
    return row


def _check_role(rules: RefundsRow, role: Role, what: str) -> None:
    if role not in (may := deciders(rules)):
        raise Refused("not_allowed", f"the role {role} may not {what} refunds: {', '.join(sorted(may))} may")
