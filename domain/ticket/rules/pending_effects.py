"""Effects that are not done yet (F5), as they stand on a ticket: done, refused, tried again, pending for too long."""

from collections.abc import Iterator
from typing import Any, Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.deadline import Deadline
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import Lapse, Notified, Rule
from domain.core.values import Frozen, Instant
from domain.ticket.deadline_kinds import Kind
from domain.ticket.effect_kinds import ON_TRACKER, ForIssue, in_words
from domain.ticket.rules.gates import is_request
from domain.ticket.state import (
    IncidentLink,
    IssueLink,
    Ticket,
)


class EffectDone(Frozen):
    """The outside world did its part."""

    type: Literal["effect_done"] = "effect_done"
    key: str
    jira_key: str | None = None
    jira_url: str | None = None
    incident: int | None = None


class EffectFailed(Frozen):
    """Refused for good; the reasons are for a person, who corrects it and retries."""

    type: Literal["effect_failed"] = "effect_failed"
    key: str


class EffectOverdue(Frozen):
    """An effect is pending for too long; ops are notified (F5)."""

    type: Literal["effect_overdue"] = "effect_overdue"
    key: str
    due: Instant


class EffectRetried(Frozen):
    """A person asked for it to be tried again."""

    type: Literal["effect_retried"] = "effect_retried"
    key: str
    kind: ForIssue | None = None
    """It is done another way now: an issue is made instead, or `issue` is linked to. None: as before."""
    issue: str = ""


def late(ticket: Ticket | None) -> frozenset[str]:
    """Return the keys of the effects for which the tracker has kept the ticket waiting for too long (F5).

    A tracker that is down keeps all tickets waiting, as a rule: so ops are alerted once for all of them
    (`store.late_effects`).
    """
    pending = (effect for effect in (ticket.pending_effects if ticket else ()) if effect.kind in ON_TRACKER)
    return frozenset(effect.key for effect in pending if effect.alerted and not effect.failed)


def issue_of(ticket: Ticket, key: str) -> IssueLink:
    """Return what is known of the issue `key`; it may speak before the effect that made it has reported back."""
    return ticket.issue if ticket.issue and ticket.issue.is_called(key) else IssueLink(key=key, url="", kind="bug")


def _deadlines(ticket: Ticket) -> Iterator[Deadline]:
    for effect in ticket.pending_effects:
        if not effect.alerted and not effect.failed:
            due = effect.since + ticket.terms.limits.effect_alert
            yield Deadline(due, Kind.EFFECT, "Notify ops that an effect is pending", key=effect.key)


def _lapse(recording: Recording[Ticket], deadline: Deadline, lapse: Lapse) -> None:
    recording.record_lapse(EffectOverdue(key=deadline.key, due=lapse.due), lapse.due)


def _changed(ticket: Ticket, key: str, **update: Any) -> Changes:
    return {
        "pending_effects": tuple(x.model_copy(update=update) if x.key == key else x for x in ticket.pending_effects)
    }


def _done(ticket: Ticket, _event: Envelope, body: EffectDone) -> Changes:
    done = next((effect for effect in ticket.pending_effects if effect.key == body.key), None)
    changes: Changes = {"pending_effects": tuple(effect for effect in ticket.pending_effects if effect.key != body.key)}
    if body.jira_key:
        request = done and (done.kind == "jira_request" or (done.kind == "jira_link" and is_request(ticket)))
        kind = "request" if request else "bug"
        known = issue_of(ticket, body.jira_key)
        moved = known.key != body.jira_key  # since it was made, and an update of the issue has said so already
        changes["issue"] = known.model_copy(update={"url": known.url if moved else body.jira_url or "", "kind": kind})
    link = ticket.incident
    if body.incident is not None and (link is None or link.number != body.incident or link.state == "left"):
        version = link.version if link and link.number == body.incident else 0
        changes["incident"] = IncidentLink(number=body.incident, version=version)
    return changes


def _retried(ticket: Ticket, event: Envelope, body: EffectRetried) -> Changes:
    other = {"kind": body.kind, "issue": body.issue} if body.kind else {}
    return _changed(ticket, body.key, failed=False, alerted=False, since=event.at, **other)


def _notify_overdue(ticket: Ticket, _event: Envelope, body: EffectOverdue) -> Notified:
    """Notify ops of overdue effects. Those of the tracker are notified once for all tickets (`store.late_effects`)."""
    return None if body.key in late(ticket) else ("effect_failing", f"Pending for too long: {in_words(body.key)}")


def _notify_failed(_ticket: Ticket, _event: Envelope, body: EffectFailed) -> Notified:
    return "effect_failing", f"Refused, a person must act: {in_words(body.key)}"


RULE = Rule[Ticket](
    events={
        EffectDone: _done,
        EffectFailed: lambda ticket, _, body: _changed(ticket, body.key, failed=True),
        EffectOverdue: lambda ticket, _, body: _changed(ticket, body.key, alerted=True),
        EffectRetried: _retried,
    },
    deadlines=_deadlines,
    lapses={Kind.EFFECT: _lapse},
    notices={EffectOverdue: _notify_overdue, EffectFailed: _notify_failed},
)
