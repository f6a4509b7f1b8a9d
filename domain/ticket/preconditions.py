"""Which command fits which state: the answer to "not now" is always what would fit instead."""

from collections.abc import Callable

from domain.core.enums import Side, Status, Tier
from domain.core.refusal import Code, Refused
from domain.ticket.rules.escalation import engineering_for
from domain.ticket.state import ACTIVE, Ticket

Reason = str | None
"""Why it does not fit, or None if it does."""


def _active(ticket: Ticket) -> Reason:
    return None if ticket.status in ACTIVE else f"the ticket is {ticket.status}"


def _open(ticket: Ticket) -> Reason:
    return "the ticket is closed" if ticket.closed else None


def _anytime(_: Ticket) -> Reason:
    return None


def _step(ticket: Ticket) -> Reason:
    """G2: no more steps once the limit is reached."""
    if reason := _active(ticket) or _over_limit(ticket):
        return reason
    if ticket.tier is Tier.T1 and ticket.assignee is None:
        return "nobody has taken it: take it first"
    return None


def _over_limit(ticket: Ticket) -> Reason:
    """G2: what is left to do past the limit. On Free nobody escalates."""
    if not ticket.escalation_due:
        return None
    ways = "complete the package, escalate or resolve" if ticket.terms.plan.paid else "answer, resolve or refer it"
    return f"the Tier 1 limit is reached: {ways}"


def _wait(ticket: Ticket) -> Reason:
    """C6; G2: past the limit, waiting is no way out."""
    if ticket.status is Status.PENDING:
        return "it waits on the customer already"
    return _active(ticket) or _over_limit(ticket)


def _escalate(ticket: Ticket) -> Reason:
    """G5: from Tier 3 only what was lowered there, and asks for a bug now instead of an incident."""
    there = ticket.tier is Tier.T3 and engineering_for(ticket) in ("incident", "linked")
    return "it is in Tier 3 already" if there else _active(ticket)


def _return(ticket: Ticket) -> Reason:
    return "there is no tier below Tier 1" if ticket.tier is Tier.T1 else _active(ticket)


def _refer(ticket: Ticket) -> Reason:
    """G2, G7: the community is where Free goes."""
    return "only a Free ticket is referred to the community" if ticket.terms.plan.paid else _active(ticket)


def _resolved(ticket: Ticket) -> Reason:
    return None if ticket.status is Status.RESOLVED else f"the ticket is {ticket.status}, not resolved"


def _over(ticket: Ticket) -> Reason:
    done = ticket.status in (Status.RESOLVED, Status.CLOSED)
    return None if done else f"the ticket is {ticket.status}: it is rated once it is resolved"


def _waive(ticket: Ticket) -> Reason:
    stands = any(c.side is Side.CONTRACT and c.breach and c.breach.standing == "stands" for c in ticket.clocks)
    return None if stands else "no breach of the contract stands"


def _tell_engineering(ticket: Ticket) -> Reason:
    if reason := _open(ticket):
        return reason
    if ticket.jira is None:
        return "it has no issue in Jira"
    return f"its issue {ticket.jira.key} is gone from Jira" if ticket.jira.category == "gone" else None


def _retry(ticket: Ticket) -> Reason:
    return None if any(effect.failed for effect in ticket.undone) else "nothing was refused"


FITS: dict[str, Callable[[Ticket], Reason]] = {
    "take": _active,
    "respond": _open,
    "note": _open,
    "step": _step,
    "attach": _open,
    "fill": _open,
    "wait": _wait,
    "reply": _open,
    "escalate": _escalate,
    "return": _return,
    "refer": _refer,
    "resolve": _active,
    "reopen": _resolved,
    "close": _resolved,
    "prioritise": _active,
    "amend": _open,
    "tell_engineering": _tell_engineering,
    "waive": _waive,
    "retry": _retry,
    "replace_terms": _open,
    "rate": _over,
    "jira_changed": _anytime,
    "incident_changed": _anytime,
    "effect_done": _anytime,
    "effect_failed": _anytime,
    "match_account": _open,
}


def would_fit(ticket: Ticket) -> list[str]:
    """The commands that the state of the ticket takes, in the order of their definition."""
    internal = ("match_account", "jira_changed", "incident_changed", "effect_done", "effect_failed")
    return [name for name, why_not in FITS.items() if name not in internal and why_not(ticket) is None]


def check_fit(ticket: Ticket, name: str) -> None:
    """Raise Refused if `name` does not fit the state of the ticket."""
    if reason := FITS[name](ticket):
        code: Code = "closed" if ticket.closed else "does_not_fit"
        raise Refused(code, f"{name} does not fit: {reason}", would_fit=would_fit(ticket))
