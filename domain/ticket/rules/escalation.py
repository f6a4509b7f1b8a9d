"""G5, G6, G7: the ways up. Who may go where, and how engineering gets the problem.

The hand-off itself; the command `escalate` is in `handing_over`.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.deadline import Deadline
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import Lapse, Rule
from domain.clocks.terms import Terms
from domain.core.actor import SYSTEM
from domain.core.enums import Plan, Priority, Status, Tier
from domain.core.refusal import Refused
from domain.core.values import Frozen, Instant
from domain.ticket.deadline_kinds import Kind
from domain.ticket.effect_kinds import ISSUE, ForIssue, JoinsIncident, MakesIssue
from domain.ticket.rules.basics import effect_of, issue_marked
from domain.ticket.rules.gates import is_request, missing
from domain.ticket.rules.pending_effects import EffectRetried
from domain.ticket.rules.routing import reroute
from domain.ticket.rules.suspension import WaitEnded
from domain.ticket.state import (
    ACTIVE,
    Debt,
    Effect,
    Escalator,
    Route,
    Ticket,
)

How = Literal["by_hand", "at_limit", "completed", "forced", "critical", "reopened"]


Engineering = Literal[ForIssue, JoinsIncident, "linked"]


ABOVE = {Tier.T1: Tier.T2, Tier.T2: Tier.T3}


INCIDENT: tuple[JoinsIncident, ...] = ("incident", "incident_own")
"""The effects by which a ticket that is escalated gets an incident."""


class Escalated(Frozen):
    """Handed up a tier, with a complete package unless `forced` or in `debt`."""

    type: Literal["escalated"] = "escalated"
    frm: Tier
    to: Tier
    how: Literal["by_hand", "at_limit", "completed", "forced", "critical", "reopened"]
    """`at_limit` and `completed` are automatic (G2), `critical` is a P0 that skips the tiers (G6); `reopened` is
    engineering's, which has its issue open again."""
    over_limit: bool = False
    to_engineering: Engineering | None = None
    """G5: how engineering gets it. `linked` reuses the ticket's own issue that is still open, `jira_link` one that is
    there already."""
    issue: str = ""
    """Of a `jira_link`: the issue that a person chose."""
    debt_due: Instant | None = None
    route: Route | None = None
    """G10: whose it is in the new tier; None where the terms name nobody."""


class DebtPaid(Frozen):
    """G6: the packages that the P0 owed are complete."""

    type: Literal["debt_paid"] = "debt_paid"


class DebtOverdue(Frozen):
    """G6: the packages that the P0 owes are late."""

    type: Literal["debt_overdue"] = "debt_overdue"
    due: Instant


class GuessStood(Frozen):
    """G6: nobody lowered the guessed P0 in time: it pages."""

    type: Literal["guess_stood"] = "guess_stood"
    due: Instant


def may_skip_t2(ticket: Ticket) -> bool:
    """Return whether Tier 1 may escalate to Tier 3: Enterprise, and P0 and P1 on any paid plan (G5)."""
    urgent = ticket.priority in (Priority.P0, Priority.P1) and ticket.terms.plan.paid
    return ticket.terms.plan.plan is Plan.ENTERPRISE or urgent


def engineering_for(ticket: Ticket) -> Engineering:
    """Return what Tier 3 gets: an incident for P0 and P1, a bug for P2 and P3, else a request (G5).

    An issue that is still open, or on its way, is reused: engineering never gets the same problem twice from one
    ticket. On Free only a lead's word leads here (G7), and then it opens an incident like any other.
    """
    if _is_urgent(ticket):
        return "linked" if _in_incident(ticket) else "incident"
    if (ticket.issue and ticket.issue.open) or _on_its_way(ticket, *ISSUE):
        return "linked"
    return issue_for(ticket)


def issue_for(ticket: Ticket) -> MakesIssue:
    """Return which kind an issue of the ticket's own would have (G5)."""
    return "jira_request" if is_request(ticket) else "jira_bug"


def check_link(ticket: Ticket, to: Tier, issue: str) -> None:
    """Check that a person may say that `issue` has the ticket's problem already (F4). Raises Refused."""
    engineering = engineering_for(ticket)
    if to is not Tier.T3:
        raise Refused("does_not_fit", "an issue is linked on the way to Tier 3", would_fit=["escalate"])
    if _is_urgent(ticket):
        message = f"a {ticket.priority} goes to an incident, not to an issue"
        raise Refused("does_not_fit", message, would_fit=["escalate"])
    if engineering == "linked" and not (ticket.issue and ticket.issue.key == issue):
        known = ticket.issue.key if ticket.issue and ticket.issue.open else "an issue that is on its way"
        raise Refused("does_not_fit", f"engineering has it already, as {known}", would_fit=["escalate"])


