"""The life of an incident: somebody has it, the pain is gone, it is over; who leads it, and how severe it is."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import MACHINES, Command
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import On, Reason, Rule
from domain.core.actor import Actor
from domain.core.enums import Priority, Role
from domain.core.input_types import Name, Short, Text
from domain.core.refusal import Refused
from domain.core.values import Frozen, Instant
from domain.incident.rules.basics import (
    declared,
    effect_of,
    needed,
    no_more_pages,
    not_ended,
    responding,
    with_announcement,
)
from domain.incident.state import (
    Effect,
    Incident,
    IncidentState,
)
from domain.incident.terms import business_days

_FACT = frozenset({Role.SYSTEM, Role.OPS, Role.ADMIN})

_LEADS_WHO_CAME = 2
"""Since which core version whoever acknowledges is the commander (G6)."""


class Acknowledge(Command):
    """Take the incident on: nobody else is paged."""

    do: Literal["acknowledge"] = "acknowledge"
    comment: Text = ""


class PageAcknowledged(Command):
    """The pager says: somebody took the page."""

    do: Literal["page_acknowledged"] = "page_acknowledged"
    who: ClassVar[frozenset[Role]] = _FACT | {Role.INTEGRATION}
    page: Short | None = None
    """The pager's key of the page that was taken, with its step."""
    occurred: Instant | None = None
    """When, by the pager's clock. It may arrive much later."""


class Acknowledged(Frozen):
    """Somebody has it: no further page."""

    type: Literal["acknowledged"] = "acknowledged"
    by_pager: bool = False
    """The pager said so, not a command."""
    page: str | None = None
    """Of `by_pager`: the pager's key of the page that was taken."""
    occurred: Instant | None = None
    """Of `by_pager`: when, by the pager's clock."""


PagerAct = Literal["acknowledged", "resolved", "unacknowledged", "reopened", "escalated"]
"""What befell a page: a machine acknowledged or resolved it; its acknowledgement timed out, it was opened again, or it
was passed on and rings for somebody else."""
RINGS = ("unacknowledged", "reopened", "escalated")
"""After what nobody has the page any more."""


class ReportPagerAct(Command):
    """The pager says: something befell a page by which nobody took it."""

    do: Literal["pager_acted"] = "pager_acted"
    who: ClassVar[frozenset[Role]] = _FACT | {Role.INTEGRATION}
    what: PagerAct
    page: Short
    """The pager's key of the page, with its step."""
    occurred: Instant
    """When, by the pager's clock. It may arrive much later."""


class PagerActed(Frozen):
    """Something befell a page at the pager by which nobody took it."""

    type: Literal["pager_acted"] = "pager_acted"
    what: PagerAct
    page: str
    """The pager's key of the page."""
    occurred: Instant
    """When, by the pager's clock."""
    lapsed: bool = False
    """The acknowledgement that the incident had is over: nobody has it, and the ladder goes on."""


class Mitigate(Command):
    """Say that the customers' pain is gone, even if the cause is not."""

    do: Literal["mitigate"] = "mitigate"
    comment: Text = ""


class Mitigated(Frozen):
    """The customers' pain is gone; the cause may not be."""

    type: Literal["mitigated"] = "mitigated"


class Resolve(Command):
    """Say that it is over. Every ticket's packages must be complete by then; a review becomes due."""

    do: Literal["resolve"] = "resolve"
    comment: Text = ""


class Resolved(Frozen):
    """It is over: pages end, tickets come back to their agents, a review is due."""

    type: Literal["resolved"] = "resolved"
    review_due: Instant


class Cancel(Command):
    """Say that it was none, with the reason: pages end, and tickets come back to their agents."""

    do: Literal["cancel"] = "cancel"
    reason: Text = ""


class Cancelled(Frozen):
    """It was none: pages end, tickets come back to their agents."""

    type: Literal["cancelled"] = "cancelled"
    why: Literal["by_hand", "lowered", "empty"] = "by_hand"
    """`lowered`: all its tickets were, within the guess window; `empty`: the last one left."""


class HandOver(Command):
    """Hand the incident over to another commander."""

    do: Literal["hand_over"] = "hand_over"
    to: Name | None = None
    comment: Text = ""


class HandedOver(Frozen):
    """Another commander leads."""

    type: Literal["handed_over"] = "handed_over"
    frm: str
    to: str


class AssignCommunications(Command):
    """Say who writes to the customers."""

    do: Literal["communications"] = "communications"
    to: Name | None = None


class CommunicationsAssigned(Frozen):
    """Who writes to customers."""

    type: Literal["communications_assigned"] = "communications_assigned"
    to: str


class ChangeSeverity(Command):
    """Raise or lower the severity, with the reason."""

    do: Literal["severity"] = "severity"
    priority: Literal[Priority.P0, Priority.P1] | None = None
    reason: Text = ""


