"""A forecast of an open ticket as an object: what comes if nobody acts, and what one act would change of it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from domain.calendars.calendar import CalendarError
from domain.core.enums import Plan, Priority, Role, Side
from domain.core.refusal import Refused
from domain.credits.breaches import month_fee
from domain.credits.credit import share_of_fee
from domain.policy.policy import Policy
from domain.ticket import commands as c
from domain.ticket.events import Lapsed, Prioritised, Warned
from domain.ticket.forecast import Difference, Foreseen, differences, if_nobody_acts
from domain.ticket.state import Account, Ticket
from services.policy_file.load import resolve_terms
from services.reading.instants import iso
from services.reading.timeline import summary_of

LONGEST_DAYS = 90
ASSUMED = (
    "nobody acts on the ticket, and the customer writes nothing",
    "the issue tracker and the pager answer at once",
    "support hours and holidays are those that the ticket was promised in",
)
"""What every forecast takes for granted."""


class Ask(BaseModel):
    """How far to look ahead, and what is supposed to be done first: at most one thing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seq: Annotated[int, Field(ge=0, le=10**9, description="Show nothing older than this event of the ticket.")] = 0
    days: Annotated[int, Field(ge=1, le=LONGEST_DAYS, description="How many days to look ahead.")] = 7
    priority: Annotated[Priority | None, Field(description="Suppose that the priority is changed now.")] = None
    plan: Annotated[Plan | None, Field(description="Suppose that the account changes to this plan now.")] = None
    replied: Annotated[bool, Field(description="Suppose that the customer answers now: the waiting ends.")] = False


def forecast(policy: Policy, ticket: Ticket, ask: Ask, now: datetime | None = None) -> dict[str, Any]:
    """Return what comes of the ticket, and under a supposition what that changes. Nothing is recorded.

    Instants are ISO 8601 in UTC. Raises Refused where what is supposed would be refused, or where more than one thing
    is supposed.
    """
    now = now or datetime.now(UTC)
    until = now + timedelta(days=ask.days)
    coming = if_nobody_acts(ticket, now, until)
    command = _supposed(policy, ticket, ask, now)
    then = if_nobody_acts(ticket, now, until, command) if command else None
    return {
        "ticket": ticket.id,
        "now": iso(now),
        "until": iso(until),
        "assumed": list(ASSUMED),
        "supposed": ask.model_dump(mode="json", exclude={"days", "seq"}),
        "coming": [_as_object(one) for one in coming],
        "coming_then": None if then is None else [_as_object(one) for one in then],
        "changes": [] if then is None else [_change(one) for one in differences(coming, then)],
    }


def _supposed(policy: Policy, ticket: Ticket, ask: Ask, now: datetime) -> c.Command | None:
    """Return the command that is supposed to be given; None if nothing is. Raises Refused."""
    payloads = _payloads(policy, ticket, ask, now)
    if len(payloads) > 1:
        raise Refused("malformed", "suppose one thing at a time: a priority, a plan, or an answer of the customer")
    if ask.replied and not any(suspension.end is None for suspension in ticket.suspensions):
        raise Refused("does_not_fit", "the ticket does not wait on the customer")
    return c.parse(payloads[0]) if payloads else None


def _payloads(policy: Policy, ticket: Ticket, ask: Ask, now: datetime) -> Sequence[dict[str, Any]]:
    lead = {"by": "forecast", "role": Role.LEAD, "reason": "supposed by a forecast"}
    payloads: list[dict[str, Any]] = []
    if ask.priority is not None:
        payloads.append({"do": "prioritise", "priority": ask.priority, **lead})
    if ask.plan is not None:
        account = ticket.account.model_copy(update={"plan": ask.plan})
        payloads.append({"do": "replace_terms", **_terms(policy, account, now), **lead})
    if ask.replied:
        reply = {"do": "reply", "by": "customer", "role": Role.CUSTOMER, "text": "supposed by a forecast"}
        payloads.append(reply)
    return payloads


def _terms(policy: Policy, account: Account, now: datetime) -> dict[str, Any]:
    try:
        terms = resolve_terms(policy, account, now)
    except CalendarError as error:
        raise Refused("malformed", str(error), fields={"account": str(error)}) from None
    return {"terms": terms.model_dump(mode="json"), "account": account.model_dump(mode="json")}


def _as_object(one: Foreseen) -> dict[str, Any]:
    return {
        "at": iso(one.at),
        "type": one.event.body.type,
        "what": _what(one),
        "notified": [
            {"notice": notice.name, "audience": notice.audience, "recipient": notice.recipient}
            for notice in one.notices
        ],
        "starts": list(one.starts),
        "repeated_until": iso(one.until),
        "credit": _credit(one),
    }


def _what(one: Foreseen) -> str:
    """Return what comes, in a few words: as on the timeline, but not as something that has happened."""
    body = one.event.body
    if isinstance(body, Lapsed):
        return f"{body.side} {body.metric.replace('_', ' ')} is missed ({body.cell})"
    if isinstance(body, Warned):
        shares = (f"{metric.replace('_', ' ')} {share} %" for metric, share in body.shares.items())
        return f"warning: {', '.join(shares)}"
    if isinstance(body, Prioritised):  # the dues that follow are entries of their own
        return f"priority from {body.old} to {body.new}"
    return summary_of(body)


def _credit(one: Foreseen) -> dict[str, Any] | None:
    """Return what a breach of the contract is owed at most (F2): the plan's share of a month's fee, and the amount
    where the fee or the revenue of the account is known."""
    body, account, percent = one.event.body, one.after.account, one.after.terms.plan.credit_percent
    if not isinstance(body, Lapsed) or body.side is not Side.CONTRACT or not percent:
        return None
    amount = share_of_fee(month_fee(account), percent)
    return {"percent": f"{percent.normalize():f}", "amount": None if amount is None else str(amount)}


def _change(one: Difference) -> dict[str, Any]:
    shown = one.after or one.before
    assert shown is not None
    kind, *rest = one.about
    what = f"warning: {rest[0].replace('_', ' ')} {rest[1]} %" if kind == "warned" else _what(shown)
    before, after = (iso(side.at) if side else None for side in (one.before, one.after))
    return {"type": kind, "what": what, "before": before, "after": after}
