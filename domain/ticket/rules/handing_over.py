"""G8: a ticket is handed up, back, or to the community, by a person.

Up: what a hand-off needs is in `gates`, where it leads in `escalation`.
"""

from typing import Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import LEADS, Command
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import On, Reason, Rule
from domain.core.enums import Status, Tier
from domain.core.input_types import IssueKey, Text
from domain.core.refusal import Refused
from domain.core.values import Frozen
from domain.ticket.rules.basics import active, issue_marked, needed
from domain.ticket.rules.escalation import ABOVE, How, check_link, engineering_for, hand_up, may_skip_t2, pay_debt
from domain.ticket.rules.evidence import answer_customer
from domain.ticket.rules.gates import in_order, missing
from domain.ticket.rules.package import Filling, record_filling
from domain.ticket.rules.package_fields import Package
from domain.ticket.rules.resolution import Closed
from domain.ticket.rules.routing import reroute
from domain.ticket.rules.safe_send import check_seen
from domain.ticket.rules.suspension import WaitEnded
from domain.ticket.state import (
    Route,
    Stay,
    Ticket,
)


class Escalate(Command):
    """Hand the ticket up. Names every field of the package that is missing."""

    do: Literal["escalate"] = "escalate"
    to: Literal["T2", "T3"] | None = None
    """The next tier, if not said. Straight from T1 to T3 is for Enterprise, and for P0 and P1 on a paid plan."""
    fields: Package | None = None
    force: bool = False
    """A lead's: Tier 1 to Tier 2 without the package, with a reason."""
    override: bool = False
    """A lead's: take a Free ticket past the community, with a reason."""
    reason: Text = ""
    issue: IssueKey | None = None
    """An open issue that has this problem already: the ticket is linked to it, and no other is made."""


class Return(Command):
    """Hand the ticket back a tier, with the reason. Bounces are counted."""

    do: Literal["return"] = "return"
    reason: Text = ""


class Returned(Frozen):
    """Handed back a tier, with a reason (G8)."""

    type: Literal["returned"] = "returned"
    frm: Tier
    to: Tier
    route: Route | None = None


class Refer(Command):
    """Refer a Free ticket to the community, with a link. It closes."""

    do: Literal["refer"] = "refer"
    link: Text = ""
    text: Text = ""


class Referred(Frozen):
    """A Free ticket was referred to the community (G2, G7)."""

    type: Literal["referred"] = "referred"


BELOW = {Tier.T2: Tier.T1, Tier.T3: Tier.T2}
"""The tier to which a ticket is handed back."""


def _escalate(recording: Recording[Ticket], command: Escalate) -> None:
    """Escalate the ticket if the gates are passed (G3, G4) and the plan allows it (G5, G7)."""
    check_seen(recording, command)
    ticket = recording.state
    to = Tier(command.to) if command.to else ABOVE.get(ticket.tier, Tier.T3)
    if to is not Tier.T3 and ticket.tier in (to, Tier.T3):
        raise Refused(
            "does_not_fit",
            f"the ticket is in {ticket.tier} already",
            would_fit=recording.aggregate.allowed_commands(ticket),
        )
    if to is Tier.T3 and ticket.tier is Tier.T1 and not may_skip_t2(ticket):
        message = "straight to Tier 3 is for Enterprise, and for P0 and P1 on a paid plan: escalate to T2"
        raise Refused("does_not_fit", message, would_fit=["escalate"])
    _check_leads_word(recording, command, to)
    if command.issue:
        check_link(ticket, to, command.issue)
    filling = Filling(ticket, command.fields or Package())
    if not filling.empty:
        record_filling(recording, filling)
        pay_debt(recording)
    if not command.force:
        _check_gates(recording.state, to, filling.blank)
    if recording.state.status is Status.PENDING:
        recording.record(WaitEnded(end=recording.at, why="escalated"))
    how: How = "forced" if command.force else "by_hand"
    hand_up(recording, to, how, texts={"reason": command.reason}, issue=command.issue or "")


