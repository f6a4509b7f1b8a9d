"""F6: refunds. On billing tickets, money that the customer gets back: requested, approved by somebody else, handed on.

A refund has an amount, a currency and one of the policy's reasons. Whoever approves it is named, is not who requested
it, and has a role whose limit it is within; the limit is for all refunds of a ticket together, so that nobody gets past
it in parts. An approval is final: billing gets it once. A refund that waits outlives the closing of its ticket.

Limits are part of the ticket's terms. A ticket from before there were any has none, and nothing is refunded on it until
it is given the terms of today.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import Field as Bounded

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import LEADS, STAFF, Command
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import Notified, On, Reason, Rule
from domain.core.enums import Role
from domain.core.input_types import Short, Text
from domain.core.money import amount_of, currency_of, in_words
from domain.core.refusal import Refused
from domain.core.values import Frozen
from domain.ticket.rules.basics import needed, not_closed
from domain.ticket.state import Refund, Ticket

MOST = 20
"""Refunds of one ticket, those that came to nothing as well."""
REQUESTERS = STAFF | {Role.CSM, Role.FINANCE}
DECIDERS = frozenset({Role.AGENT, Role.LEAD, Role.OPS, Role.ADMIN, Role.CSM, Role.FINANCE})
"""The roles that the policy may give a limit."""
NOBODY = "unknown"
"""How a command calls somebody who has not said who they are."""
Number = Annotated[int, Bounded(ge=1, le=MOST)]
Read = TypeVar("Read")


class RequestRefund(Command):
    """Request a refund for the customer of a billing ticket. Somebody else approves it."""

    do: Literal["request_refund"] = "request_refund"
    who: ClassVar[frozenset[Role]] = REQUESTERS
    amount: Short = ""
    """Decimal, as text: 12.50."""
    currency: Short = ""
    reason: Short = ""
    """One of the policy's list."""
    text: Text = ""
    """What else the approver should know."""


class RefundRequested(Frozen):
    """A refund was requested, and waits for approval (F6)."""

    type: Literal["refund_requested"] = "refund_requested"
    refund: int
    amount: Decimal
    currency: str
    reason: str


class ApproveRefund(Command):
    """Approve a refund that somebody else requested: it goes to billing, and that is final."""

    do: Literal["approve_refund"] = "approve_refund"
    who: ClassVar[frozenset[Role]] = DECIDERS
    refund: Number | None = None
    """Its number. Without it, the only one that waits."""


class RefundApproved(Frozen):
    """A named person has approved a refund, and billing is to have it (F6)."""

    type: Literal["refund_approved"] = "refund_approved"
    refund: int
    amount: Decimal
    currency: str
    reason: str
    asker: str
    """Who requested it."""


class RefuseRefund(Command):
    """Refuse a refund that somebody else requested, and say why."""

    do: Literal["refuse_refund"] = "refuse_refund"
    who: ClassVar[frozenset[Role]] = DECIDERS
    refund: Number | None = None
    text: Text = ""


class RefundRefused(Frozen):
    """A refund was refused (F6)."""

    type: Literal["refund_refused"] = "refund_refused"
    refund: int
    asker: str


class WithdrawRefund(Command):
    """Withdraw a refund that you have requested, before it is approved. A lead may withdraw any."""

    do: Literal["withdraw_refund"] = "withdraw_refund"
    who: ClassVar[frozenset[Role]] = REQUESTERS
    refund: Number | None = None
    text: Text = ""


class RefundWithdrawn(Frozen):
    """A refund was withdrawn before anybody approved it (F6)."""

    type: Literal["refund_withdrawn"] = "refund_withdrawn"
    refund: int


# -- What fits -------------------------------------------------------------------------------------------------


def _is_of_billing(ticket: Ticket) -> Reason:
    categories = ticket.terms.refunds.categories
    if ticket.category in categories:
        return None
    return f"the ticket is about {ticket.category}: refunds are for {', '.join(categories)}"