def _is_urgent(ticket: Ticket) -> bool:
    return ticket.priority in (Priority.P0, Priority.P1) and not is_request(ticket)


def _in_incident(ticket: Ticket) -> bool:
    linked = ticket.incident is not None and ticket.incident.open
    return linked or bool(_on_its_way(ticket, *INCIDENT))


def _on_its_way(ticket: Ticket, *kinds: str) -> list[Effect]:
    return [effect for effect in ticket.pending_effects if effect.kind in kinds]


def _try_again(recording: Recording[Ticket], *kinds: str, at: datetime | None) -> None:
    """Try a refused effect again, rather than asking for a second one."""
    for effect in _on_its_way(recording.state, *kinds):
        if effect.failed:
            recording.record(EffectRetried(key=effect.key), at=at)


def hand_up(
    recording: Recording[Ticket],
    to: Tier,
    how: How,
    *,
    at: datetime | None = None,
    texts: dict[str, str] | None = None,
    issue: str = "",
) -> None:
    """Record the escalation, and how engineering gets it where `to` is T3. What it reopened itself it has already."""
    ticket = recording.state
    engineering = engineering_for(ticket) if how != "reopened" else "linked"
    if issue and engineering != "linked":
        engineering = "jira_link"
    body = Escalated(
        frm=ticket.tier,
        to=to,
        how=how,
        over_limit=ticket.escalation_due,
        to_engineering=engineering if to is Tier.T3 else None,
        issue=issue if engineering == "jira_link" else "",
        route=reroute(ticket, at or recording.at, tier=to),
    )
    by = SYSTEM if how in ("at_limit", "completed", "critical") else None
    recording.record(body, at=at, by=by, texts=texts)
    if body.to_engineering == "linked":
        _try_again(recording, *(INCIDENT if _is_urgent(ticket) else ISSUE), at=at)


def go_critical(recording: Recording[Ticket], *, at: datetime | None = None) -> None:
    """Apply G6: a P0 on a paid plan opens or joins an incident at once, even while it waits on the customer; the
    packages become a debt."""
    ticket = recording.state
    if _in_incident(ticket):
        return _try_again(recording, *INCIDENT, at=at)
    if ticket.status is Status.PENDING:
        recording.record(WaitEnded(end=at or recording.at, why="escalated"), at=at, by=SYSTEM)
    owed = bool(missing(ticket, Tier.T3))
    body = Escalated(
        frm=ticket.tier,
        to=Tier.T3,
        how="critical",
        to_engineering="incident",
        debt_due=(at or recording.at) + ticket.terms.limits.debt if owed else None,
        route=reroute(ticket, at or recording.at, tier=Tier.T3),
    )
    recording.record(body, at=at, by=SYSTEM)


def follow_priority(recording: Recording[Ticket]) -> None:
    """Follow a new priority (G5, G6). A P0 on a paid plan is critical at once; what engineering has already, and
    is urgent now, becomes part of an incident, which is notified of its bug. Lowered, it keeps the incident."""
    ticket = recording.state
    if ticket.priority is Priority.P0 and ticket.terms.plan.paid:
        return go_critical(recording)
    if ticket.tier is Tier.T3 and ticket.terms.plan.paid and engineering_for(ticket) == "incident":
        _ask_for_incident(recording, "incident")


def follow_terms(recording: Recording[Ticket], before: Ticket) -> None:
    """Do what new terms ask for at once (G2, G6). A P0 that comes to a paid plan is critical (a guess has its minutes
    first); and past the limit a package that is complete under them goes up."""
    ticket = recording.state
    if ticket.status not in ACTIVE or not ticket.terms.plan.paid:
        return
    if ticket.priority is Priority.P0 and not before.terms.plan.paid and ticket.guess_due is None:
        go_critical(recording)
    elif ticket.escalation_due and not missing(ticket, Tier.T2):
        hand_up(recording, Tier.T2, "completed")


def go_apart(recording: Recording[Ticket]) -> None:
    """Open another incident for a ticket that was in the wrong one and is a problem of its own."""
    _ask_for_incident(recording, "incident_own")


def _ask_for_incident(recording: Recording[Ticket], how: Literal["incident", "incident_own"]) -> None:
    """Ask for an incident. The gates were passed, or the packages are owed already."""
    body = Escalated(
        frm=recording.state.tier,
        to=Tier.T3,
        how="critical",
        to_engineering=how,
        route=reroute(recording.state, recording.at, tier=Tier.T3),
    )
    recording.record(body, by=SYSTEM)