def _check_leads_word(recording: Recording[Ticket], command: Escalate, to: Tier) -> None:
    """Refuse to force Tier 1 to Tier 2 (G2), or Free past the community (G7), without a lead and a reason."""
    lead = command.role in LEADS
    if command.force and (to is not Tier.T2 or not lead):
        raise Refused("not_allowed", "only a lead forces an escalation, and only from Tier 1 to Tier 2")
    if not recording.state.terms.plan.paid and not (command.override and lead):
        message = "a Free ticket stops at the community: refer it, or let a lead override with a reason"
        raise Refused("not_allowed", message, would_fit=["refer", "resolve"])
    if command.force or command.override:
        needed(reason=command.reason)


def _check_gates(ticket: Ticket, to: Tier, blank: list[str]) -> None:
    """Refuse, with every missing name at once (G3, G4). A field given blank is missing, whatever it held."""
    lacking = missing(ticket, to)
    names = {name.split(".")[0] for name in lacking}
    if lacking := in_order(ticket, lacking + [name for name in blank if name.split(".")[0] not in names]):
        raise Refused("missing_fields", f"not yet: {to} needs {', '.join(lacking)}", missing=lacking)


def _may_escalate(ticket: Ticket) -> Reason:
    """Return why not: it is in Tier 3, and no lowered ticket that asks for a bug beside its incident (G5)."""
    there = ticket.tier is Tier.T3 and engineering_for(ticket) in ("incident", "linked")
    return "the ticket is in Tier 3 already" if there else active(ticket)


def _return(recording: Recording[Ticket], command: Return) -> None:
    """Hand the ticket back one tier, with the reason (G8).

    What engineering has answered is back a tier already, so a hand-back that an engineer sends at the same time must
    not drop it another one: from there it is handed on by whoever has it, or by a lead.
    """
    ticket = recording.state
    others = command.by != ticket.assignee and command.role not in LEADS
    if ticket.from_engineering and others and ticket.terms.core_version >= 4:
        message = f"engineering has answered already: it is in {ticket.tier}, and handed on by its agent or a lead"
        raise Refused("does_not_fit", message, would_fit=recording.aggregate.allowed_commands(ticket))
    to = BELOW[ticket.tier]
    body = Returned(frm=ticket.tier, to=to, route=reroute(ticket, recording.at, tier=to))
    recording.record(body, texts=needed(reason=command.reason))


def _may_return(ticket: Ticket) -> Reason:
    return "there is no tier below Tier 1" if ticket.tier is Tier.T1 else active(ticket)


def _refer(recording: Recording[Ticket], command: Refer) -> None:
    """Refer a Free ticket to the community, with a link, and close it (G2, G7)."""
    link = needed(link=command.link)
    recording.record(Referred(), texts=link | {"text": command.text})
    answer_customer(recording, recording.at)  # C5
    recording.record(Closed(how="referred"))


def _may_refer(ticket: Ticket) -> Reason:
    """Return why not: the ticket is on a paid plan, and the community is for Free (G7)."""
    return "only a Free ticket is referred to the community" if ticket.terms.plan.paid else active(ticket)


def _returned(ticket: Ticket, _event: Envelope, body: Returned) -> Changes:
    changes: Changes = {"tier": body.to, "assignee": None, "bounces": ticket.bounces + 1, "route": body.route}
    changes["issue"] = issue_marked(ticket, answered=False)
    changes["from_engineering"] = False
    if body.to is Tier.T1:  # G1: a hand-back starts a new stay, and they are counted
        changes |= {"stays": ticket.stays + 1, "stay": Stay(number=ticket.stays + 1)}
    return changes


RULE = Rule[Ticket](
    commands={
        Escalate: On(_escalate, _may_escalate),
        Return: On(_return, _may_return),
        Refer: On(_refer, _may_refer),
    },
    events={Returned: _returned},
)