def _may_request(ticket: Ticket) -> Reason:
    if reason := not_closed(ticket) or _is_of_billing(ticket):
        return reason
    return None if ticket.terms.refunds.limits else "the terms give no role a limit: ask a lead for replace_terms"


def waiting(ticket: Ticket) -> list[Refund]:
    """Return the refunds that wait for approval, the oldest first."""
    return [one for one in ticket.refunds if one.state == "requested"]


def _one_waits(ticket: Ticket) -> Reason:
    return None if waiting(ticket) else "no refund waits for approval"


def _may_approve(ticket: Ticket) -> Reason:
    """Let an approval fit also after closing: who asked for the money is still owed an answer."""
    if reason := _one_waits(ticket) or _is_of_billing(ticket):
        return reason
    return "the ticket was discarded: it was deleted or marked as spam" if ticket.discarded else None


# -- Decisions -------------------------------------------------------------------------------------------------


def _request(recording: Recording[Ticket], command: RequestRefund) -> None:
    ticket, refunds = recording.state, recording.state.terms.refunds
    needed(amount=command.amount, currency=command.currency, reason=command.reason)
    _check_named(command)
    currency = _read("currency", command.currency, currency_of)
    amount = _read("amount", command.amount, lambda text: amount_of(text, currency))
    limits = {role: amounts[currency] for role, amounts in refunds.limits.items() if currency in amounts}
    if not limits:
        known = sorted({name for amounts in refunds.limits.values() for name in amounts})
        raise _wrong("currency", f"no role has a limit in {currency}, only in {', '.join(known)}")
    reason = command.reason.strip().lower().replace(" ", "_").replace("-", "_")
    if reason not in refunds.reasons:
        raise _wrong("reason", f"{command.reason[:40]!r} is no reason of the policy: {', '.join(refunds.reasons)}")
    if len(ticket.refunds) >= MOST:
        raise Refused("does_not_fit", f"the ticket had {MOST} refunds, which is the most: open another one")
    others = _sum(ticket, currency, "requested", "approved")
    if others + amount > max(limits.values()):
        raise _above(ticket, amount, currency, others, "nobody may approve that")
    body = RefundRequested(refund=len(ticket.refunds) + 1, amount=amount, currency=currency, reason=reason)
    recording.record(body, texts={"text": command.text})


def _approve(recording: Recording[Ticket], command: ApproveRefund) -> None:
    ticket = recording.state
    refund = _chosen(ticket, command.refund)
    _check_decider(ticket, refund, command)
    approved = _sum(ticket, refund.currency, "approved")
    limit = ticket.terms.refunds.limits[command.role][refund.currency]
    if approved + refund.amount > limit:
        raise _above(ticket, refund.amount, refund.currency, approved, f"the role {command.role} may not approve that")
    body = RefundApproved(
        refund=refund.number, amount=refund.amount, currency=refund.currency, reason=refund.reason, asker=refund.by
    )
    recording.record(body)


def _refuse(recording: Recording[Ticket], command: RefuseRefund) -> None:
    texts = needed(text=command.text)
    refund = _chosen(recording.state, command.refund)
    _check_decider(recording.state, refund, command)
    recording.record(RefundRefused(refund=refund.number, asker=refund.by), texts=texts)


def _withdraw(recording: Recording[Ticket], command: WithdrawRefund) -> None:
    refund = _chosen(recording.state, command.refund)
    if not _same_person(command.by, refund.by) and command.role not in LEADS:
        raise Refused("not_allowed", f"{refund.by} requested it: they withdraw it, or {', '.join(sorted(LEADS))}")
    recording.record(RefundWithdrawn(refund=refund.number), texts={"text": command.text})


def _chosen(ticket: Ticket, number: int | None) -> Refund:
    found = waiting(ticket)
    numbers = ", ".join(str(one.number) for one in found)
    if number is None and len(found) > 1:
        raise Refused("missing_fields", f"say which refund: {numbers} wait", missing=["refund"])
    chosen = [one for one in found if number in (None, one.number)]
    if not chosen:
        raise Refused("does_not_fit", f"refund {number} does not wait for approval: {numbers} does")
    return chosen[0]