class SeverityChanged(Frozen):
    """Raised or lowered."""

    type: Literal["severity_changed"] = "severity_changed"
    old: Priority
    new: Priority


def _acknowledge(recording: Recording[Incident], command: Acknowledge) -> None:
    recording.record(Acknowledged(), texts={"comment": command.comment})


def _page_acknowledged(recording: Recording[Incident], command: PageAcknowledged) -> None:
    """Acknowledge the incident, unless the fact arrives after the news that this very acknowledgement has timed out."""
    lapsed = recording.state.lapsed_at_pager
    if recording.state.state != "declared" or (lapsed and command.occurred and command.occurred <= lapsed):
        return
    recording.record(Acknowledged(by_pager=True, page=command.page, occurred=command.occurred))


def _pager_acted(recording: Recording[Incident], command: ReportPagerAct) -> None:
    """Record what happened at the pager. What no person did acknowledges nothing; it is on the timeline while nobody
    has taken the incident.

    An acknowledgement that timed out is over if it is the one by which somebody has the incident. An acknowledgement
    that was given here, and the work that has followed, stand.
    """
    incident = recording.state
    lapsed = False
    if command.what in RINGS:
        later = incident.taken_at_pager is None or incident.taken_at_pager <= command.occurred
        lapsed = incident.state == "acknowledged" and incident.taken_page == command.page and later
        if incident.over:
            return
    elif incident.state != "declared":
        return  # mostly the pager's echo of what we sent it ourselves
    recording.record(PagerActed(what=command.what, page=command.page, occurred=command.occurred, lapsed=lapsed))


def _mitigate(recording: Recording[Incident], command: Mitigate) -> None:
    recording.record(Mitigated(), texts={"comment": command.comment})


def _not_mitigated(incident: Incident) -> Reason:
    return None if incident.state in ("declared", "acknowledged") else f"the incident is {incident.state}"


def _hand_over(recording: Recording[Incident], command: HandOver) -> None:
    needed(to=command.to)
    assert command.to is not None
    if command.to == recording.state.commander:
        raise recording.aggregate.not_allowed_now(recording.state, f"{command.to} is the commander already")
    body = HandedOver(frm=recording.state.commander, to=command.to)
    recording.record(body, texts={"comment": command.comment})


def _communications(recording: Recording[Incident], command: AssignCommunications) -> None:
    needed(to=command.to)
    assert command.to is not None
    recording.record(CommunicationsAssigned(to=command.to))


def _severity(recording: Recording[Incident], command: ChangeSeverity) -> None:
    needed(priority=command.priority, reason=command.reason)
    assert command.priority is not None
    if command.priority is recording.state.priority:
        raise recording.aggregate.not_allowed_now(recording.state, f"the incident is {command.priority} already")
    change_severity(recording, command.priority, command.reason)


def change_severity(recording: Recording[Incident], new: Priority, reason: str, by: Actor | None = None) -> None:
    body = SeverityChanged(old=recording.state.priority, new=new)
    recording.record(body, by=by, texts={"reason": reason})


NAMED = 50
"""How many tickets a refusal names, of those that owe something."""


def _resolve(recording: Recording[Incident], command: Resolve) -> None:
    """Resolve the incident, once no ticket owes its package (G6). The refusal names the tickets and each missing
    field."""
    incident = recording.state
    if owing := incident.owing:
        named = dict(list(owing.items())[:NAMED])
        missing = [f"{ticket}.{field}" for ticket, fields in named.items() for field in fields]
        tickets = ", ".join(f"ticket-{ticket}" for ticket in named)
        more = f" and {len(owing) - NAMED} more" if len(owing) > NAMED else ""
        raise Refused("missing_fields", f"packages are owed still, by {tickets}{more}", missing=missing)
    review = incident.terms.of(incident.priority).review
    due = (
        recording.at + review.budget if review.budget else business_days(incident.terms, recording.at, review.days or 0)
    )
    recording.record(Resolved(review_due=due), texts={"comment": command.comment})


def _cancel(recording: Recording[Incident], command: Cancel) -> None:
    needed(reason=command.reason)
    recording.record(Cancelled(), texts={"reason": command.reason})


# -- What follows ----------------------------------------------------------------------------------------------


def _to(incident: Incident, event: Envelope, state: IncidentState) -> Changes:
    comment = event.texts.get("comment") or event.texts.get("reason", "")
    return {"state": state, "state_since": event.at} | with_announcement(incident, event, state=state, comment=comment)


def _taken_on(incident: Incident, event: Envelope) -> Changes:
    """Record that somebody has taken the incident."""
    return {"acknowledged_at": incident.acknowledged_at or event.at}


