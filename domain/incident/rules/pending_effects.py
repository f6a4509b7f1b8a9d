"""Effects that are not done yet (F5): done, refused, tried again, let go of, or pending for too long."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, ClassVar, Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import Command
from domain.aggregate.deadline import Deadline
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import Lapse, Notified, On, Reason, Rule
from domain.core.enums import Role
from domain.core.input_types import Short, Text
from domain.core.values import Frozen, Instant
from domain.incident.deadline_kinds import Kind
from domain.incident.phrases import effect_in_words
from domain.incident.rules.basics import effect_of
from domain.incident.rules.paging import LadderRestarted
from domain.incident.rules.tickets import with_former_members_notified, with_notified_up_to
from domain.incident.state import Incident


class ReportDone(Command):
    """Tierline itself: an effect was carried out."""

    do: Literal["effect_done"] = "effect_done"
    who: ClassVar[frozenset[Role]] = frozenset({Role.SYSTEM})
    key: Short
    jira_key: Short | None = None
    jira_url: Text | None = None


class ReportFailed(Command):
    """Tierline itself: an effect was refused for good, or not taken in time."""

    do: Literal["effect_failed"] = "effect_failed"
    who: ClassVar[frozenset[Role]] = frozenset({Role.SYSTEM})
    key: Short
    reason: Text


class Retry(Command):
    """Try again what failed, after what was wrong is corrected; or let go of it."""

    do: Literal["retry"] = "retry"
    let_go: bool = False


class EffectDone(Frozen):
    """The outside world did its part."""

    type: Literal["effect_done"] = "effect_done"
    key: str
    jira_key: str | None = None
    jira_url: str | None = None


class EffectFailed(Frozen):
    """Refused for good, or not taken in time; the reason is for a person."""

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


class EffectDropped(Frozen):
    """A person let go of it."""

    type: Literal["effect_dropped"] = "effect_dropped"
    key: str


def _retry(recording: Recording[Incident], command: Retry) -> None:
    """Try all failed effects again, or give them up. Where nobody acknowledged, the ladder begins anew."""
    for effect in recording.state.pending_effects:
        if effect.failed:
            recording.record(EffectDropped(key=effect.key) if command.let_go else EffectRetried(key=effect.key))
    if recording.state.unanswered and not command.let_go:
        recording.record(LadderRestarted())


def _may_retry(incident: Incident) -> Reason:
    return (
        None
        if any(effect.failed for effect in incident.pending_effects) or incident.unanswered
        else "nothing has failed"
    )


def _report_done(recording: Recording[Incident], command: ReportDone) -> None:
    if any(effect.key == command.key for effect in recording.state.pending_effects):
        recording.record(EffectDone(key=command.key, jira_key=command.jira_key, jira_url=command.jira_url))


def _report_failed(recording: Recording[Incident], command: ReportFailed) -> None:
    if any(effect.key == command.key and not effect.failed for effect in recording.state.pending_effects):
        recording.record(EffectFailed(key=command.key), texts={"reason": command.reason})


def _deadlines(incident: Incident) -> Iterator[Deadline]:
    for effect in incident.pending_effects:
        if not effect.alerted and not effect.failed:
            due = effect.since + incident.terms.effect_alert
            yield Deadline(due, Kind.EFFECT, f"Notify ops that {effect.kind} is pending", effect.key)


def _lapse(recording: Recording[Incident], deadline: Deadline, lapse: Lapse) -> None:
    recording.record_lapse(EffectOverdue(key=deadline.key, due=lapse.due), lapse.due)


# -- What follows ----------------------------------------------------------------------------------------------


def _changed(incident: Incident, key: str, **update: Any) -> Changes:
    return {
        "pending_effects": tuple(x.model_copy(update=update) if x.key == key else x for x in incident.pending_effects)
    }


def _page_is(incident: Incident, key: str | None, state: str) -> Changes:
    return {"pages": tuple(p.model_copy(update={"state": state}) if p.key == key else p for p in incident.pages)}


def _done(incident: Incident, _event: Envelope, body: EffectDone) -> Changes:
    done = next(effect for effect in incident.pending_effects if effect.key == body.key)
    changes: Changes = {
        "pending_effects": tuple(effect for effect in incident.pending_effects if effect.key != body.key)
    }
    match done.kind:
        case "page":
            changes |= _page_is(incident, done.page, "accepted")
        case "page_elsewhere":
            changes |= _page_is(incident, done.page, "elsewhere")
        case "issue":
            changes |= {"issue_key": body.jira_key, "issue_url": body.jira_url}
        case "review_issue":
            changes |= {"review_key": body.jira_key, "review_url": body.jira_url}
        case "action_issue":
            key = {"issue_key": body.jira_key}
            changes["actions"] = tuple(a.model_copy(update=key) if a.seq == done.seq else a for a in incident.actions)
    return changes


def _failed(incident: Incident, event: Envelope, body: EffectFailed) -> Changes:
    """Try a page that the pager refused on the second channel; any other refused effect waits for a person."""
    failed = next(effect for effect in incident.pending_effects if effect.key == body.key)
    if failed.kind != "page":
        return _changed(incident, body.key, failed=True)
    second = effect_of(incident, event, "page_elsewhere", page=failed.page)
    others = tuple(effect for effect in incident.pending_effects if effect.key != body.key)
    return {"pending_effects": (*others, second)} | _page_is(incident, failed.page, "failed")


def _let_go(incident: Incident, key: str) -> Changes:
    """Drop an effect. The tickets that it was to notify count as notified."""
    dropped = next(effect for effect in incident.pending_effects if effect.key == key)
    pending_effects: Changes = {
        "pending_effects": tuple(effect for effect in incident.pending_effects if effect.key != key)
    }
    if not dropped.tickets:
        return pending_effects
    return (
        pending_effects
        | with_former_members_notified(incident, dropped.tickets)
        | with_notified_up_to(incident, dropped.tickets, incident.version)
    )


def _try_again(incident: Incident, key: str, at: datetime) -> Changes:
    """Begin again at the pager with a page that neither channel took."""
    retried = next(effect for effect in incident.pending_effects if effect.key == key)
    again = retried.model_copy(update={"failed": False, "alerted": False, "since": at})
    if retried.page:
        again = again.model_copy(update={"kind": "page", "key": retried.page})
    pending_effects = tuple(again if effect.key == key else effect for effect in incident.pending_effects)
    return {"pending_effects": pending_effects} | (_page_is(incident, retried.page, "sending") if retried.page else {})


def _notify_overdue(_incident: Incident, _event: Envelope, body: EffectOverdue) -> Notified:
    return "effect_failing", f"Pending for too long: {effect_in_words(body.key)}"


def _notify_failed(_incident: Incident, _event: Envelope, body: EffectFailed) -> Notified:
    return "effect_failing", f"Refused, a person must act: {effect_in_words(body.key)}"


RULE = Rule[Incident](
    commands={
        Retry: On(_retry, _may_retry),
        ReportDone: On(_report_done),
        ReportFailed: On(_report_failed),
    },
    events={
        EffectDone: _done,
        EffectFailed: _failed,
        EffectOverdue: lambda incident, _event, body: _changed(incident, body.key, alerted=True),
        EffectRetried: lambda incident, event, body: _try_again(incident, body.key, event.at),
        EffectDropped: lambda incident, _event, body: _let_go(incident, body.key),
    },
    deadlines=_deadlines,
    lapses={Kind.EFFECT: _lapse},
    notices={EffectOverdue: _notify_overdue, EffectFailed: _notify_failed},
)