def _check_decider(ticket: Ticket, refund: Refund, command: Command) -> None:
    """Raise Refused unless a command is of a named person who has not requested the refund, in a role with a limit."""
    _check_named(command)
    deciders = sorted(role for role, amounts in ticket.terms.refunds.limits.items() if refund.currency in amounts)
    if _same_person(command.by, refund.by):
        others = f"somebody else decides about it: {', '.join(deciders) or 'nobody has a limit'}"
        raise Refused("own_refund", f"{command.by} requested refund {refund.number}: {others}")
    if command.role not in deciders:
        who = f"{', '.join(deciders)} may" if deciders else "nobody may, by the terms of this ticket"
        raise Refused("refund_limit", f"the role {command.role} has no limit in {refund.currency}: {who}")


def _check_named(command: Command) -> None:
    if command.by == NOBODY:
        raise Refused("missing_fields", "say who you are: a refund names who requested and who approved it",
                      missing=["by"])  # fmt: skip


def _same_person(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def _sum(ticket: Ticket, currency: str, *states: str) -> Decimal:
    amounts = (one.amount for one in ticket.refunds if one.currency == currency and one.state in states)
    return sum(amounts, Decimal(0))


def _above(ticket: Ticket, amount: Decimal, currency: str, others: Decimal, why: str) -> Refused:
    """Make the refusal of an amount that is too high, and say how much each role may approve."""
    limits = ((role, amounts.get(currency)) for role, amounts in ticket.terms.refunds.limits.items())
    listed = ", ".join(f"{role} up to {limit:,f}" for role, limit in sorted(limits) if limit)
    beside = f" beside {in_words(others, currency)}" if others else ""
    return Refused("refund_limit", f"{in_words(amount, currency)}{beside} on one ticket: {why}; {listed}")


def _read(field: str, text: str, read: Callable[[str], Read]) -> Read:
    try:
        return read(text)
    except ValueError as error:
        raise _wrong(field, str(error)) from None


def _wrong(field: str, message: str) -> Refused:
    return Refused("malformed", message, fields={field: message})


# -- What follows ----------------------------------------------------------------------------------------------


def _requested(ticket: Ticket, event: Envelope, body: RefundRequested) -> Changes:
    refund = Refund(
        number=body.refund, amount=body.amount, currency=body.currency, reason=body.reason,
        by=event.actor.id, since=event.at,
    )  # fmt: skip
    return {"refunds": (*ticket.refunds, refund)}


def _decided(state: Literal["approved", "refused", "withdrawn"]) -> Callable[[Ticket, Envelope, Any], Changes]:
    def decided(ticket: Ticket, event: Envelope, body: Any) -> Changes:
        change = {"state": state, "decided_by": event.actor.id, "decided_at": event.at}
        refunds = (one.model_copy(update=change) if one.number == body.refund else one for one in ticket.refunds)
        return {"refunds": tuple(refunds)}

    return decided


def _notify_requested(_ticket: Ticket, _event: Envelope, body: RefundRequested) -> Notified:
    return "refund_requested", f"Refund {body.refund} of {in_words(body.amount, body.currency)} waits for approval"


RULE = Rule[Ticket](
    commands={
        RequestRefund: On(_request, _may_request),
        ApproveRefund: On(_approve, _may_approve),
        RefuseRefund: On(_refuse, _one_waits),
        WithdrawRefund: On(_withdraw, _one_waits),
    },
    events={
        RefundRequested: _requested,
        RefundApproved: _decided("approved"),
        RefundRefused: _decided("refused"),
        RefundWithdrawn: _decided("withdrawn"),
    },
    notices={
        RefundRequested: _notify_requested,
        RefundApproved: lambda _ticket, _event, body: ("refund_decided", f"Refund {body.refund} is approved"),
        RefundRefused: lambda _ticket, _event, body: ("refund_decided", f"Refund {body.refund} is refused"),
    },
)
