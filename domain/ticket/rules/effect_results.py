"""What Tierline reports of effects that it carried out for a ticket, and a person's word to try them again."""

from typing import ClassVar, Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import STAFF, Command
from domain.aggregate.rule import On, Reason, Rule
from domain.calendars.calendar import Calendar
from domain.core.enums import Role
from domain.core.input_types import IssueKey, Short, Text
from domain.core.refusal import Refused
from domain.ticket.effect_kinds import ISSUE
from domain.ticket.rules.escalation import issue_for
from domain.ticket.rules.pending_effects import EffectDone, EffectFailed, EffectRetried
from domain.ticket.rules.terms import TermsReplaced
from domain.ticket.state import (
    Ticket,
)


class ReportDone(Command):
    """Tierline itself: an effect was carried out."""

    do: Literal["effect_done"] = "effect_done"
    who: ClassVar[frozenset[Role]] = frozenset({Role.SYSTEM})
    key: Short
    jira_key: Short | None = None
    jira_url: Text | None = None
    incident: int | None = None
    calendar: Calendar | None = None


class ReportFailed(Command):
    """Tierline itself: an effect was refused for good."""

    do: Literal["effect_failed"] = "effect_failed"
    who: ClassVar[frozenset[Role]] = frozenset({Role.SYSTEM})
    key: Short
    reason: Text


class Retry(Command):
    """Try an effect again that the other side refused, after what it named was corrected."""

    do: Literal["retry"] = "retry"
    who: ClassVar[frozenset[Role]] = STAFF
    issue: IssueKey | None = None
    """Link to this issue instead of what was refused."""
    new: bool = False
    """Make a new issue, instead of a link that was refused."""


def _done(recording: Recording[Ticket], command: ReportDone) -> None:
    """Record that an effect was carried out. Nothing, if it is not pending: then it was reported before."""
    if any(effect.key == command.key for effect in recording.state.pending_effects):
        body = EffectDone(
            key=command.key, jira_key=command.jira_key, jira_url=command.jira_url, incident=command.incident
        )
        recording.record(body)
        if command.calendar is not None:  # known for longer: every clock is counted on it from here on
            terms = recording.state.terms.model_copy(update={"calendar": command.calendar})
            recording.record(TermsReplaced(terms=terms))


def _failed(recording: Recording[Ticket], command: ReportFailed) -> None:
    """Record that an effect was refused for good: a person must act."""
    if any(effect.key == command.key and not effect.failed for effect in recording.state.pending_effects):
        recording.record(EffectFailed(key=command.key), texts={"reason": command.reason})


def _retry(recording: Recording[Ticket], command: Retry) -> None:
    """Try again every effect that was refused; an issue perhaps in another way, as the command says."""
    ticket = recording.state
    failed = [effect for effect in ticket.pending_effects if effect.failed]
    if (command.issue or command.new) and not any(effect.kind in ISSUE for effect in failed):
        raise Refused("does_not_fit", "no issue was refused, and no link to one", would_fit=["retry"])
    if command.issue and command.new:
        raise Refused("malformed", "either another issue or one of its own: give one of the two")
    other = "jira_link" if command.issue else issue_for(ticket) if command.new else None
    for effect in failed:
        kind = other if effect.kind in ISSUE else None
        recording.record(EffectRetried(key=effect.key, kind=kind, issue=(command.issue or "") if kind else ""))


def _may_retry(ticket: Ticket) -> Reason:
    return None if any(effect.failed for effect in ticket.pending_effects) else "nothing was refused"


RULE = Rule[Ticket](
    commands={ReportDone: On(_done), ReportFailed: On(_failed), Retry: On(_retry, _may_retry)},
)
