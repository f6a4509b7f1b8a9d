"""F2: a contract breach that stands is owed a credit, once for each account, metric and problem.

A problem is an incident, or a ticket with its duplicates. The credit is a share of the month's fee, in the month of the
due instant; all credits of a month are at most the whole fee. It is proposed, approved by a person who held none of its
tickets, and applied by billing. As soon as no breach of it stands any more (waived, withdrawn, joined to another
problem), it is voided, or reversed if billing has it already. Should one stand again, that is a new credit.

Everything here is a function of its arguments: amounts are decimal, and instants come from outside.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from typing import NamedTuple

from domain.core.enums import Metric, Role
from domain.core.refusal import Refused
from domain.core.text import has_text
from domain.core.values import Frozen, Instant
from domain.credits.breaches import Owed

CENT = Decimal("0.01")
WHOLE = Decimal(100)
"""Percent of a month's fee that the credits of the month are at most."""


class CreditState(StrEnum):
    """Where a credit stands."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    APPLIED = "applied"
    """Billing has accepted it."""
    VOIDED = "voided"
    """It ended before billing had it."""
    REVERSED = "reversed"
    """It ended after billing had it, or may have had it: billing is asked to take it back."""


OPEN = frozenset({CreditState.PROPOSED, CreditState.APPROVED, CreditState.APPLIED})
"""The states of a credit that is, or will be, the customer's."""


class Credit(Frozen):
    """One row of the ledger."""

    id: str
    account: str
    metric: Metric
    problem: str
    round: int
    """1; one more each time that a breach stands again after the credit had ended."""
    state: CreditState = CreditState.PROPOSED
    current: bool = True
    """Breaches of it stand. Also true of one that a person voided although they do."""
    month: str
    due: Instant
    tickets: tuple[str, ...]
    """The tickets whose breaches it stands for."""
    percent: Decimal
    """What the plan gives for one breach."""
    granted: Decimal = Decimal(0)
    """What is left of that under the month's limit."""
    fee: Decimal | None = None
    """The month's fee that the amount is a share of."""
    amount: Decimal | None = None
    """In the company's one currency, to the cent; None: no fee is known."""
    handed: bool = False
    """Billing has been sent it, or may have been."""
    approved_by: str | None = None
    approved_at: Instant | None = None
    ended_by: str | None = None
    """Who voided or reversed it; `tierline`: no breach of it stands."""
    reason: str = ""
    """Why it was voided or reversed."""


class Basis(NamedTuple):
    """What a credit is reckoned from: the earliest breach of its problem that is worth anything."""

    month: str
    due: datetime
    percent: Decimal
    fee: Decimal | None
    tickets: tuple[str, ...]


def basis_of(breaches: Iterable[Owed]) -> Basis | None:
    """Return what the breaches of one account, metric and problem are owed together; None if that is nothing."""
    worth = sorted((one for one in breaches if one.percent), key=lambda one: (one.due, one.ticket))
    if not worth:
        return None
    first = worth[0]
    tickets = tuple(sorted({one.ticket for one in worth}))
    return Basis(month=first.month, due=first.due, percent=first.percent, fee=first.fee, tickets=tickets)


def credit_id(account: str, metric: Metric, problem: str, round_: int) -> str:
    """Return the id of a credit: it is derived, so that the same breaches give the same id on every machine."""
    named = "\x1f".join((account, metric.value, problem))
    return f"credit-{hashlib.sha256(named.encode()).hexdigest()[:16]}-{round_}"


# -- Following the breaches ----------------------------------------------------------------------------------


def followed(account: str, metric: Metric, problem: str, latest: Credit | None, basis: Basis | None) -> Credit | None:
    """Return the credit as the breaches that stand would have it, given the latest one of its key.

    It equals `latest` where nothing changes. None: nothing is owed, and nothing ever was. An approval holds for what
    was approved: where month, percent or fee are others now, the credit is proposed again. What is applied stays as it
    is while any breach of it stands.
    """
    if basis is None:
        return None if latest is None else _ended(latest)
    facts = basis._asdict()
    if latest is None or not latest.current:
        round_ = latest.round + 1 if latest else 1
        return Credit(
            id=credit_id(account, metric, problem, round_),
            account=account, metric=metric, problem=problem, round=round_, **facts,
        )  # fmt: skip
    if latest.state is CreditState.PROPOSED:
        return latest.model_copy(update=facts)
    if latest.state is CreditState.APPROVED and not latest.handed:
        same = (latest.month, latest.percent) == (basis.month, basis.percent) and basis.fee in (None, latest.fee)
        return latest.model_copy(update={"tickets": basis.tickets} if same else facts | _PROPOSED_AGAIN)
    return latest.model_copy(update={"tickets": basis.tickets})