def with_engineering(ticket: Ticket) -> bool:
    """Return whether an issue, and no incident, is what engineering works on for this ticket."""
    issue = bool(ticket.issue and ticket.issue.open) or bool(_on_its_way(ticket, *ISSUE))
    return issue and not _is_urgent(ticket)


def owed_debt(ticket: Ticket) -> Debt | None:
    """Return the packages that the ticket owes now (G6). None where they are paid, and where the ticket was part of
    its incident by mistake and asks for no other: then the gates ask for them again on the next way up."""
    link = ticket.incident
    left = link is not None and link.state == "left" and not _on_its_way(ticket, *INCIDENT)
    if ticket.debt is None or ticket.debt.paid or (left and ticket.terms.core_version >= 4):
        return None
    return ticket.debt


def pay_debt(recording: Recording[Ticket]) -> None:
    """Record that the packages which a P0 owes are complete, by what was filled in or because fewer are needed now."""
    ticket = recording.state
    if ticket.debt and not ticket.debt.paid and not missing(ticket, Tier.T3):
        recording.record(DebtPaid())


def guess_due(ticket: Ticket, terms: Terms, at: datetime) -> datetime | None:
    """Return when a P0 that only a rule guessed pages: some minutes after it comes to a paid plan, or is reopened
    unsettled. A Free P0 never pages."""
    guessed = ticket.priority_guessed and ticket.priority is Priority.P0 and ticket.tier is not Tier.T3
    return at + terms.limits.guess if guessed and terms.plan.paid else None


# -- Deadlines -------------------------------------------------------------------------------------------------


def _deadlines(ticket: Ticket) -> Iterator[Deadline]:
    if ticket.status not in ACTIVE:
        return
    if ticket.guess_due:
        yield Deadline(ticket.guess_due, Kind.GUESS, "Page, unless the guessed P0 is lowered")
    if (debt := owed_debt(ticket)) and not debt.overdue:
        yield Deadline(debt.due, Kind.DEBT, "Packages of the P0 are due")


def _guess_stands(recording: Recording[Ticket], _deadline: Deadline, lapse: Lapse) -> None:
    recording.record_lapse(GuessStood(due=lapse.due), lapse.due)
    go_critical(recording, at=max(lapse.due, recording.state.as_of))


def _debt_lapses(recording: Recording[Ticket], _deadline: Deadline, lapse: Lapse) -> None:
    recording.record_lapse(DebtOverdue(due=lapse.due), lapse.due)


# -- What follows ----------------------------------------------------------------------------------------------


def _escalated(ticket: Ticket, _event: Envelope, body: Escalated) -> Changes:
    changes: Changes = {
        "tier": body.to,
        "assignee": None,
        "stay": None,
        "status": Status.OPEN,
        "route": body.route,
        "issue": issue_marked(ticket, answered=False),
        "from_engineering": False,
    }
    if body.to is Tier.T3:  # G6: a guess is settled by a page or by lowering it, not by Tier 2
        changes["guess_due"] = None
    if body.to is Tier.T3 and body.frm is not Tier.T3:
        # A P0 that skipped the tiers has no agent to come back to: it comes back to Tier 2.
        tier = Tier.T2 if body.how == "critical" else body.frm
        changes["escalator"] = Escalator(tier=tier, agent=ticket.assignee)
    if body.debt_due:
        changes["debt"] = Debt(due=body.debt_due)
    return changes


def _debt_paid(ticket: Ticket, event: Envelope, _body: DebtPaid) -> Changes:
    return {"debt": ticket.debt and ticket.debt.model_copy(update={"paid": event.at})}


def _debt_overdue(ticket: Ticket, _event: Envelope, _body: DebtOverdue) -> Changes:
    return {"debt": ticket.debt and ticket.debt.model_copy(update={"overdue": True})}


def _effects(_before: Ticket | None, after: Ticket, event: Envelope) -> Iterator[Effect]:
    """Reach engineering for an escalation to Tier 3."""
    body = event.body
    if isinstance(body, Escalated) and body.to_engineering not in (None, "linked"):
        yield effect_of(after, event, body.to_engineering, issue=body.issue)


RULE = Rule[Ticket](
    events={
        Escalated: _escalated,
        DebtPaid: _debt_paid,
        DebtOverdue: _debt_overdue,
        GuessStood: lambda *_: {"guess_due": None, "priority_guessed": False},
    },
    deadlines=_deadlines,
    lapses={Kind.GUESS: _guess_stands, Kind.DEBT: _debt_lapses},
    effects=_effects,
    notices={DebtOverdue: lambda *_: ("debt_overdue", "The packages of a P0 are overdue")},
)