def _over(incident: Incident, event: Envelope, state: IncidentState) -> Changes:
    no_updates = {"update_due": None, "update_reminder_at": None}
    return _to(incident, event, state) | no_updates | no_more_pages(incident)


def _acknowledged(incident: Incident, event: Envelope, body: Acknowledged) -> Changes:
    taken = {"taken_page": body.page, "taken_at_pager": body.occurred}
    leads = {"commander": event.actor.id} if _comes_to_lead(incident, event, body) else {}
    return _to(incident, event, "acknowledged") | _taken_on(incident, event) | no_more_pages(incident) | taken | leads


def _comes_to_lead(incident: Incident, event: Envelope, body: Acknowledged) -> bool:
    """Return whether a person who acknowledges becomes the commander (G6): not if it was handed over to somebody
    before.

    Whoever takes the page at the pager is not: the pager knows people by names of its own, which nobody signs in with.
    """
    here = not body.by_pager and event.actor.role not in MACHINES
    return here and incident.terms.core_version >= _LEADS_WHO_CAME and incident.commander == incident.terms.commander


def _acted_at_pager(incident: Incident, event: Envelope, body: PagerActed) -> Changes:
    """Take the incident from its responder where the acknowledgement timed out. The pager then calls the same person
    again; if that is of no use, the next step of the ladder is paged."""
    if not body.lapsed:
        return {}
    nobody = {"acknowledged_at": None, "taken_page": None, "taken_at_pager": None, "lapsed_at_pager": body.occurred}
    next_page = event.at + incident.terms.of(incident.priority).acknowledge
    return _to(incident, event, "declared") | nobody | {"next_page": next_page}


def _mitigated(incident: Incident, event: Envelope, _body: Mitigated) -> Changes:
    mitigated = {"mitigated_at": event.at} | _taken_on(incident, event)
    return _to(incident, event, "mitigated") | mitigated | no_more_pages(incident)


def _resolved(incident: Incident, event: Envelope, body: Resolved) -> Changes:
    review = {"resolved_at": event.at, "review_due": body.review_due, "review_reminder_at": body.review_due}
    return _over(incident, event, "resolved") | _taken_on(incident, event) | review


def _severity_changed(incident: Incident, event: Envelope, body: SeverityChanged) -> Changes:
    """Go on with the ladder from the last page at the new pace, with updates from the change; nothing is due in the
    past."""
    old, new = incident.terms.of(body.old), incident.terms.of(body.new)
    news = with_announcement(incident, event, priority=body.new, comment=event.texts.get("reason", ""))
    changes: Changes = {"priority": body.new} | news
    if incident.next_page and incident.steps_paged:
        changes["next_page"] = max(event.at, incident.next_page - old.acknowledge + new.acknowledge)
    if incident.update_due and not incident.update_missed:
        raised = new.updates < old.updates
        wait = new.updates if incident.updates_posted or not raised else new.first_update
        due = min(incident.update_due, event.at + wait) if raised else event.at + wait
        changes |= {"update_due": due, "update_reminder_at": due}
    return changes


def _effects(before: Incident | None, after: Incident, event: Envelope) -> Iterator[Effect]:
    """Notify the pager that somebody has the incident, or that it is over; let the next problem open another."""
    body = event.body
    if isinstance(body, Resolved | Cancelled):
        yield effect_of(after, event, "close")
        if after.pages:
            yield effect_of(after, event, "end_pages")
    taken_on = after.acknowledged_at and not (before and before.acknowledged_at)
    # The pager itself knows of the one page that was answered there, and of no other step's.
    known = isinstance(body, Acknowledged) and body.by_pager and len(after.pages) == 1
    if taken_on and after.pages and not after.over and not known:
        yield effect_of(after, event, "acknowledge_pages")


RULE = Rule[Incident](
    commands={
        Acknowledge: On(_acknowledge, declared),
        PageAcknowledged: On(_page_acknowledged),
        ReportPagerAct: On(_pager_acted),
        Mitigate: On(_mitigate, _not_mitigated),
        HandOver: On(_hand_over, not_ended),
        AssignCommunications: On(_communications, not_ended),
        ChangeSeverity: On(_severity, responding),
        Resolve: On(_resolve, responding),
        Cancel: On(_cancel, responding),
    },
    events={
        Acknowledged: _acknowledged,
        PagerActed: _acted_at_pager,
        Mitigated: _mitigated,
        HandedOver: lambda _incident, _event, body: {"commander": body.to},
        CommunicationsAssigned: lambda _incident, _event, body: {"communications": body.to},
        SeverityChanged: _severity_changed,
        Resolved: _resolved,
        Cancelled: lambda incident, event, _body: _over(incident, event, "cancelled"),
    },
    effects=_effects,
)