def _ended(latest: Credit) -> Credit:
    if not latest.current:
        return latest
    if latest.state not in OPEN:
        return latest.model_copy(update={"current": False})
    state = CreditState.REVERSED if latest.handed or latest.state is CreditState.APPLIED else CreditState.VOIDED
    why = {"state": state, "current": False, "ended_by": "tierline", "reason": "no breach of it stands any more"}
    return latest.model_copy(update=why)


def share_of_fee(fee: Decimal | None, percent: Decimal) -> Decimal | None:
    """Return so many percent of a month's fee, to the cent; None where no fee is known."""
    return None if fee is None else (fee * percent / WHOLE).quantize(CENT, ROUND_HALF_EVEN)


_PROPOSED_AGAIN = {"state": CreditState.PROPOSED, "approved_by": None, "approved_at": None}


def reckoned(credits: Sequence[Credit]) -> list[Credit]:
    """Return all credits of an account and month with what each is granted, in the order in which they were given.

    What billing has comes first and keeps its amount, then what is approved, in the order of the approvals, then what
    is proposed, by due instant. Each gets its percent, or what the others leave of the whole fee. An approved one whose
    amount would be another is proposed again. What was ended is granted nothing.
    """
    left, found = WHOLE, {}
    for one in sorted(credits, key=_rank):
        if one.state not in OPEN:
            found[one.id] = one
            continue
        if one.handed or one.state is CreditState.APPLIED:
            left -= one.granted
            found[one.id] = one
            continue
        granted = min(one.percent, max(left, Decimal(0)))
        amount = share_of_fee(one.fee, granted)
        changed = one.model_copy(update={"granted": granted, "amount": amount})
        if one.state is CreditState.APPROVED and (granted, amount) != (one.granted, one.amount):
            changed = changed.model_copy(update=_PROPOSED_AGAIN)
        left -= granted
        found[one.id] = changed
    return [found[one.id] for one in credits]


def _rank(credit: Credit) -> tuple[int, datetime, str]:
    if credit.handed or credit.state is CreditState.APPLIED:
        return 0, credit.due, credit.id
    if credit.state is CreditState.APPROVED and credit.approved_at:
        return 1, credit.approved_at, credit.id
    return 2, credit.due, credit.id


# -- What people decide --------------------------------------------------------------------------------------


def approved(
    credit: Credit, by: str, role: Role, at: datetime, *, approvers: Collection[Role], holders: Collection[str]
) -> Credit:
    """Return the credit, approved by a person. `holders` are all who ever held one of its tickets.

    Raises Refused: `not_allowed` for another role and for who held a ticket of it, `does_not_fit` for a credit that is
    not proposed or has no amount.
    """
    _check_role(role, approvers, "approve credits")
    if by in holders:
        raise Refused("not_allowed", f"{by} held a ticket of this credit: somebody who did not must approve it")
    if credit.state is not CreditState.PROPOSED:
        raise Refused("does_not_fit", f"the credit is {credit.state}: only a proposed one is approved")
    if credit.amount is None:
        raise Refused("does_not_fit", f"no fee or revenue of {credit.account} is known: import it first")
    return credit.model_copy(update={"state": CreditState.APPROVED, "approved_by": by, "approved_at": at})


def applied(credit: Credit) -> Credit:
    """Return the credit, which billing has accepted. One that was ended meanwhile stays as it is: its reversal follows.

    Raises Refused (`does_not_fit`) for one that nobody has approved.
    """
    match credit.state:
        case CreditState.APPROVED:
            return credit.model_copy(update={"state": CreditState.APPLIED, "handed": True})
        case CreditState.APPLIED | CreditState.REVERSED:
            return credit
    raise Refused("does_not_fit", f"the credit is {credit.state}: it must be approved first")


def called_off(credit: Credit, by: str, role: Role, reason: str, *, approvers: Collection[Role]) -> Credit:
    """Return the credit, voided by a person with a reason; reversed, if billing has it or may have it.

    Raises Refused: `not_allowed`, `missing_fields`, `does_not_fit` for one that has ended.
    """
    _check_role(role, approvers, "void credits")
    if not has_text(reason):
        raise Refused("missing_fields", "say why: the reason stands in the ledger", missing=["reason"])
    if credit.state not in OPEN:
        raise Refused("does_not_fit", f"the credit is {credit.state} already")
    has_it = credit.handed or credit.state is CreditState.APPLIED
    state = CreditState.REVERSED if has_it else CreditState.VOIDED
    return credit.model_copy(update={"state": state, "ended_by": by, "reason": reason.strip()})


def _check_role(role: Role, approvers: Collection[Role], what: str) -> None:
    if role not in approvers:
        raise Refused("not_allowed", f"the role {role} may not {what}: {', '.join(sorted(approvers))} may")
